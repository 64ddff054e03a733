"""Tests of the windows that the propagation network looks through."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.engine.volume_windows import Square, standardised
from napari_samara.model.propagation_net import SIDE

SIZE = (60, 80)


def disk(row: float, col: float, radius: float) -> np.ndarray:
    rows, cols = np.indices(SIZE)
    return np.hypot(rows - row, cols - col) <= radius


def test_an_object_takes_about_half_of_its_window():
    assert Square.around((10, 20, 36, 30)) == (-1, 1, 48)
    assert Square.around((10, 20, 23, 33)) == (4, 14, 24)
    assert Square.around((10, 20, 23, 33), 2.0) == (-8, 2, 48)
    assert Square.around((10, 20, 23, 33), shift=(1, -1)) == (18, 2, 24)
    assert Square.around((5, 5, 6, 6)).side == 4  # never smaller


def test_room_around_an_object():
    square = Square(-4, 10, 24)
    assert square.holds((0, 12, 18, 32))
    for box in ((-3, 12, 5, 20), (0, 11, 5, 20), (0, 12, 19, 20), (0, 12, 5, 33)):
        assert not square.holds(box)


def test_pixels_are_seen_where_they_are():
    grey = np.arange(60 * 80, dtype=np.int64).reshape(SIZE) % 251
    seen = Square(4, 10, SIDE).pixels([grey.astype(np.uint8)] * 2)
    assert seen.shape == (2, SIDE, SIDE)
    assert torch.equal(seen[1], torch.from_numpy(grey[4 : 4 + SIDE, 10 : 10 + SIDE]).float())


def test_edges_are_repeated_but_there_is_no_object_beyond_them():
    grey = np.zeros(SIZE, np.uint8)
    grey[0], grey[-1] = 100, 200
    square = Square(-10, 0, SIDE * 2)
    seen = square.pixels([grey])[0]
    assert (seen[:5] == 100).all()
    assert (seen[-10:] == 200).all()
    inside = square.inside([np.ones(SIZE, bool)])[0]
    assert (inside[:4] == 0).all()
    assert (inside[6:34, :39] == 1).all()
    assert (inside[-10:] == 0).all()


@pytest.mark.parametrize("radius", [4, 12, 25])
def test_a_mask_comes_back_as_it_was(radius: int):
    mask = disk(30, 41, radius)
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    square = Square.around((rows[0], cols[0], rows[-1] + 1, cols[-1] + 1))
    back = square.pasted(square.inside([mask])[0] - 0.5, SIZE, -1.0) > 0
    assert np.count_nonzero(back ^ mask) <= 0.1 * mask.sum()


def test_what_lies_outside_of_the_window():
    pasted = Square(-4, 70, 24).pasted(torch.ones(SIDE, SIDE), SIZE, -3.0)
    assert (pasted[:20, 70:] == 1).all()
    assert (pasted[20:] == -3).all()
    assert (pasted[:, :70] == -3).all()
    assert (Square(-100, 0, 24).pasted(torch.ones(SIDE, SIDE), SIZE, -3.0) == -3).all()


def test_huge_windows_are_thinned():
    grey = np.broadcast_to(np.arange(3000, dtype=np.uint16) // 12, (3000, 3000)).astype(np.uint8)
    seen = Square(0, 0, 3000).pixels([grey])[0]
    assert seen.shape == (SIDE, SIDE)
    middles = (np.arange(SIDE) + 0.5) / SIDE * 250
    assert np.abs(seen[20].numpy() - middles).max() < 2


def test_grey_levels_are_standardised():
    values = standardised(torch.tensor([10.0, 30.0]) + torch.zeros(4, 2))
    assert abs(float(values.mean())) < 1e-6
    assert 0.8 < float(values.std()) < 1
    assert (standardised(torch.full((3, 3), 7.0)) == 0).all()
