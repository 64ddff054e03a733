"""Tests of reading the pixels of a plane and of writing them, in any order of axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_samara.errors import FrameError, ImageError
from napari_samara.planes import Plane


class Lazy:
    """Array that can only be indexed and remembers how much was read."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.shape, self.ndim = data.shape, data.ndim
        self.read = 0

    def __getitem__(self, key: tuple) -> Lazy:
        return Lazy._of(self, self.data[key])

    @staticmethod
    def _of(parent: Lazy, part: np.ndarray) -> Lazy:
        lazy = Lazy(part)
        lazy.parent = parent  # type: ignore[attr-defined]
        return lazy

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        self.parent.read += self.data.size  # type: ignore[attr-defined]
        return self.data


VOLUME = np.arange(3 * 4 * 5).reshape(3, 4, 5)


@pytest.mark.parametrize(
    ("plane", "wanted"),
    [
        (Plane.of(3, fixed={0: 2}), VOLUME[2]),
        (Plane.of(3, fixed={1: 3}), VOLUME[:, 3]),
        (Plane.of(3, fixed={2: 0}), VOLUME[:, :, 0]),
        (Plane.of(3, (2, 1), {0: 2}), VOLUME[2].T),
        (Plane.of(3, (1, 0), {2: 4}), VOLUME[:, :, 4].T),
        (Plane.of(3, (-2, -1), {-3: 1}), VOLUME[1]),
    ],
)
def test_extract_from_a_volume(plane: Plane, wanted: np.ndarray) -> None:
    np.testing.assert_array_equal(plane.extract(VOLUME), wanted)
    assert plane.size(VOLUME.shape) == wanted.shape


@pytest.mark.parametrize("displayed", list(itertools.permutations(range(4), 2)))
def test_any_two_axes_in_either_order(displayed: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 99, (2, 3, 4, 5))
    rest = [axis for axis in range(4) if axis not in displayed]
    plane = Plane.of(4, displayed, dict.fromkeys(rest, 1))
    wanted = np.moveaxis(image, (*rest, *displayed), range(4))[1, 1]
    np.testing.assert_array_equal(plane.extract(image), wanted)
    labels = np.zeros_like(image)
    plane.insert(labels, wanted)
    np.testing.assert_array_equal(plane.extract(labels), wanted)
    assert np.count_nonzero(labels) == np.count_nonzero(wanted)


@pytest.mark.parametrize("displayed", [(1, 2), (2, 1)])
def test_rgb_channels_stay_last(displayed: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 99, (3, 4, 5, 3))
    found = Plane.of(3, displayed, {0: 1}).extract(image, rgb=True)
    wanted = image[1] if displayed == (1, 2) else image[1].swapaxes(0, 1)
    np.testing.assert_array_equal(found, wanted)


def test_only_one_plane_of_a_lazy_array_is_read() -> None:
    lazy = Lazy(np.arange(10 * 20 * 30).reshape(10, 20, 30))
    found = Plane.of(3, (2, 1), {0: 4}).extract(lazy)
    np.testing.assert_array_equal(found, lazy.data[4].T)
    assert lazy.read == 20 * 30


def test_zarr_arrays_are_read_and_written_in_place(tmp_path) -> None:
    zarr = pytest.importorskip("zarr")
    labels = zarr.create_array(tmp_path / "l.zarr", shape=(4, 6, 8), dtype="i4", chunks=(1, 6, 8))
    plane = Plane.of(3, (2, 0), {1: 5})
    plane.insert(labels, np.full((3, 2), 7), box=(2, 1, 5, 3))
    wanted = np.zeros((4, 6, 8), int)
    wanted[1:3, 5, 2:5] = 7
    np.testing.assert_array_equal(labels[:], wanted)
    np.testing.assert_array_equal(plane.extract(labels), wanted[:, 5].T)


def test_dask_arrays_are_sliced_before_they_are_computed() -> None:
    da = pytest.importorskip("dask.array")
    blocks = []

    def load(block_info=None) -> np.ndarray:
        blocks.append(block_info[None]["chunk-location"])
        return np.ones((1, 4, 5))

    image = da.map_blocks(load, chunks=((1,) * 6, (4,), (5,)), dtype=float)
    assert Plane.of(3, fixed={0: 3}).extract(image).shape == (4, 5)
    assert blocks == [(3, 0, 0)]


def test_insert_writes_only_the_box() -> None:
    labels = np.zeros((3, 4, 5), int)
    Plane.of(3, fixed={0: 1}).insert(labels, np.array([[1, 2]]), box=(2, 3, 3, 5))
    assert np.argwhere(labels).tolist() == [[1, 2, 3], [1, 2, 4]]
    Plane.of(3, (2, 1), {0: 2}).insert(labels, np.array([[1, 2]]), box=(3, 1, 4, 3))
    assert labels[2, 1, 3] == 1
    assert labels[2, 2, 3] == 2


@pytest.mark.parametrize("box", [(-1, 0, 2, 2), (0, 0, 5, 2), (0, 0, 2, 6), (3, 0, 2, 2)])
def test_insert_refuses_a_box_outside_the_plane(box: tuple) -> None:
    with pytest.raises(FrameError, match="leaves the plane of 4 x 5"):
        Plane.of(3, fixed={0: 1}).insert(np.zeros((3, 4, 5)), np.zeros((2, 2)), box)


def test_insert_refuses_values_of_another_shape() -> None:
    with pytest.raises(FrameError, match="do not fit box"):
        Plane.of(3, fixed={0: 1}).insert(np.zeros((3, 4, 5)), np.zeros((5, 4)))


@pytest.mark.parametrize(
    ("image", "rgb", "message"),
    [
        (np.zeros((3, 4)), False, "needs an image of 3 axes, got shape"),
        (np.zeros((3, 4, 5, 3)), False, "3 axes"),
        (np.zeros((3, 4, 5)), True, "axis of channels"),
        ([np.zeros((3, 4, 5)), np.zeros((3, 2, 2))], False, "one level of a multiscale image"),
        (np.zeros((1, 4, 5)), False, "index 2 lies outside axis 0"),
        (np.zeros((0, 4, 5)), False, "index 2 lies outside axis 0"),
    ],
)
def test_extract_names_what_is_wrong(image: object, rgb: bool, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        Plane.of(3, fixed={0: 2}).extract(image, rgb)


@pytest.mark.parametrize(
    "plane",
    [Plane.of(3, fixed={0: 1}), Plane.of(3, (2, 1), {0: 2}), Plane.of(3, (2, 0), {1: 3})],
    ids=str,
)
def test_box_alone_is_read(plane: Plane) -> None:
    lazy = Lazy(VOLUME)
    found = plane.extract(lazy, box=(1, 0, 3, 2))
    assert np.array_equal(found, plane.extract(VOLUME)[1:3, 0:2])
    assert lazy.read == 4


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (-1, 0, 2, 2), (3, 0, 2, 2)])
def test_box_outside_is_not_read(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(FrameError, match="leaves the plane of 4 x 5"):
        Plane.of(3, fixed={0: 1}).extract(VOLUME, box=box)
