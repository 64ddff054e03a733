"""Tests of lazy arrays with other axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_samara.errors import ImageError
from napari_samara.formats.axis_view import AxisView

DATA = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)


class Watched:
    """An array that tells what was read of it."""

    shape, dtype = DATA.shape, DATA.dtype

    def __init__(self) -> None:
        self.read: list[Any] = []

    def __getitem__(self, region: Any) -> np.ndarray:
        self.read.append(region)
        return DATA[region]


REGIONS = [
    np.s_[:],
    np.s_[1],
    np.s_[-1],
    np.s_[1, 2:4],
    np.s_[..., 0],
    np.s_[1, ..., 1],
    np.s_[0, 1, 2, 3],
    np.s_[::2, :, 1:, -2],
    np.s_[np.int64(1), 2],
]


@pytest.mark.parametrize("region", REGIONS, ids=str)
def test_reads_as_the_transposed_array_would(region: Any) -> None:
    view = AxisView(DATA, (0, 2, 3, 4, 1))
    expected = DATA.transpose(0, 2, 3, 4, 1)
    assert view.shape == expected.shape
    assert np.array_equal(view[region], expected[region])
    assert view[region].shape == expected[region].shape


@pytest.mark.parametrize("region", REGIONS, ids=str)
def test_some_channels(region: Any) -> None:
    view = AxisView(DATA, (0, 2, 3, 4, 1)).taking([2, 0])
    expected = DATA.transpose(0, 2, 3, 4, 1)[..., [2, 0]]
    if isinstance(region, tuple) and len(region) == 4 and region[-1] == 3:
        region = (*region, 1)
    assert view.shape == expected.shape
    assert np.array_equal(view[region], expected[region])


def test_reads_nothing_else() -> None:
    watched = Watched()
    view = AxisView(watched, (2, 3, 4))
    assert view.ndim == 3
    assert view.size == 4 * 5 * 6
    assert watched.read == []
    assert np.array_equal(view[3, 1:2], DATA[0, 0, 3, 1:2])
    assert watched.read == [(0, 0, 3, slice(1, 2), slice(None))]


def test_whole_as_an_array() -> None:
    view = AxisView(DATA, (3, 4, 2))
    assert np.array_equal(np.asarray(view, dtype=np.float32), DATA[0, 0].transpose(1, 2, 0))


@pytest.mark.parametrize("region", [np.s_[4], np.s_[0, 0, 0, 0], np.s_[0, 0, -7]])
def test_outside(region: Any) -> None:
    with pytest.raises(IndexError):
        AxisView(DATA, (2, 3, 4))[region]


def test_other_indices() -> None:
    with pytest.raises(ImageError, match="whole numbers and slices"):
        AxisView(DATA, (2, 3, 4))[[1, 2]]
