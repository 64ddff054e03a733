"""The whole model against transformers, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close
from transformers import SamModel as HfModel

from napari_samara.errors import ImageError, PromptError
from napari_samara.model import SamConfig, SamModel, SamProcessor
from napari_samara.model.sam import ImageFeatures

TOLERANCE = {"atol": 1e-4, "rtol": 0.0}


def pixels(size, batch=1):
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(batch))


def prompts(kind, size, batch=1):
    """Prompts by name, scaled to the input."""
    s = size / 100
    point = torch.tensor([[[[30.0, 40.0]]]]) * s
    several = torch.tensor([[[[30.0, 40.0], [60.0, 20.5], [5.0, 90.0]]]]) * s
    objects = torch.tensor([[[[30.0, 40.0], [60.0, 20.0]], [[10.0, 10.0], [80.0, 70.0]]]]) * s
    box = torch.tensor([[[20.0, 10.0, 60.0, 70.0]]]) * s
    boxes = torch.tensor([[[20.0, 10.0, 60.0, 70.0], [50.0, 50.0, 99.0, 80.0]]]) * s
    mask = torch.randn(1, 1, size // 4, size // 4, generator=torch.Generator().manual_seed(5)) * 4
    chosen = {
        "nothing": {},
        "point": {"input_points": point},
        "negative": {"input_points": point, "input_labels": torch.tensor([[[0]]])},
        "points": {"input_points": several, "input_labels": torch.tensor([[[1, 0, 1]]])},
        "not a point": {"input_points": several, "input_labels": torch.tensor([[[1, -1, 0]]])},
        "padding": {"input_points": several, "input_labels": torch.tensor([[[1, -10, -10]]])},
        "objects": {"input_points": objects, "input_labels": torch.tensor([[[1, 0], [1, 1]]])},
        "box": {"input_boxes": box},
        "boxes": {"input_boxes": boxes},
        "box and points": {
            "input_boxes": box,
            "input_points": several,
            "input_labels": torch.tensor([[[1, 0, 0]]]),
        },
        "boxes and points": {"input_boxes": boxes, "input_points": objects},
        "mask": {"input_masks": mask},
        "mask and point": {"input_masks": mask, "input_points": point},
        "mask and boxes": {"input_masks": mask, "input_boxes": boxes},
    }[kind]
    return {k: v.repeat(batch, *[1] * (v.ndim - 1)) for k, v in chosen.items()}


KINDS = (
    "nothing",
    "point",
    "negative",
    "points",
    "not a point",
    "padding",
    "objects",
    "box",
    "boxes",
    "box and points",
    "boxes and points",
    "mask",
    "mask and point",
    "mask and boxes",
)


def assert_same(ours, theirs):
    assert ours.pred_masks.shape == theirs.pred_masks.shape
    assert ours.iou_scores.shape == theirs.iou_scores.shape
    assert_close(ours.pred_masks, theirs.pred_masks, **TOLERANCE)
    assert_close(ours.iou_scores, theirs.iou_scores, **TOLERANCE)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_as_transformers_decodes_them(tiny, kind, multimask):
    x, given = pixels(tiny.size), prompts(kind, tiny.size)
    embeddings = tiny.theirs.get_image_embeddings(x)
    assert_close(tiny.ours.get_image_embeddings(x), embeddings, **TOLERANCE)
    given |= {"image_embeddings": embeddings, "multimask_output": multimask}
    assert_same(tiny.ours(**given), tiny.theirs(**given))


@pytest.mark.parametrize("kind", ["point", "objects", "box", "boxes and points"])
def test_batches_of_images(tiny, kind):
    given = prompts(kind, tiny.size, batch=3)
    for i in range(1, 3):
        for name in ("input_points", "input_boxes"):
            if name in given:
                given[name][i] += 3 * i  # other prompts for each image
    given["pixel_values"] = pixels(tiny.size, 3)
    assert_same(tiny.ours(**given), tiny.theirs(**given))


def test_masks_of_a_batch(tiny):
    given = prompts("boxes", tiny.size, batch=2) | {"pixel_values": pixels(tiny.size, 2)}
    given["input_masks"] = torch.randn(2, 1, tiny.size // 4, tiny.size // 4) * 4
    assert_same(tiny.ours(**given), tiny.theirs(**given))


@pytest.mark.parametrize("kind", ["point", "not a point", "boxes", "box and points", "mask"])
def test_vit_b(vit_b, kind):
    x = pixels(vit_b.size)
    embeddings = vit_b.theirs.get_image_embeddings(x)
    assert_close(vit_b.ours.get_image_embeddings(x), embeddings, **TOLERANCE)
    for multimask in (True, False):
        given = prompts(kind, vit_b.size)
        given |= {"image_embeddings": embeddings, "multimask_output": multimask}
        assert_same(vit_b.ours(**given), vit_b.theirs(**given))


def test_pixels_and_embeddings_give_the_same(tiny):
    x, given = pixels(tiny.size), prompts("points", tiny.size)
    from_pixels = tiny.ours(pixel_values=x, **given)
    features = tiny.ours.encode(x)
    for embeddings in (features, features.embedding):
        again = tiny.ours(image_embeddings=embeddings, **given)
        assert torch.equal(again.pred_masks, from_pixels.pred_masks)


def test_the_order_of_objects_and_their_number_change_nothing(tiny):
    x = pixels(tiny.size)
    corners = torch.rand(1, 21, 2, 2) * tiny.size
    boxes = torch.cat([corners.amin(2), corners.amax(2) + 2], dim=-1)
    together = tiny.ours(x, input_boxes=boxes).pred_masks
    alone = [tiny.ours(x, input_boxes=boxes[:, i : i + 1]).pred_masks for i in range(21)]
    assert_close(together, torch.cat(alone, dim=1), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("kind", ["points", "boxes", "boxes and points", "mask and point"])
def test_prompt_embeddings(tiny, kind):
    given = prompts(kind, tiny.size, batch=2)
    given.setdefault("input_labels", None)
    if "input_points" in given and given["input_labels"] is None:
        given["input_labels"] = torch.ones(given["input_points"].shape[:3], dtype=torch.int64)
    names = ("input_points", "input_labels", "input_boxes", "input_masks")
    given = {name: given.get(name) for name in names}
    sparse, dense = tiny.theirs.get_prompt_embeddings(**given)
    ours = tiny.ours.get_prompt_embeddings(**given)
    assert_close(ours[0], sparse, **TOLERANCE)
    assert_close(ours[1], dense, **TOLERANCE)


def test_position_code(tiny):
    ours = tiny.ours.get_image_wide_positional_embeddings()
    assert_close(ours, tiny.theirs.get_image_wide_positional_embeddings(), **TOLERANCE)


def test_a_saved_folder_opens_here_and_there(tiny, tmp_path):
    tiny.ours.save_pretrained(tmp_path)
    given = prompts("point", tiny.size) | {"pixel_values": pixels(tiny.size)}
    expected = tiny.ours(**given)
    assert_same(SamModel.from_pretrained(tmp_path)(**given), expected)
    assert_same(HfModel.from_pretrained(tmp_path).eval()(**given), expected)


def test_normalisation_that_a_processor_saved_stays(tiny, tmp_path):
    fields = {"size": {"longest_edge": 160}, "pad_size": {"height": 160, "width": 160}}
    processor = SamProcessor()
    processor.image_processor = type(processor.image_processor)(image_mean=[0.1] * 3, **fields)
    processor.save_pretrained(tmp_path)
    tiny.ours.save_pretrained(tmp_path)
    found = SamProcessor.from_pretrained(tmp_path)
    assert found.image_processor.config == processor.image_processor.config


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"pixel_values": torch.zeros(1, 3, 160, 160), "image_embeddings": torch.zeros(1)},
        {"pixel_values": torch.zeros(3, 160, 160)},
        {"pixel_values": torch.zeros(1, 1, 160, 160)},
        {"pixel_values": torch.zeros(1, 3, 160, 150)},
        {"pixel_values": torch.zeros(0, 3, 160, 160)},
        {"pixel_values": torch.zeros(1, 3, 160, 160, dtype=torch.uint8)},
        {"image_embeddings": torch.zeros(1, 32, 9, 10)},
        {"image_embeddings": torch.zeros(1, 31, 10, 10)},
        {"image_embeddings": [[0.0]]},
    ],
)
def test_no_image(tiny, values):
    with pytest.raises(ImageError):
        tiny.ours(**values, input_points=torch.zeros(1, 1, 1, 2))


def test_prompts_that_do_not_fit(tiny):
    """The table of refusals is in test_prompt_checks; here, that the model asks."""
    with pytest.raises(PromptError, match="label 2 means nothing"):
        tiny.ours(
            pixels(tiny.size),
            input_points=torch.zeros(1, 1, 1, 2),
            input_labels=torch.tensor([[[2]]]),
        )


@pytest.mark.parametrize("name", ["input_point", "attention_similarity"])
def test_arguments_that_no_sam_has(tiny, name):
    with pytest.raises(TypeError, match=name):
        tiny.ours(pixels(tiny.size), **{name: torch.zeros(1)})


def test_samara_reads_the_finer_maps_too():
    model = SamModel(SamConfig.samara_tiny(128)).eval()
    features = model.encode(pixels(128))
    assert [tuple(s.shape[1:]) for s in features.skips] == [
        (64, 16, 16),
        (32, 32, 32),
        (16, 64, 64),
    ]
    out = model(image_embeddings=features, input_boxes=torch.tensor([[[9.0, 9.0, 50.0, 50.0]]]))
    assert out.pred_masks.shape == (1, 1, 3, 64, 64)
    assert model.config.mask_size == 64
    with pytest.raises(ImageError, match="ImageFeatures"):
        model(image_embeddings=features.embedding)
    with pytest.raises(ImageError):
        model(image_embeddings=ImageFeatures(torch.zeros(1, 3)).embedding)


def test_prediction_in_inference_mode_leaves_training_possible():
    model = SamModel(SamConfig.samara_tiny(64)).eval()
    with torch.inference_mode():
        model(pixels(64), input_points=torch.zeros(1, 1, 1, 2))
    with torch.enable_grad():
        out = model.train()(pixels(64, 2), input_points=torch.zeros(2, 1, 1, 2))
        (out.pred_masks.sum() + out.iou_scores.sum()).backward()
    assert all(p.grad is not None for p in model.image_encoder.parameters())
