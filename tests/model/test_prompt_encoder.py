"""Prompts to tokens; the numbers against transformers are held by test_sam."""

from __future__ import annotations

import pytest
import torch
from tests.reference.seeded import fill
from torch.testing import assert_close

from napari_samara.model import SamPromptEncoderConfig
from napari_samara.model.prompt_encoder import PromptEncoder

CONFIG = SamPromptEncoderConfig(hidden_size=32, image_size=64)
POINTS, LABELS = torch.tensor([[[10.0, 20.0], [3.0, 4.0]]]), torch.tensor([[1, 0]])
BOXES = torch.tensor([[5.0, 6.0, 40.0, 50.0]])
MASKS = torch.randn(1, 1, 16, 16)


def encoder(**changes):
    module = PromptEncoder(CONFIG.replace(**changes), 16)
    fill(module.state_dict())
    return module


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        ((), 0),
        ((POINTS, LABELS), 3),  # closed by "not a point"
        ((None, None, BOXES), 2),
        ((POINTS, LABELS, BOXES), 4),  # a box needs no such closing
        ((None, None, None, MASKS), 0),
    ],
)
def test_number_of_tokens(given, tokens):
    code = encoder()(*given)
    assert code.sparse.shape == (1, tokens, 32)
    assert code.dense.shape == (1, 32, 4, 4)
    assert code.maps is None


def test_integers_and_doubles_are_taken_as_they_mean():
    module = encoder()
    expected = module(POINTS, LABELS).sparse
    assert_close(module(POINTS.double(), LABELS.int()).sparse, expected)
    assert_close(module(POINTS.long(), LABELS.float()).sparse, expected)


def test_special_labels():
    module = encoder()
    code = module(POINTS, torch.tensor([[-1, -10]])).sparse
    assert torch.equal(code[0, 0], module.not_a_point_embed.weight[0])
    assert not code[0, 1].any()


def test_no_mask_is_learned_and_not_zeros():
    module = encoder()
    dense = module(POINTS, LABELS).dense
    assert torch.equal(dense[0, :, 2, 3], module.no_mask_embed.weight[0])


def test_drawn_prompts():
    module = encoder(prompt_maps=True)
    code = module(POINTS, LABELS, BOXES)
    assert code.maps.shape == (1, 4, 16, 16)
    assert code.dense.shape == (1, 32, 4, 4)
    with_mask = module(POINTS, LABELS, BOXES, MASKS)
    assert_close(with_mask.maps[:, 0], torch.tanh(MASKS[:, 0] / 4))
    assert_close(with_mask.maps[:, 1:], code.maps[:, 1:])
