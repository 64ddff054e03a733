"""The parts of the search that need no model."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.outlines import Outline
from napari_samara.engine.similar_search import SimilarObject, _apart, _Blend, _cut, search_side
from napari_samara.engine.tile_joining import tiles_covering


def square(row: int, col: int, side: int = 10) -> Outline:
    return Outline((row, col, row + side, col + side), np.ones((side, side), bool))


def test_the_map_of_tiles_has_no_seam() -> None:
    size, step = (256, 320), 4.0
    rows, cols = np.indices((64, 80))
    truth = np.sin(rows / 9) * np.cos(cols / 7)
    blend = _Blend(size, step)
    for number, tile in enumerate(tiles_covering(size, 128, 32)):
        part = truth[round(tile[0] / 4) :, round(tile[1] / 4) :][:32, :32]
        blend.add((part + 0.1 * (-1) ** number).astype(np.float32), tile)
    off = blend.map - truth
    assert blend.map.shape == (64, 80)
    assert np.abs(off).max() < 0.11
    assert max(np.abs(np.diff(off, axis=axis)).max() for axis in (0, 1)) < 0.12  # not 0.2 at once


def test_of_two_on_one_place_the_better_stays() -> None:
    def found(row: int, likeness: float, score: float) -> SimilarObject:
        return SimilarObject(square(row, 0), (row, 0, row + 10, 10), likeness, score)

    kept = _apart([found(0, 0.5, 0.6), found(3, 0.4, 0.9), found(40, 0.7, 0.5)], [square(80, 0)])
    assert [one.likeness for one in kept] == [0.7, 0.4]
    assert _apart([found(81, 0.9, 0.9)], [square(80, 0)]) == []


@pytest.mark.parametrize(
    ("box", "tile", "cut"),
    [
        ((0, 5, 9, 9), (0, 0, 50, 50), False),  # the edge of the plane
        ((0, 5, 9, 9), (10, 0, 60, 50), True),
        ((5, 5, 50, 9), (50, 0, 100, 50), False),
        ((5, 5, 9, 50), (0, 20, 50, 70), True),
        ((5, 5, 9, 9), (10, 20, 60, 70), False),
    ],
)
def test_what_a_tile_cuts(box: tuple, tile: tuple, cut: bool) -> None:
    assert _cut(box, tile, (100, 100)) == cut


def test_tiles_are_as_large_as_objects_ask_for() -> None:
    assert search_side([square(0, 0, 20), square(0, 0, 24), square(0, 0, 200)], (600, 900)) == 128
    assert search_side([square(0, 0, 200)], (600, 900)) == 900
