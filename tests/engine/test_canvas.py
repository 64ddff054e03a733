"""Tests of painting masks over each other."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.canvas import Canvas
from napari_samara.masks import Mask


def strip(first: int, last: int, score: float) -> Mask:
    data = np.zeros((1, 8), bool)
    data[0, first:last] = True
    return Mask(data, score)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("first", [1, 1, 1, 1, 2, 2, 3, 0]),
        ("last", [1, 1, 2, 3, 3, 3, 3, 0]),
        ("best-score", [1, 1, 2, 2, 2, 2, 3, 0]),
    ],
)
def test_who_gets_the_pixel(overlap: str, expected: list[int]) -> None:
    labels = np.zeros((1, 8), np.int32)
    canvas = Canvas(labels, overlap)
    canvas.paint(strip(0, 4, 0.5), 1)
    canvas.paint(strip(2, 6, 0.9), 2)
    canvas.paint(strip(3, 7, 0.7), 3)
    canvas.paint(strip(0, 0, 1.0), 4)
    assert labels[0].tolist() == expected
    assert [canvas.area(label, (0, 0, 1, 8)) for label in (1, 2, 3)] == [
        expected.count(label) for label in (1, 2, 3)
    ]
    assert canvas.area(4, None) == 0


@pytest.mark.parametrize("score", [0.1, 0.3, 0.7])  # not exact in float32
def test_of_equal_scores_the_first_wins(score: float) -> None:
    labels = np.zeros((1, 8), np.int32)
    canvas = Canvas(labels, "best-score")
    canvas.paint(strip(0, 4, score), 1)
    canvas.paint(strip(2, 6, score), 2)
    assert labels[0].tolist() == [1, 1, 1, 1, 2, 2, 0, 0]


def test_labels_are_written_in_place_also_transposed() -> None:
    labels = np.zeros((8, 1), np.int32)
    Canvas(labels.T, "last").paint(strip(2, 4, 1.0), 7)
    assert labels[:, 0].tolist() == [0, 0, 7, 7, 0, 0, 0, 0]
