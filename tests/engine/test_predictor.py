"""Tests of the predictor on miniature models with seeded random weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor, largest_piece
from napari_samara.errors import FrameError, ImageError, PromptError
from napari_samara.intensity import Contrast
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import SamModel
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from napari_samara.embedding import Embedding
    from napari_samara.masks import Mask

TINY = {
    "vision_config": {
        "model_type": "tiny_vit",
        "embed_dims": [8, 16, 16, 16],
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 2, 2, 2],
        "window_sizes": [4, 4, 4, 4],
        "image_size": 128,
        "output_channels": 32,
        "num_pos_feats": 16,
    },
    "prompt_encoder_config": {"hidden_size": 32, "image_size": 128, "prompt_maps": True},
    "mask_decoder_config": {
        "hidden_size": 32,
        "mlp_dim": 64,
        "num_attention_heads": 2,
        "iou_head_hidden_dim": 32,
        "skip_channels": [16, 8, 4],
    },
}


@pytest.fixture(scope="module")
def samara() -> Predictor:
    """A miniature of the samara family: finer masks, drawn prompts, per-image normalisation."""
    torch.manual_seed(3)
    config = SamConfig.from_dict(TINY)
    return Predictor(
        SamModel(config), PreprocessConfig(128, 128, per_image=True), choice=choose_device("cpu")
    )


@pytest.fixture(params=["predictor", "samara"])
def any_predictor(request) -> Predictor:
    return request.getfixturevalue(request.param)


@pytest.fixture
def embedding(any_predictor, disks) -> Embedding:
    return any_predictor.embed(disks.image)


def same(a: Mask, b: Mask) -> bool:
    return np.array_equal(a.data, b.data) and a.score == pytest.approx(b.score, abs=1e-5)


@pytest.mark.parametrize(
    ("prompts", "count"),
    [
        ({"points": [(20, 30)]}, 3),
        ({"points": [(20, 30)], "multimask": False}, 1),
        ({"points": [(20, 30), (60, 70)], "positive": [True, False]}, 1),
        ({"box": (10, 20, 50, 60)}, 1),
        ({"box": (10, 20, 50, 60), "multimask": True}, 3),
        ({"box": (10, 20, 50, 60), "points": [(30, 40)]}, 1),
    ],
)
def test_masks_have_the_size_of_the_image_and_come_best_first(
    any_predictor, embedding, disks, prompts, count
):
    masks = any_predictor.predict(embedding, **prompts)
    assert len(masks) == count
    scores = [m.score for m in masks]
    assert scores == sorted(scores, reverse=True)
    size = any_predictor.model.config.mask_size
    for mask in masks:
        assert mask.data.shape == disks.image.shape
        assert mask.data.dtype == np.bool_
        assert mask.logits.shape == (size, size)


def test_samara_masks_are_finer_than_a_quarter_of_the_input(samara):
    assert samara.model.config.mask_size == samara.input_size // 2


def test_a_mask_prompt_and_an_earlier_mask_refine(any_predictor, embedding, disks):
    truth = disks.labels == 1
    alone = any_predictor.predict(embedding, mask=truth)
    again = any_predictor.predict(embedding, points=[(5, 5)], mask=alone[0])
    assert len(alone) == len(again) == 1
    assert not same(alone[0], any_predictor.predict(embedding, points=[(5, 5)])[0])


def test_many_boxes_equal_one_by_one(any_predictor, embedding):
    boxes = np.array([(5, 5, 40, 40), (20, 30, 90, 120), (0, 0, 128, 160), (60, 60, 70, 70)])
    many = any_predictor.predict_many(embedding, boxes=boxes, settings=PredictSettings(chunk=3))
    assert len(many) == 4
    for mask, box in zip(many, boxes, strict=True):
        assert same(mask, any_predictor.predict(embedding, box=box)[0])


def test_many_points_give_the_best_of_three_each(any_predictor, embedding):
    points = [(20.0, 30.0), (100.0, 10.5), (64.2, 80.0)]
    many = any_predictor.predict_many(embedding, points=points)
    for mask, point in zip(many, points, strict=True):
        assert same(mask, any_predictor.predict(embedding, points=[point])[0])


def test_no_prompts_give_no_masks(any_predictor, embedding):
    assert any_predictor.predict_many(embedding, points=np.zeros((0, 2))) == []
    assert any_predictor.predict_many(embedding, boxes=np.zeros((0, 4))) == []


@pytest.mark.parametrize("given", [{}, {"boxes": [(0, 0, 5, 5)], "points": [(1, 1)]}])
def test_many_takes_one_kind(any_predictor, embedding, given):
    with pytest.raises(PromptError, match="either boxes or points"):
        any_predictor.predict_many(embedding, **given)


@pytest.mark.parametrize("points", [[(5, 500)], [(np.nan, 1)], [(1, 2, 3)]])
def test_many_checks_its_points(any_predictor, embedding, points):
    with pytest.raises(PromptError):
        any_predictor.predict_many(embedding, points=points)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 5)),
        np.zeros((2, 3, 4, 5)),
        np.zeros((5, 5), object),
        np.zeros((5, 5), complex),
        np.float32(3),
    ],
    ids=["empty", "4D", "object", "complex", "scalar"],
)
def test_bad_images_are_refused(any_predictor, image):
    with pytest.raises(ImageError):
        any_predictor.embed(image)


@pytest.mark.parametrize(
    "image",
    [
        np.full((7, 9), np.nan),
        np.array([[5]], np.uint8),
        np.zeros((300, 2), np.int16),
        np.full((20, 20), np.inf),
        np.zeros((16, 16, 3), np.float64),
        np.eye(30, dtype=bool),
    ],
    ids=["NaN", "one pixel", "a line", "infinity", "constant RGB", "bool"],
)
def test_odd_images_give_finite_masks(any_predictor, image):
    embedding = any_predictor.embed(image)
    mask = any_predictor.predict(embedding, points=[(0, 0)])[0]
    assert mask.data.shape == image.shape[:2]
    assert np.isfinite(mask.score)
    assert np.isfinite(mask.logits).all()


def test_embedding_is_read_only_and_knows_its_key(any_predictor, disks):
    first, again = any_predictor.embed(disks.image), any_predictor.embed(disks.image)
    assert first.key == again.key
    assert not any(a.flags.writeable for a in first.features.values())
    inverted = any_predictor.embed(disks.image, Contrast(invert=True))
    assert inverted.key.digest() != first.key.digest()
    changed = disks.image.copy()
    changed[0, 0] ^= 255
    assert any_predictor.embed(changed).key.digest() != first.key.digest()


def test_an_embedding_of_another_model_is_refused(predictor, samara, disks):
    with pytest.raises(FrameError, match="encode the image again"):
        predictor.predict(samara.embed(disks.image), points=[(5, 5)])
    with pytest.raises(FrameError, match="encode the image again"):
        samara.predict(predictor.embed(disks.image), points=[(5, 5)])


def test_one_predictor_serves_threads(any_predictor, disks):
    images = [disks.image, disks.image[::-1], disks.image[:, :100]]
    prompts = [(20.0, 30.0), (40.0, 50.0)]

    def work(job):
        image, point = job
        return any_predictor.predict(any_predictor.embed(image), points=[point])[0]

    jobs = [(i, p) for i in images for p in prompts]
    expected = [work(job) for job in jobs]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, jobs))
    assert all(same(a, b) for a, b in zip(expected, found, strict=True))


def test_threshold_and_clean_up(any_predictor, embedding):
    prompt = {"points": [(20, 30)], "multimask": False}
    plain = any_predictor.predict(embedding, **prompt)[0]
    higher = any_predictor.predict(
        embedding, **prompt, settings=PredictSettings(mask_threshold=0.05)
    )[0]
    assert np.array_equal(higher.logits, plain.logits)
    assert not (higher.data & ~plain.data).any()
    assert higher.area < plain.area or plain.area == 0
    largest = any_predictor.predict(
        embedding, **prompt, settings=PredictSettings(keep_largest=True)
    )[0]
    assert np.array_equal(largest.data, largest_piece(plain.data))
    filled = any_predictor.predict(embedding, **prompt, settings=PredictSettings(fill_holes=True))[
        0
    ]
    assert not (plain.data & ~filled.data).any()


def test_largest_piece():
    data = np.zeros((5, 9), bool)
    data[0, :2] = data[2:4, 4:8] = True
    expected = np.zeros_like(data)
    expected[2:4, 4:8] = True
    assert np.array_equal(largest_piece(data), expected)


def test_model_is_in_evaluation_mode_and_wants_no_gradient(any_predictor):
    assert not any_predictor.model.training
    assert not any(p.requires_grad for p in any_predictor.model.parameters())
