"""The grid of windows: it covers the plane, and is the one that prompts are decoded in."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.plane_order import PlaneOrder
from napari_samara.engine.tile_grid import TileGrid
from napari_samara.engine.tiling import window_around
from napari_samara.errors import ImageError


@pytest.mark.parametrize("size", [(1000, 700), (128, 128), (90, 300), (129, 128)])
def test_every_point_lies_in_the_middle_of_its_tile(size: tuple[int, int]) -> None:
    grid = TileGrid(size, 128)
    boxes = {grid.box(tile) for tile in grid.tiles()}
    rng = np.random.default_rng(0)
    for _ in range(300):
        row, col = (int(rng.integers(0, n)) for n in size)
        box = grid.box(grid.tile_at(row + 0.5, col + 0.5))
        assert box in boxes
        assert box == window_around((row, col, row + 1, col + 1), size, 128)
        for at, axis in ((row, 0), (col, 1)):
            low, high = box[axis], box[axis + 2]
            assert at - low >= 31 or low == 0
            assert high - at >= 31 or high == size[axis]


def test_only_what_a_view_needs() -> None:
    grid = TileGrid((8192, 8192), 512)
    assert len(grid.tiles()) == 31**2
    view = grid.tiles((4000, 4000, 4100, 4100))
    assert 1 <= len(view) <= 4
    assert set(view) <= set(grid.tiles())
    assert grid.tiles((-50, 0, 0, 10)) == []
    assert grid.tiles((8100, 8100, 9000, 9000)) == [grid.tile_at(8191, 8191)]


def test_the_nearest_come_first() -> None:
    grid = TileGrid((2048, 2048), 512)
    order = PlaneOrder(grid.tiles())
    here = grid.tile_at(1000, 1500)
    order.focus(here)
    taken = [order.take() for _ in range(5)]
    assert taken[0] == here
    distances = []
    for tile in taken:
        assert tile is not None
        distances.append(
            sum(abs(a - b) for (_, a), (_, b) in zip(tile.fixed, here.fixed, strict=True))
        )
    assert distances == [0, 1, 1, 1, 1]


def test_too_small() -> None:
    with pytest.raises(ImageError, match="side"):
        TileGrid((10, 10), 1)
