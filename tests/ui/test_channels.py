"""Several arrays as one: the same pixels as stacking them all, and nothing else is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari_samara.errors import ImageError
from napari_samara.ui.channels import StackedChannels

ARRAYS = np.random.default_rng(0).integers(0, 999, (3, 4, 5, 6), np.uint16)
REGIONS: list[Any] = [
    2,
    (2,),
    (slice(None), 1),
    (1, slice(0, 3), slice(2, 5)),
    (slice(1, 3), 2, slice(None), 1),
    (slice(None), slice(None), 3),
    (),
]


@pytest.mark.parametrize("region", REGIONS, ids=str)
@pytest.mark.parametrize("count", [2, 3])
def test_as_if_stacked(region: Any, count: int) -> None:
    stacked = StackedChannels(ARRAYS[:count])
    truth = np.stack(ARRAYS[:count], axis=-1)
    assert (stacked.shape, stacked.ndim, len(stacked)) == (truth.shape, 4, 4)
    assert np.array_equal(stacked[region], truth[region])
    assert stacked[region].dtype == stacked.dtype == truth.dtype


def test_types_are_brought_together() -> None:
    stacked = StackedChannels([np.ones((2, 2), np.uint8), np.full((2, 2), 0.5, np.float32)])
    assert np.array_equal(stacked[0], [[1, 0.5], [1, 0.5]])
    assert stacked.dtype == np.float32


@pytest.mark.parametrize("shapes", [[(2, 2)], [(2, 2)] * 4, [(2, 2), (2, 3)]])
def test_refused(shapes: Any) -> None:
    with pytest.raises(ImageError, match="channels"):
        StackedChannels([np.zeros(shape) for shape in shapes])


def test_only_what_is_asked_for_is_read() -> None:
    class Watched:
        shape, ndim, dtype = (9, 4, 5), 3, np.dtype(np.uint8)

        def __init__(self) -> None:
            self.read: list[Any] = []

        def __getitem__(self, region: Any) -> np.ndarray:
            self.read.append(region)
            return np.zeros(self.shape, self.dtype)[region]

    arrays = [Watched(), Watched()]
    assert StackedChannels(arrays)[3, :, 1:3].shape == (4, 2, 2)
    region = (3, slice(None), slice(1, 3))
    assert [array.read for array in arrays] == [[region], [region]]
