"""All objects of a plane without prompts, offered like many objects with prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.conftest import Disks

from napari_samara import api
from napari_samara.engine.automatic import Scene, Watch, automatic_masks
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.errors import SessionError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.session import Session
from napari_samara.session.finding import Finding, Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def session(disks: Disks) -> Iterator[Session]:
    """On the disks, with the checkpoint of the package, everything in the calling thread."""
    made = Session(disks.image, api.load("samara-tiny", device="cpu"))
    yield made
    made.close()


def found_in(labels: np.ndarray, disks: Disks) -> int:
    """How many disks are labelled, each with a label of its own."""
    return len({int(np.bincount(labels[disks.labels == n]).argmax()) for n in range(1, 13)} - {0})


def test_all_objects_are_offered_accepted_and_undone(session: Session, disks: Disks) -> None:
    told: list[str] = []
    session.events.status.connect(lambda status: told.append(status.message))
    session.find_all()
    assert not session.finding
    assert "looking for objects" in told
    assert len(session.batch) == len(session.seeds) >= 11
    records = session.accept_many()
    assert len(records) == len(set(np.unique(session.labels)) - {0})
    assert found_in(session.labels, disks) >= 11
    session.undo()  # one step takes all of them back
    assert not session.labels.any()
    assert len(session.batch) >= 11
    session.undo()
    assert session.batch == ()
    assert len(session.seeds) == 0


def test_what_is_drawn_while_it_searches_follows_from_points(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masks that are cut out of maps would be shown and then replaced by others."""
    asked: list[AutomaticSettings] = []

    def search(predictor: object, scene: Scene, settings: AutomaticSettings, watch: Watch) -> Any:
        asked.append(settings)
        return automatic_masks(predictor, scene, settings, watch)

    monkeypatch.setattr("napari_samara.engine.automatic.automatic_masks", search)
    session.find_all(AutomaticSettings(score=0.7))
    assert [(one.cut_out, one.score) for one in asked] == [(False, 0.7)]


def test_the_score_limit_acts_afterwards(session: Session) -> None:
    session.find_all()
    middle = float(np.median([one.score for one in session.batch]))
    session.at_least = middle
    assert 0 < len(session.picked) < len(session.batch)


def test_a_slice_of_a_stack_as_it_is_shown(disks: Disks) -> None:
    stack = np.zeros((3, *disks.image.T.shape), np.uint8)
    stack[1] = disks.image.T
    session = Session(stack, api.load("samara-tiny", device="cpu"))
    session.plane = Plane.of(3, (2, 1), {0: 1})  # columns shown as rows
    session.find_all()
    assert len(session.batch) >= 11
    session.accept_many()
    assert not session.labels[0].any()
    assert found_in(session.labels[1].T, disks) >= 11
    session.close()


def test_small_objects_of_a_large_plane_are_found_in_windows(disks: Disks) -> None:
    small, truth = disks.image[::2, ::2], disks.labels[::2, ::2]
    image = np.full((800, 800), 30, np.uint8)
    corners = [(row, col) for row in (90, 370, 650) for col in (90, 640)]
    for row, col in corners:
        image[row : row + 64, col : col + 80] = small
    session = Session(image, api.load("samara-tiny", device="cpu"))
    session.find_all()
    session.accept_many()
    parts = [session.labels[row : row + 64, col : col + 80] for row, col in corners]
    assert np.mean([found_in(part, Disks(small, truth)) for part in parts]) > 8
    session.close()


def test_stopping_keeps_what_was_found(session: Session, disks: Disks) -> None:
    class Report:
        """Stops after the first word on how far it is."""

        live = False

        def say(self, status: object) -> None:
            if getattr(status, "message", "") == "looking for objects":
                finding.stop()

        def cancelled(self) -> bool:
            return False

    finding = Finding(session.plane, Contrast(), AutomaticSettings())
    embeddings = session._decoder.embeddings
    found = finding.run(embeddings, Report())
    assert finding.stopped
    assert 0 < len(found) <= 8


def test_what_is_found_is_seen_while_it_searches(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Report:
        live = True

        def say(self, status: object) -> None:
            pass

        def tell(self, delivery: Callable[[], None]) -> None:
            delivery()

        def cancelled(self) -> bool:
            return False

    monkeypatch.setattr("napari_samara.session.finding._GLANCE", 0.0)
    seen: list[tuple[Sighting, ...]] = []
    finding = Finding(session.plane, Contrast(), AutomaticSettings())
    found = finding.run(session._decoder.embeddings, Report(), seen.append)
    counts = [len(part) for part in seen]
    assert len(counts) > 1
    assert 0 < counts[0] <= 8
    assert counts[-1] == len(found)
    for one in seen[-1]:
        assert one.crop.shape == (one.box[2] - one.box[0], one.box[3] - one.box[1])
        assert one.area == one.crop.sum() > 0


def test_nothing_found_is_told(disks: Disks) -> None:
    session = Session(np.zeros((64, 64), np.uint8), api.load("samara-tiny", device="cpu"))
    told: list[str] = []
    session.events.status.connect(lambda status: told.append(status.message))
    session.find_all(AutomaticSettings(source="grid"))
    assert "no object was found in this plane" in told
    assert not session.finding
    with pytest.raises(SessionError, match="nothing to accept"):
        session.accept_many()
    session.close()
