"""Tests of box prompts."""

from __future__ import annotations

import itertools
import math

import pytest

from napari_samara.errors import PromptError
from napari_samara.prompts import Box, Prompt, box


@pytest.mark.parametrize(
    ("row", "col"), list(itertools.product([(1, 5), (5, 1)], [(2, 9), (9, 2)]))
)
def test_corners_are_sorted(row: tuple, col: tuple) -> None:
    assert box(row[0], col[0], row[1], col[1]).corners == (1, 2, 5, 9)


def test_inputs_hold_the_box_only() -> None:
    inputs = box(1, 2, 5, 9, index=3).inputs((10, 20))
    assert inputs.box is not None
    assert inputs.box.tolist() == [1, 2, 5, 9]
    assert inputs.points.shape == (0, 2)
    assert inputs.mask is None


@pytest.mark.parametrize(
    ("corners", "wanted"),
    [
        ((-5, -5, 3, 3), [0, 0, 3, 3]),
        ((8, 15, 30, 40), [8, 15, 10, 20]),
        ((-1, -1, 99, 99), [0, 0, 10, 20]),
        ((0.5, 1.5, 2.5, 3.5), [0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_a_box_is_cut_at_the_border(corners: tuple, wanted: list) -> None:
    inputs = box(*corners).inputs((10, 20))
    assert inputs.box is not None
    assert inputs.box.tolist() == wanted


@pytest.mark.parametrize("corners", [(10, 0, 12, 5), (-3, 0, 0, 5), (0, 20, 5, 25), (0, -9, 5, -1)])
def test_a_box_outside_is_refused(corners: tuple) -> None:
    with pytest.raises(PromptError, match=r"box .* outside the plane of shape \(10, 20\)"):
        box(*corners).inputs((10, 20))


@pytest.mark.parametrize("corners", [(3, 3, 3, 8), (3, 3, 8, 3), (3, 3, 3, 3)])
def test_zero_size_is_refused(corners: tuple) -> None:
    with pytest.raises(PromptError, match="no height or no width"):
        box(*corners)


@pytest.mark.parametrize(
    "corners", [(1, 2, 3, math.nan), (1, 2, 3, -math.inf), ("a", 1, 2, 3), (None, 1, 2, 3)]
)
def test_bad_numbers_are_refused(corners: tuple) -> None:
    with pytest.raises(PromptError):
        box(*corners)


def test_wrong_count_is_refused() -> None:
    with pytest.raises(PromptError, match="row0, col0, row1, col1"):
        Box((1, 2, 3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "extra"),
    [
        (box(1, 2, 5, 9), {}),
        (box(1, 2, 5, 9, index=3), {"axis": 0, "index": 3}),
        (box(1, 2, 5, 9, axis=2, index=3), {"axis": 2, "index": 3}),
        (box(1, 2, 5, 9, axis=(0, 1), index=(3, 4)), {"axis": [0, 1], "index": [3, 4]}),
    ],
)
def test_plain_form(made: Box, extra: dict) -> None:
    data = {"kind": "box", "corners": [1, 2, 5, 9], **extra}
    assert made.to_dict() == data
    assert Prompt.from_dict(data) == made


def test_axis_without_index_is_refused() -> None:
    with pytest.raises(PromptError, match="say which slice"):
        box(1, 2, 3, 4, axis=0)
