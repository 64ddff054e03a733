"""Accepted objects made again with another model: previewed, accepted as one step, replayed."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from tests.session.fake_predictor import RADII, FakePredictor, disk

import napari_samara as samara
from napari_samara.errors import SessionError
from napari_samara.masks import Mask
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, box, mask, point
from napari_samara.session import ThreadRunner, read_session, recover
from napari_samara.session.edits import LabelEdit
from napari_samara.session.objects import ObjectPart, ObjectRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.session import Session

SHAPE = (48, 64)
NEW = "cd" * 32


class Wider(FakePredictor):
    """Masks of another model: those of the fake, `grown` pixels wider; none where it is None."""

    def __init__(self, grown: int | None = 1, sha256: str | None = NEW) -> None:
        super().__init__(sha256)
        self.grown = grown

    def predict(self, *args: Any, **kwargs: Any) -> list[Mask]:
        found = super().predict(*args, **kwargs)
        return [Mask(self._of(one.data), one.score, one.logits) for one in found]

    def _of(self, data: np.ndarray) -> np.ndarray:
        if self.grown is None:
            return np.zeros_like(data)
        return binary_dilation(data, iterations=self.grown)


def wide(row: float, col: float, radius: float = RADII[0], grown: int = 1) -> np.ndarray:
    return binary_dilation(disk(SHAPE, row, col, radius), iterations=grown)


def paint(session: Session, row: int, col: int, label: int) -> None:
    """A pixel painted by hand."""
    plane = Plane.of(2)
    before = session.labels[row : row + 1, col : col + 1].copy()
    session.painted(
        LabelEdit(plane, (row, col, row + 1, col + 1), before, np.full_like(before, label))
    )


def accept(session: Session, *prompts: Any) -> ObjectRecord:
    for prompt in prompts:
        session.add(prompt)
    return session.accept()


def test_nothing_changes_before_it_is_accepted(session: Session) -> None:
    accept(session, point(12, 12))
    accept(session, box(24, 30, 40, 50))
    before = session.labels.copy()
    told: list[Any] = []
    session.events.remade.connect(told.append)
    remade = session.remake(Wider())
    assert (session.labels == before).all()
    assert remade.complete
    assert (remade.done, remade.total, remade.left) == (1, 1, "")
    shown = session.remade_labels(Plane.of(2))
    assert ((shown == 1) == wide(12, 12)).all()
    one, two = disk(SHAPE, 12, 12), wide(12, 12)
    assert remade.ious[1] == pytest.approx(one.sum() / two.sum())
    assert remade.mean_iou == pytest.approx(np.mean(list(remade.ious.values())))
    session.discard_remade()
    assert session.remade is None
    assert told[-1] is None
    assert (session.labels == before).all()
    assert not session.remade_labels(Plane.of(2)).any()
    with pytest.raises(SessionError, match="not made again yet"):
        session.accept_remade()


def test_accepting_is_one_step_and_names_the_weights(session: Session) -> None:
    accept(session, point(12, 12))
    accept(session, box(24, 30, 40, 50))
    session.set_class(1, "coin")
    before, records = session.labels.copy(), dict(session.objects)
    assert [part.checkpoint for part in records[1].parts] == ["ab" * 32]
    session.remake(Wider())
    made = session.accept_remade()
    assert [record.label for record in made] == [1, 2]
    after = session.labels.copy()
    assert ((after == 1) == wide(12, 12)).all()
    new = session.objects[1]
    assert [part.checkpoint for part in new.parts] == [NEW]
    assert (new.area, new.klass) == (int(wide(12, 12).sum()), "coin")
    assert new.prompts == records[1].prompts
    assert session.remade is None
    session.undo()
    assert (session.labels == before).all()
    assert dict(session.objects) == records
    session.redo()
    assert (session.labels == after).all()
    assert session.objects[1] == new


def test_it_replays_to_identical_labels(
    open_: Callable[..., Session], image: np.ndarray, tmp_path: Path
) -> None:
    session = open_(image, journal=tmp_path / "journal")
    accept(session, point(12, 12))
    accept(session, point(30, 40))
    session.remake(Wider())
    session.accept_remade()
    accept(session, point(20, 55))
    session.save(tmp_path / "a.samara.json")
    assert (samara.replay(tmp_path / "a.samara.json") == session.labels).all()
    saved = read_session(tmp_path / "a.samara.json")
    assert [step["do"] for step in saved.steps][2] == "remake with fake"
    kept = {label: one["parts"][0]["checkpoint"] for label, one in saved.objects().items()}
    assert kept == {1: NEW, 2: NEW, 3: "ab" * 32}
    session.close()
    back = recover(tmp_path / "journal")
    assert back is not None
    again = open_(image, journal=tmp_path / "journal", saved=back)
    assert (again.labels == session.labels).all()
    assert again.objects[1].parts[0].checkpoint == NEW
    again.undo()
    again.undo()
    assert ((again.labels == 1) == disk(SHAPE, 12, 12)).all()


def test_records_of_earlier_files_are_read() -> None:
    part = ObjectPart(Plane.of(2), (0, 0, 1, 1)).to_dict()
    del part["checkpoint"]
    assert ObjectPart.from_dict(json.loads(json.dumps(part))).checkpoint == ""


def test_what_was_made_by_hand_stays(session: Session) -> None:
    accept(session, point(12, 12))  # 1 is painted in, undone: made again
    accept(session, point(12, 40))  # 2 is painted in
    accept(session, point(36, 12))  # 3 is erased from by the brush of another label
    accept(session, point(36, 40))  # 4 and 5 are merged
    accept(session, point(24, 55))
    session.merge(4, 5)
    paint(session, 0, 0, 9)  # 9 has no prompts
    paint(session, 12, 48, 2)
    paint(session, 36, 12, 9)
    paint(session, 12, 20, 1)
    session.undo()
    before = session.labels.copy()
    remade = session.remake(Wider())
    assert (remade.unprompted, remade.by_hand, list(remade.records)) == ((9,), (2, 3, 4), [1])
    assert remade.left == "1 without prompts, 3 changed by hand stay as they are"
    session.accept_remade()
    assert (session.labels[before > 1] == before[before > 1]).all()
    assert ((session.labels == 1) == wide(12, 12) & (before < 2)).all()
    session.reopen(2)  # accepted again, it is what its prompts give
    session.accept()
    assert 2 in session.remake(Wider()).records


def test_objects_of_a_table_have_no_prompts(
    open_: Callable[..., Session], image: np.ndarray
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[2:6, 2:6] = 7
    session = open_(image, labels=labels)
    with pytest.raises(SessionError, match=r"no object to make again$"):
        session.remake(Wider())
    paint(session, 2, 2, 8)
    with pytest.raises(SessionError, match="2 without prompts stay as they are"):
        session.remake(Wider())


def test_the_candidate_that_was_chosen_is_looked_for(session: Session) -> None:
    session.add(point(20, 20))
    session.choose(1)  # the smallest disk
    session.accept()
    remade = session.remake(Wider())
    (one,) = remade.found[1]
    assert (one.part.choice, len(one.part.scores)) == (1, 3)
    session.accept_remade()
    assert ((session.labels == 1) == wide(20, 20, RADII[1])).all()
    session.reopen(1)
    assert session.choice == 1


def test_all_kinds_of_prompts(session: Session) -> None:
    inside = np.zeros(SHAPE, bool)
    inside[5:12, 5:12] = True
    accept(session, mask(inside))
    accept(session, point(30, 20), point(30, 26), point(30, 14, positive=False))
    session.many(PromptSet.from_objects({1: [point(14, 40)], 2: [box(30, 45, 40, 55)]}))
    session.accept_many()
    truth = {
        label: binary_dilation(session.labels == label) & ~np.isin(session.labels, [0, label])
        for label in session.objects
    }
    assert not any(claimed.any() for claimed in truth.values())  # they do not touch
    wanted = {label: binary_dilation(session.labels == label) for label in session.objects}
    session.remake(Wider())
    assert len(session.accept_remade()) == 4
    assert all(((session.labels == label) == data).all() for label, data in wanted.items())


def test_pixels_stay_with_those_that_have_them(
    open_: Callable[..., Session], image: np.ndarray
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[:, 30:] = 50  # of the user, not of the session
    session = open_(image, labels=labels)
    accept(session, point(12, 12))
    accept(session, point(12, 24))  # touching the first
    before = session.labels.copy()
    session.remake(Wider(3))
    session.accept_remade()
    after = session.labels
    assert (after[before == 50] == 50).all()
    assert ((before == 51) <= (after == 51)).all()
    assert ((before == 52) <= (after == 52)).all()
    both = wide(12, 12, grown=3) & wide(12, 24, grown=3) & (before == 0)
    assert both.any()
    assert set(np.unique(after[both])) <= {51, 52}


def test_an_object_that_is_not_found_stays(session: Session) -> None:
    accept(session, point(12, 12))
    before = session.labels.copy()
    remade = session.remake(Wider(None))
    assert remade.left == "1 not found again stays as it is"
    with pytest.raises(SessionError, match="not found again"):
        session.accept_remade()
    assert (session.labels == before).all()


def test_what_was_changed_meanwhile_stays(session: Session) -> None:
    for at in ((12, 12), (12, 40), (36, 12)):
        accept(session, point(*at))
    session.remake(Wider())
    session.delete(1)
    paint(session, 12, 48, 2)
    painted = session.labels == 2
    assert [record.label for record in session.accept_remade()] == [3]
    assert not (session.labels == 1).any()
    assert ((session.labels == 2) == painted).all()


def test_planes_of_a_stack_one_at_a_time(open_: Callable[..., Session], stack: np.ndarray) -> None:
    session = open_(stack)
    for z in (0, 3):
        session.add(point(z, 12, 12))
    session.accept()
    accept(session, point(3, 30, 40))
    session.set_plane(Plane.of(3, displayed=(2, 1), fixed={0: 4}))  # transposed
    accept(session, point(4, 20, 30))
    told: list[tuple[int, int]] = []
    session.events.remade.connect(
        lambda one: told.append((one.done, len(one.ious))) if one else None
    )
    model = Wider()
    remade = session.remake(model)
    assert len(model.encoded) == 3
    assert remade.total == 3
    ends = [told[[done for done, _ in told].index(number)] for number in (1, 2, 3)]
    assert ends == [(1, 0), (2, 2), (3, 3)]  # an object counts once all its planes are there
    session.accept_remade()
    assert ((session.labels[0] == 1) == wide(12, 12)).all()
    assert ((session.labels[3] == 2) == wide(30, 40)).all()
    assert ((session.labels[4] == 3) == wide(20, 30)).all()
    assert all(record.area == (session.labels == n).sum() for n, record in session.objects.items())
    session.undo()
    assert ((session.labels[4] == 3) == disk(SHAPE, 20, 30)).all()


@pytest.fixture
def threaded(open_: Callable[..., Session], stack: np.ndarray) -> Session:
    session = open_(stack, runner=ThreadRunner())
    for z in range(3):
        session.add(point(z, 12, 12))
        session.wait()
        session.accept()
    session.wait()
    return session


def test_on_a_worker_prompts_are_decoded_in_between(threaded: Session) -> None:
    model = Wider()
    model.gate.clear()
    threaded.remake(model)
    threaded.add(point(4, 30, 30))
    assert threading.current_thread().name not in model.threads
    model.gate.set()
    done: list[int] = []
    threaded.events.candidates.connect(
        lambda masks, _: done.append(threaded.remade.done) if masks and threaded.remade else None
    )
    assert threaded.wait(20)
    assert threaded.remade is not None
    assert threaded.remade.complete
    assert done[0] < 3  # and not after all planes
    assert threading.current_thread().name not in model.threads


def test_discarding_stops_it(threaded: Session) -> None:
    model = Wider()
    model.gate.clear()
    threaded.remake(model)
    threaded.discard_remade()
    model.gate.set()
    assert threaded.wait(20)
    assert len(model.encoded) <= 1
    assert threaded.remade is None
    assert threaded.remake(Wider()).total == 3
    assert threaded.wait(20)
    assert len(threaded.accept_remade()) == 3


def test_an_error_is_told_and_changes_nothing(threaded: Session) -> None:
    model = Wider()
    model.error = MemoryError("no room")
    before = threaded.labels.copy()
    threaded.remake(model)
    assert threaded.wait(20)
    assert threaded.remade is not None
    assert (threaded.remade.failed, threaded.remade.complete) == ("no room", False)
    with pytest.raises(SessionError, match="not made again yet"):
        threaded.accept_remade()
    assert (threaded.labels == before).all()


def test_weights_without_a_digest(session: Session) -> None:
    accept(session, point(12, 12))
    remade = session.remake(Wider(sha256=None))
    assert remade.name == "unnamed weights"
    session.accept_remade()
    assert session.objects[1].parts[0].checkpoint == ""
