"""Tests of grids of points and of crops."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.point_grid import crop_layers, image_grid, square_grid


def test_square_grid_has_the_middles_of_equal_fields():
    assert square_grid(2).tolist() == [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]


def noise(rows, cols):
    return np.random.default_rng(0).integers(0, 255, (rows, cols, 3), np.uint8)


@pytest.mark.parametrize(
    ("shape", "counts"), [((60, 60), (6, 6)), ((30, 60), (3, 6)), ((60, 5), (6, 1))]
)
def test_steps_are_alike_along_both_sides(shape, counts):
    points = image_grid(noise(*shape), 6)
    assert len(points) == counts[0] * counts[1]
    for axis in (0, 1):
        places = np.unique(points[:, axis])
        expected = (np.arange(counts[axis]) + 0.5) * shape[axis] / counts[axis] - 0.5
        assert places == pytest.approx(expected)


def test_nothing_where_the_image_is_constant():
    rgb = np.full((60, 120, 3), 7, np.uint8)
    rgb[::2, :, 1] += 1  # one grey level is no structure
    rgb[20:40, 100:110, 2] = 90
    points = image_grid(rgb, 12)
    assert len(points)
    assert points[:, 1].min() > 80
    assert len(image_grid(rgb[:, :80], 12)) == 0


def test_each_part_of_the_grid_is_spread():
    points = image_grid(noise(64, 64), 16)
    quarter = points[: len(points) // 4]
    assert np.histogram2d(*quarter.T, bins=4, range=[(0, 64)] * 2)[0].min() >= 2


def test_crops_overlap_and_cover():
    crops = crop_layers((100, 200), 2, 0.34)
    assert [crop.layer for crop in crops] == [0] + [1] * 4 + [2] * 16
    assert crops[0].box == (0, 0, 100, 200)
    for layer in (1, 2):
        seen = np.zeros((100, 200), int)
        for box in (crop.box for crop in crops if crop.layer == layer):
            seen[box[0] : box[2], box[1] : box[3]] += 1
        assert seen.min() == 1
        assert seen.max() == 4
