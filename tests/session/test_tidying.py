"""Labels cleaned up and split as steps that are undone and replayed; objects measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import napari_samara as samara
from napari_samara.cleanup_settings import CleanupSettings
from napari_samara.errors import SessionError
from napari_samara.planes import Plane
from napari_samara.prompts import box, point
from napari_samara.session.edits import LabelEdit
from napari_samara.session.label_order import Ordered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.session import Session


@pytest.fixture
def three(session: Session) -> Session:
    """Objects 1 at the border, 2, and 3 of class round."""
    for corners in ((0, 0, 10, 10), (20, 20, 30, 40)):
        session.add(box(*corners))
        session.accept()
    session.add(point(40, 50))
    session.accept(klass="round")
    return session


def test_objects_at_the_border_go_and_come_back(three: Session, tmp_path: Path) -> None:
    before, records = three.labels.copy(), dict(three.objects)
    gone = three.clean_up(CleanupSettings(remove_border=True, relabel=True))
    assert gone == (3,)
    assert sorted(three.objects) == [1, 2]
    assert three.objects[1].box == (20, 20, 30, 40)
    assert three.objects[2].klass == "round"
    assert three.objects[2].prompts == records[3].prompts
    assert np.array_equal(three.labels == 1, before == 2)
    three.save(tmp_path / "a.samara.json")
    assert np.array_equal(samara.replay(tmp_path / "a.samara.json"), three.labels)
    after = three.labels.copy()
    three.undo()
    assert np.array_equal(three.labels, before)
    assert dict(three.objects) == records
    three.redo()
    assert np.array_equal(three.labels, after)


def test_nothing_to_do_is_no_step(three: Session) -> None:
    last = three._history.last
    assert three.clean_up(CleanupSettings(smallest=1)) == ()
    assert three._history.last is last


def test_sizes_without_new_numbers(three: Session) -> None:
    assert three.clean_up(CleanupSettings(largest=150)) == (2,)
    assert sorted(three.objects) == [1, 3]


def test_one_plane_or_the_volume(open_: Callable[..., Session], stack: np.ndarray) -> None:
    session = open_(stack)
    session.add(box(20, 20, 30, 40, axis=0, index=0))
    session.accept()
    session.add(box(20, 20, 30, 40, axis=0, index=2))
    session.accept()
    session.set_plane(Plane.of(3, fixed={0: 2}))
    assert session.clean_up(CleanupSettings(remove_border=True)) == ()
    assert session.clean_up(CleanupSettings(remove_border=True), everywhere=True) == (1,)
    assert session.labels[2].any()
    session.undo()
    assert session.labels[0].any()
    session.set_plane(Plane.of(3, (2, 1), {0: 2}))
    assert session.clean_up(CleanupSettings(smallest=300)) == (2,)
    assert not session.labels[2].any()


def test_pieces_become_objects(three: Session) -> None:
    line = np.full((10, 1), 2, three.labels.dtype)
    three.painted(LabelEdit(Plane.of(2), (20, 30, 30, 31), line, np.zeros_like(line)))
    before = three.labels.copy()
    assert three.split(2) == (2, 4)
    assert sorted(three.objects) == [1, 2, 3, 4]
    assert three.objects[2].box == (20, 20, 30, 30)
    assert three.objects[4].box == (20, 31, 30, 40)
    assert three.objects[2].area == 100
    assert three.objects[4].area == 90
    three.undo()
    assert np.array_equal(three.labels, before)
    assert 4 not in three.objects


def test_points_split_where_there_is_no_neck(three: Session, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="point"):
        three.split(2)
    parts = three.split(2, [(25, 22), (25, 38)])
    assert len(parts) == 2
    assert three.labels[25, 22] != three.labels[25, 38]
    assert set(np.unique(three.labels[20:30, 20:40])) == set(parts)
    three.save(tmp_path / "a.samara.json")
    assert np.array_equal(samara.replay(tmp_path / "a.samara.json"), three.labels)
    with pytest.raises(SessionError, match="no object"):
        three.split(77)


def test_an_object_of_several_slices(open_: Callable[..., Session], stack: np.ndarray) -> None:
    session = open_(stack)
    for index in (0, 1, 3, 4):
        session.add(box(20, 20, 30, 40, axis=0, index=index))
    session.accept()
    parts = session.split(1)
    assert len(parts) == 2
    assert len({int(session.labels[index, 25, 25]) for index in (0, 1)}) == 1
    assert session.labels[0, 25, 25] != session.labels[3, 25, 25]
    assert [len(session.objects[label].parts) for label in parts] == [2, 2]


def test_measures_with_what_is_known_of_the_objects(three: Session) -> None:
    found = three.measure((0.5, 0.5))
    assert found["label"].tolist() == [1, 2, 3]
    assert found["pixels"].tolist() == [one.area for one in three.objects.values()]
    assert found["area"][1] == 50
    assert found["class"].tolist() == [None, None, "round"]
    assert found["score"][2] == pytest.approx(0.9)
    assert "intensity_mean" in found


def test_labels_that_change_meanwhile_are_left_alone(three: Session) -> None:
    before = three.labels.copy()
    after = np.where(before == 2, 0, before)
    found, since = Ordered.of(before, after, three.plane), three.last_step
    three.undo()
    there = three.labels.copy()
    with pytest.raises(SessionError, match="changed while"):
        three.put_in_order(found, since)
    assert np.array_equal(three.labels, there)
    three.redo()
    assert three.put_in_order(found, since) == (2,)
    assert np.array_equal(three.labels, after)


def test_a_step_in_another_plane_meanwhile_counts_too(
    open_: Callable[..., Session], stack: np.ndarray
) -> None:
    session = open_(stack)
    for index in (0, 1):
        session.add(box(20, 20, 30, 40, axis=0, index=index))
        session.accept()
    before = session.labels.copy()
    after = np.where(before == 1, 0, np.where(before == 2, 1, 0))  # object 2 becomes 1
    found, since = Ordered.of(before, after, session.plane, everywhere=True), session.last_step
    session.add(box(20, 20, 30, 40, axis=0, index=3))
    session.accept()
    there = session.labels.copy()
    with pytest.raises(SessionError, match="changed while"):
        session.put_in_order(found, since, renumbered=True)
    assert np.array_equal(session.labels, there)
    assert sorted(session.objects) == [1, 2, 3]
