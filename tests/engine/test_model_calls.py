"""Decoding as all of the engine does it: once, or with a second look at the mask of a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.training.miniature import SIZE, make_config

from napari_samara.engine.device import choose_device
from napari_samara.engine.model_calls import decode
from napari_samara.engine.predictor import Predictor
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import PreprocessConfig
from napari_samara.model.sam import ImageFeatures, SamModel

if TYPE_CHECKING:
    from napari_samara.embedding import Embedding

POINT = torch.tensor([[[20.0, 24.0]], [[40.0, 10.0]]])
SIGNS = torch.ones(2, 1, dtype=torch.int64)
BOXES = torch.tensor([[4.0, 6.0, 30.0, 28.0], [20.0, 2.0, 60.0, 40.0]])


def pair() -> tuple[Predictor, Predictor]:
    """The same weights without and with a second look."""
    torch.manual_seed(5)
    first = SamModel(make_config()).eval()
    config = make_config(second_look=True)
    second = SamModel(config).eval()
    second.load_state_dict(first.state_dict())
    preprocess = PreprocessConfig(SIZE, SIZE, per_image=True)
    once, twice = (Predictor(m, preprocess, choice=choose_device("cpu")) for m in (first, second))
    return once, twice


def embedded(predictor: Predictor) -> Embedding:
    """Of an image of noise."""
    return predictor.embed(np.random.default_rng(0).integers(0, 255, (SIZE, SIZE), np.uint8))


@pytest.mark.parametrize("best_only", [True, False])
def test_the_best_mask_of_a_point_is_handed_back_with_it(best_only: bool) -> None:
    once, twice = pair()
    embedding = embedded(once)
    prompts = POINT, SIGNS, None, None
    logits, scores = decode(once.model, embedding, prompts, True, best_only)
    found, sure = decode(twice.model, embedding, prompts, True, best_only)
    assert found.shape == logits.shape == (2, 1 if best_only else 3, 32, 32)
    model = twice.model
    features = ImageFeatures(
        torch.from_numpy(embedding.image)[None],
        tuple(torch.from_numpy(embedding.features[f"high_res_{i}"])[None] for i in range(3)),
    )
    for number, best in enumerate(scores.argmax(1).tolist()):
        part = slice(number, number + 1)
        mask = F.adaptive_avg_pool2d(logits[part, best][:, None], model.config.mask_input_size)
        with torch.inference_mode():
            code = model.prompt_encoder(POINT[part], SIGNS[part], None, mask)
            expected, score = model.decode(features, code, multimask_output=False)
        torch.testing.assert_close(found[part, best], expected[:, 0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(sure[part, best], score[:, 0], atol=1e-4, rtol=1e-4)
        assert not torch.allclose(found[number, best], logits[number, best])
        others = [at for at in range(logits.shape[1]) if at != best]
        assert torch.equal(found[number, others], logits[number, others])


@pytest.mark.parametrize(
    ("prompts", "multimask"),
    [
        ((POINT, SIGNS, None, None), False),
        ((None, None, BOXES, None), True),
        ((POINT, SIGNS, BOXES, None), True),
        ((POINT, SIGNS, None, torch.randn(2, 1, 16, 16)), True),
        ((POINT.repeat(1, 2, 1), SIGNS.repeat(1, 2), None, None), True),
    ],
    ids=["one mask", "box", "point and box", "point and mask", "two points"],
)
def test_all_else_is_decoded_once(
    prompts: tuple[torch.Tensor | None, ...], multimask: bool
) -> None:
    once, twice = pair()
    embedding = embedded(once)
    for mine, its in zip(
        decode(once.model, embedding, prompts, multimask, False),
        decode(twice.model, embedding, prompts, multimask, False),
        strict=True,
    ):
        assert torch.equal(mine, its)


def test_only_the_samara_family_does() -> None:
    assert SamConfig.samara_tiny().mask_decoder_config.second_look
    assert make_config(second_look=True).to_dict()["mask_decoder_config"]["second_look"]
    assert "second_look" not in SamConfig().to_dict()["mask_decoder_config"]
