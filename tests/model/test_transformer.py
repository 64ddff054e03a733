"""The two-way transformer, whose attention is rearranged, against the plain one of transformers."""

from __future__ import annotations

import pytest
import torch
from tests.reference.seeded import fill
from torch.testing import assert_close
from transformers import SamMaskDecoderConfig
from transformers.models.sam.modeling_sam import SamTwoWayTransformer

from napari_samara.checkpoints.keys import to_hugging_face
from napari_samara.model.transformer import TwoWayTransformer

WIDTH, SIDE = 64, 5
PREFIX = "mask_decoder.transformer."


@pytest.fixture(scope="module")
def pair():
    ours = TwoWayTransformer(WIDTH, 2, 96, depth=2).eval()
    fill(ours.state_dict())
    config = SamMaskDecoderConfig(hidden_size=WIDTH, num_attention_heads=2, mlp_dim=96)
    config._attn_implementation = "eager"
    theirs = SamTwoWayTransformer(config).eval()
    state = to_hugging_face({PREFIX + k: v for k, v in ours.state_dict().items()})
    theirs.load_state_dict({k.removeprefix(PREFIX): v for k, v in state.items()})
    # transformers has another epsilon in the last normalisation than in the rest
    assert theirs.layer_norm_final_attn.eps == ours.norm_final_attn.eps
    return ours, theirs


def run(ours, image, pe, tokens):
    with torch.no_grad():
        return ours(image.flatten(2).transpose(1, 2), pe.flatten(2).transpose(1, 2), tokens)


@pytest.mark.parametrize("tokens", [1, 5, 16, 17, 40])  # up to 16, the width of a head, rearranged
def test_shared_image(pair, tokens):
    ours, theirs = pair
    image, pe = torch.randn(2, 1, WIDTH, SIDE, SIDE).unbind()
    prompts = torch.randn(3, tokens, WIDTH)
    expected, keys, *_ = theirs(
        prompts[:, None], image.repeat(3, 1, 1, 1), pe.repeat(3, 1, 1, 1), None
    )
    found, found_keys = run(ours, image, pe, prompts)
    assert_close(found, expected[:, 0], atol=1e-5, rtol=1e-5)
    assert_close(found_keys, keys[:, 0], atol=1e-5, rtol=1e-5)


def test_an_image_for_each_prompt(pair):
    ours, theirs = pair
    pe, image = torch.randn(1, WIDTH, SIDE, SIDE), torch.randn(3, WIDTH, SIDE, SIDE)
    prompts = torch.randn(3, 6, WIDTH)
    expected, keys, *_ = theirs(prompts[:, None], image, pe.repeat(3, 1, 1, 1), None)
    found, found_keys = run(ours, image, pe, prompts)
    assert_close(found, expected[:, 0], atol=1e-5, rtol=1e-5)
    assert_close(found_keys, keys[:, 0], atol=1e-5, rtol=1e-5)


def test_prompts_do_not_see_each_other(pair):
    ours, _ = pair
    image, pe = torch.randn(2, 1, WIDTH, SIDE, SIDE).unbind()
    prompts = torch.randn(4, 7, WIDTH)
    together = run(ours, image, pe, prompts)
    for i in range(4):
        alone = run(ours, image, pe, prompts[i : i + 1])
        for a, b in zip(together, alone, strict=True):
            assert_close(a[i : i + 1], b, atol=1e-5, rtol=1e-5)
