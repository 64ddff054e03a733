"""Tests of duplicates among masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from tests.reference.torchvision_shim import batched_nms

from napari_samara.engine.suppression import best_boxes, best_masks, common_pixels


class Square(NamedTuple):
    """A mask that fills its box."""

    box: tuple[int, int, int, int]

    @property
    def data(self):
        row0, col0, row1, col1 = self.box
        return np.ones((row1 - row0, col1 - col0), bool)


def random_boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 60, (count, 2))
    return np.concatenate([low, low + rng.integers(2, 40, (count, 2))], axis=1), rng.random(count)


@pytest.mark.parametrize("limit", [0.1, 0.5, 0.7])
def test_boxes_that_stay_are_those_of_torchvision(limit):
    boxes, scores = random_boxes(120)
    xyxy = torch.tensor(boxes[:, [1, 0, 3, 2]] - [0, 0, 1, 1]).float()
    expected = batched_nms(xyxy, torch.tensor(scores), torch.zeros(120), limit)
    found = best_boxes(boxes, scores, limit)
    assert found.tolist() == expected.tolist()
    assert 0 < len(found) < 120


def test_of_equal_scores_the_first_stays():
    assert best_boxes([(0, 0, 9, 9), (0, 0, 9, 9)], [1, 1], 0.5).tolist() == [0]


def test_no_boxes():
    assert best_boxes(np.zeros((0, 4)), [], 0.5).tolist() == []
    assert best_masks([], [], 0.5) == []


@pytest.mark.parametrize(
    ("limit", "order", "expected"),
    [
        (0.5, [0, 1, 2], [0, 2]),  # the small one lies in the large one
        (0.5, [1, 0, 2], [1, 2]),
        (1.0, [0, 1, 2], [0, 1, 2]),
        (0.2, [0, 1, 2], [0]),  # a quarter of the third is shared with the first
        (0.25, [0, 1, 2], [0, 2]),
    ],
)
def test_masks_by_the_part_they_share(limit, order, expected):
    pieces = [Square((0, 0, 10, 10)), Square((2, 2, 5, 5)), Square((5, 5, 15, 15))]
    assert best_masks(pieces, order, limit) == expected


def test_common_pixels():
    assert common_pixels(Square((0, 0, 10, 10)), Square((8, 6, 20, 9))) == 2 * 3
    assert common_pixels(Square((0, 0, 10, 10)), Square((10, 0, 20, 9))) == 0
