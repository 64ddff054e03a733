"""Outlines between known slices."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.interpolation import between, interpolate, signed_depth
from napari_samara.engine.volume_slices import INTERPOLATED, SliceMask, overlap


def disk(row: float, col: float, radius: float) -> np.ndarray:
    rows, cols = np.indices((40, 60))
    return np.hypot(rows - row, cols - col) <= radius


def test_ends_are_as_they_were() -> None:
    one, other = SliceMask.of(disk(20, 15, 9)), SliceMask.of(disk(18, 40, 5))
    assert np.array_equal(between(one, other, 0.0), one.data)
    assert np.array_equal(between(one, other, 1.0), other.data)


def test_a_slanting_object_does_not_vanish() -> None:
    known = {2: SliceMask.of(disk(20, 12, 8)), 6: SliceMask.of(disk(20, 44, 8), 0.7)}
    found = interpolate(known)
    assert sorted(found) == [3, 4, 5]
    for index, col in ((3, 20), (4, 28), (5, 36)):
        assert overlap(found[index].data, disk(20, col, 8)) > 0.95
        assert found[index].origin == INTERPOLATED
        assert found[index].score == 0.7


def test_sizes_change_evenly() -> None:
    found = interpolate({0: SliceMask.of(disk(20, 30, 4)), 2: SliceMask.of(disk(20, 30, 12))})
    assert overlap(found[1].data, disk(20, 30, 8)) > 0.9


def test_nothing_next_to_an_empty_slice() -> None:
    empty = SliceMask.of(np.zeros((40, 60), bool))
    assert interpolate({0: SliceMask.of(disk(20, 30, 4)), 5: empty}) == {}


@pytest.mark.parametrize("col", [1, 58])
def test_at_the_border(col: int) -> None:
    found = interpolate({0: SliceMask.of(disk(20, col, 6)), 2: SliceMask.of(disk(24, col, 6))})
    assert overlap(found[1].data, disk(22, col, 6)) > 0.8


def test_depth_has_the_sign_of_the_mask() -> None:
    data = disk(20, 30, 6)
    assert np.array_equal(signed_depth(data) > 0, data)
