"""Tests of the checks and conversions of prompts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.engine.requests import MASK_LOGIT, build_request, checked_boxes
from napari_samara.errors import PromptError
from napari_samara.geometry import Frame
from napari_samara.masks import Mask

FRAME = Frame(100, 200, 64)  # scaled by 0.32, padded below


def request(points=None, positive=None, box=None, mask=None):
    return build_request(FRAME, 16, points, positive, box, mask)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no prompt"),
        ({"points": []}, "no prompt"),
        ({"points": [(100, 5)]}, "outside the image of 100 rows and 200 columns"),
        ({"points": [(-1, 5)]}, "outside"),
        ({"points": [(5, 250)]}, r"points are \(row, col\)"),
        ({"points": [(np.nan, 5)]}, "NaN"),
        ({"points": [(1, 2, 3)]}, "shape"),
        ({"points": [("a", "b")]}, "numbers"),
        ({"points": [(1, 2)], "positive": [True, False]}, "1 points"),
        ({"points": [(1, 2)], "positive": [2]}, "True or False"),
        ({"box": (10, 10, 10, 20)}, "no area"),
        ({"box": (10, 10, 20)}, r"got shape \(1, 3\)"),
        ({"box": (500, 10, 600, 20)}, "outside"),
        ({"box": (-20, 10, -5, 20)}, "outside"),
        ({"box": (np.inf, 1, 2, 3)}, "infinity"),
        ({"box": [(1, 1, 5, 5), (2, 2, 6, 6)]}, "predict_many"),
        ({"mask": np.zeros((100, 200), bool)}, "empty"),
        ({"mask": np.ones((5, 7), bool)}, r"\(5, 7\)"),
        ({"mask": np.zeros((16, 16), np.float32)}, "logits alone"),
    ],
)
def test_bad_prompts_are_refused(given, words):
    with pytest.raises(PromptError, match=words):
        request(**given)


def test_points_are_scaled_and_turned_to_xy():
    made = request([(50, 100), (0, 0)], [True, False])
    assert made.points is not None
    assert made.points.dtype == torch.float32
    torch.testing.assert_close(made.points[0], torch.tensor([[32.0, 16.0], [0.0, 0.0]]))
    assert made.signs is not None
    assert made.signs.tolist() == [[1, 0]]
    assert not made.ambiguous


@pytest.mark.parametrize(
    ("given", "ambiguous"),
    [
        ({"points": [(5, 5)]}, True),
        ({"points": (5, 5)}, True),
        ({"points": [(5, 5), (6, 6)]}, False),
        ({"points": [(5, 5)], "box": (0, 0, 9, 9)}, False),
        ({"box": (0, 0, 9, 9)}, False),
    ],
)
def test_only_a_single_point_is_ambiguous(given, ambiguous):
    assert request(**given).ambiguous is ambiguous


def test_boxes_are_sorted_and_cut_to_the_image():
    boxes = checked_boxes([(20, 30, 10, 5), (-5, -5, 1000, 50)], FRAME)
    assert boxes.tolist() == [[10, 5, 20, 30], [0, 0, 100, 50]]


def test_a_boolean_mask_becomes_logits_in_the_padded_frame():
    mask = np.zeros((100, 200), bool)
    mask[:50, 100:] = True
    made = request([(25, 150)], mask=mask)
    assert made.mask is not None
    assert made.mask.shape == (1, 1, 16, 16)
    logits = made.mask[0, 0]
    assert logits[1, 12] == pytest.approx(MASK_LOGIT)  # inside
    assert logits[1, 3] == pytest.approx(-MASK_LOGIT)  # beside
    assert logits[12].max() == pytest.approx(-MASK_LOGIT)  # padding


def test_a_mask_alone_brings_its_box_and_an_interior_point():
    mask = np.zeros((100, 200), bool)
    mask[20:40, 60:100] = True
    made = request(mask=mask)
    assert made.box is not None
    torch.testing.assert_close(made.box[0], torch.tensor([60.0, 20.0, 100.0, 40.0]) * 0.32)
    assert made.points is not None
    x, y = (made.points[0, 0] / 0.32).tolist()
    assert mask[round(y), round(x)]


def test_an_earlier_mask_gives_its_own_logits():
    logits = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    earlier = Mask(np.ones((100, 200), bool), 0.5, logits)
    made = request([(5, 5)], mask=earlier)
    assert made.mask is not None
    expected = logits.reshape(16, 2, 16, 2).mean((1, 3))
    np.testing.assert_allclose(made.mask[0, 0].numpy(), expected, rtol=1e-5, atol=1e-6)
