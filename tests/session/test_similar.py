"""Find similar in a session: a batch of candidates, picked by likeness, accepted as one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import napari_samara as samara
from napari_samara.errors import SessionError
from napari_samara.planes import Plane
from napari_samara.prompts import box
from napari_samara.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor

KNOWN = (1, 2, 3)


@pytest.fixture(scope="module")
def tiny() -> Predictor:
    return samara.load("samara-tiny", device="cpu")


def corners(labels: np.ndarray, number: int) -> tuple[int, int, int, int]:
    rows, cols = np.nonzero(labels == number)
    return int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1


@pytest.fixture
def session(tiny: Predictor, disks: Disks) -> Iterator[Session]:
    """Three of twelve disks are accepted."""
    made = Session(disks.image, tiny)
    for number in KNOWN:
        made.add(box(*corners(disks.labels, number)))
        made.accept()
    yield made
    made.close()


def test_it_becomes_the_batch_and_is_accepted_in_one_step(
    session: Session, disks: Disks, tmp_path: Path
) -> None:
    before = session.labels.copy()
    similar = session.find_similar()
    assert similar is not None
    assert len(session.batch) == len(similar.likeness) >= 7
    assert list(session.likeness) == sorted(session.likeness, reverse=True)
    records = session.accept_many()
    assert len(records) >= 7
    found = {
        int(np.bincount(disks.labels[session.labels == one.label]).argmax()) for one in records
    }
    assert len(found - {0}) >= 7
    session.save(tmp_path / "a.samara.json")
    assert np.array_equal(samara.replay(tmp_path / "a.samara.json"), session.labels)
    session.undo()
    assert np.array_equal(session.labels, before)
    assert len(session.batch) >= 7
    session.undo()
    assert not session.batch


def test_picking_by_likeness(session: Session) -> None:
    session.find_similar()
    limit = sorted(session.likeness)[2]
    session.pick_similar(limit)
    assert len(session.picked) == len(session.batch) - 2
    session.undo()
    assert len(session.picked) == len(session.batch)


def test_what_was_left_out_is_not_found_again(session: Session) -> None:
    session.find_similar()
    worst = session.batch[-1]
    session.pick(range(len(session.batch) - 1))
    session.find_similar()
    row, col = (worst.box[0] + worst.box[2]) // 2, (worst.box[1] + worst.box[3]) // 2
    assert not any(one.covers(row, col) for one in session.batch)


def test_across_slices(tiny: Predictor, disks: Disks) -> None:
    stack = np.stack([disks.image, disks.image[::-1]])
    session = Session(stack, tiny)
    for number in KNOWN:
        session.add(box(*corners(disks.labels, number), axis=0, index=0))
        session.accept()
    planes = [Plane.of(3, fixed={0: at}) for at in (0, 1)]
    similar = session.find_similar(planes)
    assert similar is not None
    assert set(similar.found) == set(planes)
    there = [one for one in session.batch if one.plane == planes[1]]
    assert len(there) >= 9
    session.set_plane(planes[1])
    session.find_similar()
    assert len(session.batch) == len(there)
    session.close()


def test_nothing_to_look_for(tiny: Predictor, disks: Disks) -> None:
    session = Session(disks.image, tiny)
    with pytest.raises(SessionError, match="accept"):
        session.find_similar()
    with pytest.raises(SessionError, match="pick"):
        session.pick_similar(0.5)
    assert session.similar is None
    session.close()
