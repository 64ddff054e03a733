"""Sessions on images with more axes, transposed views and arrays that are read lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from tests.session.conftest import SHAPE
from tests.session.fake_predictor import FakePredictor, disk

from napari_samara.errors import ImageError, SessionError, StoreError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, box, mask, point, scribble
from napari_samara.session import Session, read_session, replay
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[..., Session]


class Counting:
    """An array that counts which parts are read, and cannot be read whole."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype
        self.reads: list[tuple[int, ...]] = []

    def __getitem__(self, index: Any) -> np.ndarray:
        self.reads.append(tuple(i for i in index if not isinstance(i, slice)))
        return self.array[index]

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise AssertionError("read as a whole")


def test_one_plane_is_read_and_only_once(open_: Opener, stack: np.ndarray) -> None:
    lazy = Counting(stack)
    session = open_(lazy)
    assert lazy.reads == []
    session.plane = Plane.of(3, fixed={0: 1})
    assert lazy.reads == []
    session.add(point(3, 20, 20))
    assert session.plane.index == 3
    session.add(point(3, 20, 24))
    session.accept()
    assert lazy.reads == [(3,)]
    assert np.array_equal(session.labels[3] == 1, disk(SHAPE, 20, 20) | disk(SHAPE, 20, 24))
    assert not np.delete(session.labels, 3, axis=0).any()


def test_dask_and_zarr_images(open_: Opener, stack: np.ndarray, tmp_path: Path) -> None:
    import dask.array

    stored = zarr.create_array(str(tmp_path / "i.zarr"), data=stack)
    labels = zarr.create_array(str(tmp_path / "l.zarr"), shape=stack.shape, dtype="uint16")
    for image, target in [(dask.array.from_array(stack), None), (stored, labels)]:
        session = open_(image, labels=target)
        session.add(point(2, 20, 20))
        assert session.accept().planes == (Plane.of(3, fixed={0: 2}),)
        assert np.array_equal(np.asarray(session.labels[2]) == 1, disk(SHAPE, 20, 20))
        session.reopen(1)
        session.replace(0, point(2, 30, 30))
        session.accept()
        session.undo()
        session.undo()
        session.undo()
        session.undo()
        assert not np.asarray(session.labels[:]).any()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("swapped", [False, True])
def test_every_axis_in_both_orders(
    open_: Opener, fake: FakePredictor, axis: int, swapped: bool, tmp_path: Path
) -> None:
    volume = np.random.default_rng(3).integers(0, 255, (20, 26, 32)).astype(np.uint8)
    session = open_(volume)
    rest = [other for other in range(3) if other != axis]
    plane = Plane.of(3, tuple(rest[::-1] if swapped else rest), {axis: 7})
    session.plane = plane
    at = [9.0, 12.0, 14.0]
    at[axis] = 7.0
    session.add(point(*at, axis=axis))
    assert session.plane == plane
    assert session.candidate is not None
    assert session.candidate.data.shape == plane.size(volume.shape)
    session.add(box(2, 2, 6, 9, axis=axis, index=7))
    session.accept()
    marked = np.zeros(volume.shape, bool)
    upright = Plane.of(3, fixed={axis: 7})
    size = upright.size(volume.shape)
    inside = disk(size, at[rest[0]], at[rest[1]])
    inside[2:6, 2:9] = True
    upright.insert(marked, inside)
    assert np.array_equal(session.labels == 1, marked)
    # What was encoded is what is shown.
    assert np.array_equal(session.encoder_input()[..., 0], plane.extract(volume))
    session.reopen(1)
    assert session.accept().area == marked.sum()
    assert np.array_equal(session.labels == 1, marked)
    session.save(tmp_path / "a.json")
    assert np.array_equal(replay(tmp_path / "a.json"), session.labels)
    session.delete(1)
    session.undo()
    session.undo()
    session.undo()
    session.undo()
    assert not session.labels.any()


def test_the_view_may_be_turned_round(open_: Opener, fake: FakePredictor) -> None:
    image = np.random.default_rng(3).integers(0, 255, (20, 26)).astype(np.uint8)
    session = open_(image)
    session.add(scribble([(5, 5), (8, 20)]))
    one = session.candidate
    session.plane = Plane.of(2, (1, 0))
    assert session.candidate is not None
    assert one is not None
    assert np.array_equal(session.candidate.data.T, one.data)
    assert len(fake.encoded) == 2
    session.accept()
    assert np.array_equal(session.labels == 1, one.data)


def test_an_object_in_several_planes_is_one(open_: Opener, stack: np.ndarray) -> None:
    session = open_(stack)
    session.add(point(1, 20, 20))
    session.add(point(2, 20, 22))
    session.choose(1)
    session.add(point(4, 20, 24, positive=False))
    assert session.candidates == ()
    session.remove(2)
    record = session.accept()
    assert [plane.index for plane in record.planes] == [1, 2]
    assert np.array_equal(session.labels[1] == 1, disk(SHAPE, 20, 20))
    assert np.array_equal(session.labels[2] == 1, disk(SHAPE, 20, 22, 3))
    assert record.area == np.count_nonzero(session.labels)
    session.set_plane(Plane.of(3, fixed={0: 0}))
    session.reopen(1)
    assert session.plane.index == 1
    session.remove(0)  # its prompts in this plane
    record = session.accept()
    assert not session.labels[1].any()
    assert [plane.index for plane in record.planes] == [2]
    session.add(point(3, 20, 24))
    record = session.accept(label=1)
    assert [plane.index for plane in record.planes] == [2, 3]
    assert record.area == np.count_nonzero(session.labels == 1)
    session.delete(1)
    assert not session.labels.any()
    session.undo()
    assert np.count_nonzero(session.labels) == record.area


