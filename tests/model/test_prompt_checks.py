"""Tensors of prompts: who may be asked for what."""

from __future__ import annotations

import pytest
import torch

from napari_samara.errors import PromptError
from napari_samara.model.prompt_checks import PromptTensors

POINTS, BOXES = torch.zeros(1, 2, 3, 2), torch.zeros(1, 2, 4)
LABELS = torch.tensor([[[1, 0, -1], [-10, 1, 1]]])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"points": POINTS, "labels": LABELS},
        {"points": POINTS, "labels": LABELS.float(), "boxes": BOXES},
        {"boxes": BOXES.repeat(3, 1, 1), "masks": torch.zeros(1, 1, 8, 8)},
    ],
)
def test_what_fits(given):
    assert PromptTensors(**given).check(3, 8) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points": torch.zeros(1, 2, 2)}, "input_points has shape"),
        ({"points": torch.zeros(2, 1, 1, 2)}, "3 image"),
        ({"points": torch.zeros(1, 1, 1, 3)}, "input_points has shape"),
        ({"points": torch.zeros(1, 0, 1, 2)}, "input_points has shape"),
        ({"points": POINTS, "labels": LABELS[..., :2]}, "do not fit"),
        ({"points": POINTS, "labels": LABELS[0]}, "input_labels has shape"),
        ({"labels": LABELS}, "do not fit input_points None"),
        ({"points": POINTS, "labels": LABELS + 1}, "label 2 means nothing"),
        ({"points": POINTS, "labels": LABELS + 0.5}, "means nothing"),
        ({"boxes": torch.zeros(1, 4)}, "input_boxes has shape"),
        ({"boxes": torch.zeros(1, 1, 2, 2)}, "input_boxes has shape"),
        ({"boxes": torch.zeros(1, 3, 4), "points": POINTS}, "as many"),
        ({"masks": torch.zeros(1, 1, 8, 9)}, "input_masks has shape"),
        ({"masks": torch.zeros(1, 8, 8)}, "input_masks has shape"),
        ({"masks": torch.zeros(1, 2, 8, 8)}, "input_masks has shape"),
    ],
)
def test_what_does_not_fit(given, message):
    with pytest.raises(PromptError, match=message):
        PromptTensors(**given).check(3, 8)


def test_prompts_of_an_image():
    prompts = PromptTensors(POINTS, None, BOXES, torch.arange(3.0).view(3, 1, 1, 1)).completed()
    one = prompts.of_image(2)
    assert one.points.shape == (2, 3, 2)
    assert one.labels.tolist() == [[1] * 3] * 2
    assert one.boxes.shape == (2, 4)
    assert one.masks.shape == (2, 1, 1, 1)
    assert one.masks.unique().tolist() == [2.0]
