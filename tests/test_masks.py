"""Tests of masks and their run-length form."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.errors import FileFormatError, ImageError
from napari_samara.masks import Mask, box_of, decode_runs, encode_runs, interior_point


def _block(shape: tuple[int, int], row0: int, col0: int, row1: int, col1: int) -> np.ndarray:
    data = np.zeros(shape, bool)
    data[row0:row1, col0:col1] = True
    return data


def test_mask_finds_its_box_and_area() -> None:
    mask = Mask.from_array(_block((7, 9), 2, 3, 5, 9), score=np.float32(0.5))
    assert mask.box == (2, 3, 5, 9)
    assert mask.area == 18
    assert mask.score == 0.5
    assert type(mask.score) is float
    assert mask.logits is None


def test_empty_mask_has_no_box() -> None:
    mask = Mask.from_array(np.zeros((3, 4)))
    assert mask.box is None
    assert mask.area == 0
    with pytest.raises(ImageError, match="empty"):
        mask.interior_point()


def test_mask_is_read_only_and_leaves_the_array_of_the_caller_alone() -> None:
    data = _block((4, 4), 0, 0, 2, 2)
    mask = Mask(data)
    with pytest.raises(ValueError, match="read-only"):
        mask.data[0, 0] = False
    data[3, 3] = True  # still writable for its owner


@pytest.mark.parametrize(
    "array", [np.float32([[0, np.nan], [2, -1]]), [[0, 0], [3, 1]], np.uint16([[0, 0], [9, 1]])]
)
def test_from_array_takes_what_is_not_zero(array: object) -> None:
    assert Mask.from_array(array).data.tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4)),
        np.zeros((2, 2, 2)),
        np.zeros(4),
        np.array([["a"]]),
        np.array([[None]], dtype=object),
        np.ones((2, 2), complex),
    ],
)
def test_from_array_refuses_what_is_no_plane_of_numbers(array: np.ndarray) -> None:
    with pytest.raises(ImageError, match="2D array"):
        Mask.from_array(array)


def test_constructor_wants_bool() -> None:
    with pytest.raises(ImageError, match="from_array"):
        Mask(np.zeros((2, 2), np.uint8))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        (np.zeros((2, 3), bool), [6]),
        (np.ones((2, 3), bool), [0, 6]),
        (np.array([[0, 1], [0, 0]], bool), [2, 1, 1]),  # down the columns
        (np.array([[1, 0], [0, 1]], bool), [0, 1, 2, 1]),
        (np.ones((1, 1), bool), [0, 1]),
    ],
)
def test_runs_go_down_the_columns(data: np.ndarray, counts: list[int]) -> None:
    assert encode_runs(data) == counts
    np.testing.assert_array_equal(decode_runs(counts, data.shape), data)


def test_run_length_round_trip_of_noise() -> None:
    rng = np.random.default_rng(0)
    for shape in [(1, 17), (17, 1), (31, 29), (64, 3)]:
        mask = Mask.from_array(rng.random(shape) > 0.5)
        again = Mask.from_rle(mask.to_rle(), score=0.25)
        np.testing.assert_array_equal(again.data, mask.data)
        assert again.score == 0.25


@pytest.mark.parametrize(
    "rle",
    [
        {},
        [],
        {"size": [2, 2]},
        {"size": [2, 2], "counts": [3]},
        {"size": [2, 2], "counts": []},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": [1.5, 2.5]},
        {"size": [2, 2, 1], "counts": [4]},
        {"size": [0, 2], "counts": [0]},
        {"size": ["2", 2], "counts": [4]},
    ],
)
def test_bad_run_lengths_are_refused(rle: dict) -> None:
    with pytest.raises(FileFormatError):
        Mask.from_rle(rle)


@pytest.mark.parametrize(
    ("data", "point"),
    [
        (_block((9, 9), 0, 0, 9, 9), (4, 4)),  # the border of the image counts as background
        (_block((20, 40), 5, 2, 8, 38), (6, 19)),  # middle of a bar, not its end
        (_block((5, 5), 4, 0, 5, 1), (4, 0)),
    ],
)
def test_interior_point_is_the_deepest(data: np.ndarray, point: tuple[int, int]) -> None:
    assert interior_point(data) == point


def test_interior_point_of_a_ring_is_on_the_ring() -> None:
    rows, cols = np.indices((41, 41)) - 20
    ring = (np.hypot(rows, cols) < 18) & (np.hypot(rows, cols) > 10)
    assert ring[interior_point(ring)]


def test_box_of_single_pixel() -> None:
    assert box_of(_block((6, 6), 3, 5, 4, 6)) == (3, 5, 4, 6)