def test_prompts_of_several_planes_at_once(open_: Opener, stack: np.ndarray) -> None:
    session = open_(stack)
    session.set_prompts(PromptSet([point(z, 20, 20) for z in (4, 0, 2)]))
    assert session.plane.index == 0
    session.accept()
    for z in range(5):
        assert np.array_equal(session.labels[z] == 1, disk(SHAPE, 20, 20) & (z in (0, 2, 4)))


def test_labels_without_record_in_a_stack(open_: Opener, stack: np.ndarray) -> None:
    labels = np.zeros(stack.shape, np.int32)
    labels[2:4, 10:20, 10:20] = 5
    session = open_(stack, labels=labels)
    session.reopen(5)
    assert session.plane.index == 2
    assert session.prompts[0] == mask(labels[2] == 5, axis=0, index=2)
    session.clear()
    session.delete(5)
    assert not labels.any()
    session.undo()
    assert np.count_nonzero(labels) == 200
    with pytest.raises(SessionError):
        session.reopen(6)


def test_many_in_several_planes(open_: Opener, stack: np.ndarray, fake: FakePredictor) -> None:
    session = open_(stack)
    found = session.many(PromptSet.from_objects({z + 1: [point(z, 20, 20)] for z in range(5)}))
    assert [candidate.plane.index for candidate in found] == list(range(5))
    assert len(fake.encoded) == 5
    session.accept_many()
    for z in range(5):
        assert np.array_equal(session.labels[z] == z + 1, disk(SHAPE, 20, 20))


def test_five_axes_and_rgb(open_: Opener) -> None:
    image = np.zeros((2, 3, 4, 20, 30, 3), np.uint8)
    session = open_(image, rgb=True)
    session.add(point(1, 2, 3, 10, 10))
    record = session.accept()
    assert session.labels.shape == (2, 3, 4, 20, 30)
    assert np.array_equal(session.labels[1, 2, 3] == 1, disk((20, 30), 10, 10))
    assert record.area == np.count_nonzero(session.labels)
    session.reopen(1)
    assert session.accept().area == record.area


def test_a_plane_outside(open_: Opener, stack: np.ndarray) -> None:
    session = open_(stack)
    with pytest.raises(ImageError):
        session.plane = Plane.of(3, fixed={0: 5})
    with pytest.raises(ImageError):
        session.plane = Plane.of(2)
    assert session.plane.index == 0


def test_the_store_is_used_by_the_next_session(
    open_: Opener, stack: np.ndarray, fake: FakePredictor, tmp_path: Path
) -> None:
    for count in (1, 1):
        session = open_(stack, store=ZarrStore(tmp_path / "v.zarr"))
        session.add(point(3, 20, 20))
        assert len(fake.encoded) == count
        assert len(session.candidates) == 3
    others: list[tuple[np.ndarray, dict[str, Any]]] = [
        (stack, {"contrast": Contrast("minmax")}),
        (stack, {"predictor": FakePredictor("ef" * 32)}),
        (stack[::-1], {}),
    ]
    for number, (image, options) in enumerate(others, start=2):
        session = open_(image, store=ZarrStore(tmp_path / "v.zarr"), **options)
        session.add(point(3, 20, 20))
        assert len(list((tmp_path / "v.zarr").iterdir())) == 1 + number


def test_unnamed_weights_are_not_stored(open_: Opener, image: np.ndarray, tmp_path: Path) -> None:
    session = open_(image, predictor=FakePredictor(None), store=ZarrStore(tmp_path / "v.zarr"))
    session.add(point(20, 20))
    assert not (tmp_path / "v.zarr").exists()


def test_a_store_that_fails_costs_nothing_but_time(
    open_: Opener, image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(ZarrStore, "put", full)
    said: list[str] = []
    session = open_(image, store=ZarrStore(tmp_path / "v.zarr"))
    session.events.status.connect(lambda status: said.append(status.message))
    session.add(point(20, 20))
    assert len(session.candidates) == 3
    assert "the embedding is not kept: the disk is full" in said


def test_a_saved_volume_is_resumed(open_: Opener, stack: np.ndarray, tmp_path: Path) -> None:
    session = open_(stack, contrast=Contrast("minmax"))
    session.mode = "overwrite"
    session.add(point(1, 20, 20))
    session.accept()
    session.add(point(2, 20, 20))
    session.save(tmp_path / "a.json")
    again = open_(stack, saved=read_session(tmp_path / "a.json"))
    assert np.array_equal(again.labels, session.labels)
    assert again.prompts == session.prompts
    assert (again.contrast, again.mode) == (Contrast("minmax"), "overwrite")
    again.accept()
    assert set(again.objects) == {1, 2}
