"""Tests of polygon prompts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_samara.errors import PromptError
from napari_samara.prompts import Prompt, polygon

SQUARE = [(10, 20), (10, 40), (30, 40), (30, 20)]


def test_inputs_are_inside_box_and_point() -> None:
    inputs = polygon(SQUARE).inputs((50, 60))
    assert inputs.mask is not None
    assert inputs.box is not None
    assert inputs.mask[11:30, 21:40].all()
    assert not inputs.mask[:10].any()
    assert not inputs.mask[31:].any()
    rows, cols = np.nonzero(inputs.mask)
    assert inputs.box.tolist() == [rows.min(), cols.min(), rows.max() + 1, cols.max() + 1]
    assert inputs.points.tolist() == [[20, 30]]
    assert inputs.positive.tolist() == [True]


def test_the_point_of_a_concave_polygon_is_inside() -> None:
    made = polygon([(0, 0), (0, 40), (40, 40), (40, 30), (10, 30), (10, 0)])  # an angle
    inputs = made.inputs((50, 50))
    row, col = inputs.points[0].astype(int)
    assert inputs.mask is not None
    assert inputs.mask[row, col]


def test_negative_polygon_is_a_negative_point() -> None:
    inputs = polygon(SQUARE, positive=False).inputs((50, 60))
    assert inputs.points.tolist() == [[20, 30]]
    assert inputs.positive.tolist() == [False]
    assert inputs.box is None
    assert inputs.mask is None


def test_a_polygon_is_cut_at_the_border() -> None:
    inputs = polygon([(-20, -20), (-20, 20), (20, 20), (20, -20)]).inputs((50, 60))
    assert inputs.box is not None
    assert inputs.box[:2].tolist() == [0, 0]


def test_a_polygon_within_one_pixel_gives_its_middle() -> None:
    inputs = polygon([(5.2, 5.2), (5.2, 5.4), (5.4, 5.4)]).inputs((10, 10))
    assert inputs.mask is None
    np.testing.assert_allclose(inputs.points, [[5.267, 5.333]], atol=1e-3)


@pytest.mark.parametrize("shift", [(100, 0), (0, 100), (-100, 0), (0, -100), (1e6, 1e6)])
def test_a_polygon_outside_is_refused(shift: tuple[float, float]) -> None:
    made = polygon(np.array(SQUARE) + shift)
    with pytest.raises(PromptError, match=r"polygon .* outside the plane of shape \(50, 60\)"):
        made.inputs((50, 60))


@pytest.mark.parametrize(
    "vertices",
    [
        [],
        SQUARE[:2],
        [(1, 1), (1, 5), (1, 9)],
        [(1, 1), (1, 1), (1, 1)],
        [(1, 1), (1, 5), (math.nan, 9)],
        [(1, 1, 1), (1, 5, 1), (3, 9, 1)],
        "abc",
        None,
    ],
)
def test_bad_polygons(vertices: object) -> None:
    with pytest.raises(PromptError):
        polygon(vertices)


def test_plain_form() -> None:
    made = polygon(SQUARE, axis=1, index=2)
    data = {
        "kind": "polygon",
        "axis": 1,
        "index": 2,
        "vertices": [list(corner) for corner in SQUARE],
        "positive": True,
    }
    assert made.to_dict() == data
    assert Prompt.from_dict(data) == made
