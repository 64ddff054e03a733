"""Tests of windows around objects."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.tiling import OBJECTS_ACROSS, SMALLEST_WINDOW, window_around, window_side


@pytest.mark.parametrize(
    ("extent", "side"), [(1, 128), (25, 128), (26, 256), (51, 256), (52, 512), (400, 2048)]
)
def test_side_grows_with_the_object(extent: float, side: int) -> None:
    assert window_side(extent) == side


def test_window_holds_the_box_and_lies_in_the_image() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(500):
        shape = tuple(int(n) for n in rng.integers(20, 900, 2))
        row, col = (int(rng.integers(0, n)) for n in shape)
        box = row, col, min(row + 30, shape[0]), min(col + 60, shape[1])
        side = window_side(max(box[2] - row, box[3] - col))
        row0, col0, row1, col1 = window_around(box, (shape[0], shape[1]), side)
        assert 0 <= row0 <= box[0] < box[2] <= row1 <= shape[0]
        assert 0 <= col0 <= box[1] < box[3] <= col1 <= shape[1]
        assert (row1 - row0, col1 - col0) == (min(side, shape[0]), min(side, shape[1]))
        seen.add(side)
    assert seen >= {SMALLEST_WINDOW, 2 * SMALLEST_WINDOW}


def test_neighbours_share_a_window() -> None:
    windows = {
        window_around((r, c, r + 8, c + 8), (512, 512), 128) for r in (100, 110) for c in (200, 210)
    }
    assert len(windows) == 1
    assert OBJECTS_ACROSS >= 2  # or a box might not fit
