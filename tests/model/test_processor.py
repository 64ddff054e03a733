"""Images and prompts together: the tensors of transformers' processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tests.reference.seeded import image

from napari_samara.errors import ImageError, PromptError
from napari_samara.model import SamImageProcessor, SamProcessor

FIELDS = {
    "size": {"longest_edge": 160},
    "pad_size": {"height": 160, "width": 160},
    "mask_size": {"longest_edge": 40},
    "mask_pad_size": {"height": 40, "width": 40},
}
OURS = SamProcessor(SamImageProcessor(**FIELDS))
THEIRS = transformers.SamProcessor(transformers.SamImageProcessor(**FIELDS))
ONE = Image.fromarray(image(123, 200))
TWO = [ONE, Image.fromarray(image(90, 77, seed=3))]


@pytest.mark.parametrize(
    ("images", "prompts"),
    [
        (ONE, {}),
        (ONE, {"input_points": [[[45, 60]]]}),
        (ONE, {"input_points": [[[45, 60]]], "input_labels": [[0]]}),
        (ONE, {"input_points": [[[45, 60], [7, 8]]], "input_labels": [[1, 0]]}),
        (ONE, {"input_points": [[[[45, 60]], [[7, 8]], [[1, 2]]]]}),
        (ONE, {"input_points": [[[[45, 60], [9, 9]]]], "input_labels": [[[1, -1]]]}),
        (ONE, {"input_points": torch.tensor([[[[45.5, 60.0]]]])}),
        (ONE, {"input_boxes": [[[10, 20, 90, 100]]]}),
        (ONE, {"input_boxes": [[[10, 20, 90, 100], [1.5, 2, 30, 40]]]}),
        (ONE, {"input_boxes": torch.tensor([[[10, 20, 90, 100]]])}),
        (ONE, {"input_boxes": [[[10, 20, 90, 100]]], "input_points": [[[45, 60]]]}),
        (ONE, {"input_points": [[[45, 60]], [[1, 2]]]}),
        (TWO, {"input_points": [[[45, 60]], [[5, 6]]]}),
        (TWO, {"input_points": [[[45, 60], [1, 1]], [[5, 6]]], "input_labels": [[1, 0], [1]]}),
        (TWO, {"input_boxes": [[[10, 20, 90, 100]], [[1, 2, 30, 40]]]}),
        (TWO, {"segmentation_maps": [image(123, 200)[..., 0], image(90, 77)[..., 0]]}),
    ],
)
def test_tensors(images, prompts):
    expected = THEIRS(images, return_tensors="pt", **prompts)
    found = OURS(images, return_tensors="pt", **prompts)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # transformers gives prompts in float64, which no Apple GPU takes
        wanted = value.float() if value.dtype == torch.float64 else value
        assert found[name].dtype == wanted.dtype, name
        assert torch.equal(found[name], wanted), name


def test_arrays_of_prompts_which_transformers_refuses():
    found = OURS(ONE, input_points=np.array([[[45, 60]]]), input_boxes=np.array([[[1, 2, 3, 4]]]))
    assert found.input_points.shape == (1, 1, 1, 2)
    assert found.input_boxes.shape == (1, 1, 4)
    assert isinstance(found.input_points, np.ndarray)


def test_prompts_follow_a_size_given_for_one_call():
    edge = {"size": {"longest_edge": 100}}
    found = OURS(ONE, input_points=[[[200, 100]]], **edge)
    assert found.input_points.tolist() == [[[[100.0, np.float32(100 * 62 / 123)]]]]


def test_own_padding():
    found = OURS(TWO, input_points=[[[1, 2], [3, 4]], [[5, 6]]], point_pad_value=-1)
    assert found.input_labels.tolist() == [[[1, 1]], [[1, -1]]]


def test_masks_come_back_through_either(tmp_path):
    inputs = OURS(ONE, return_tensors="pt")
    given = torch.randn(1, 1, 3, 40, 40), inputs.original_sizes, inputs.reshaped_input_sizes
    (expected,) = OURS.image_processor.post_process_masks(*given)
    assert torch.equal(OURS.post_process_masks(*given)[0], expected)
    OURS.save_pretrained(tmp_path)
    again = SamProcessor.from_pretrained(tmp_path)
    assert again.image_processor.config == OURS.image_processor.config
    assert again.target_size == 160
    assert "160" in repr(again)


def test_no_image():
    with pytest.raises(ImageError, match="None"):
        OURS(input_points=[[[1, 2]]])


def test_prompts_that_mean_nothing():
    with pytest.raises(PromptError, match="label 7"):
        OURS(ONE, input_points=[[[1, 2]]], input_labels=[[7]])
