"""The ViT encoder against the published one, by every way that it computes attention."""

from __future__ import annotations

import pytest
import torch
from tests.model.conftest import TINY, make_pair
from torch.testing import assert_close

from napari_samara.model import SamVisionConfig
from napari_samara.model.image_encoder import ImageEncoderViT


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"window_size": 5},  # 10 patches are two windows
        {"window_size": 14},  # a window larger than the image
        {"global_attn_indexes": []},
        {"global_attn_indexes": [0, 1, 2, 3]},
        {"use_rel_pos": False},
        {"use_abs_pos": False},
        {"qkv_bias": False},
        {"layer_norm_eps": 1e-3},
        {"num_hidden_layers": 1, "num_attention_heads": 6},
    ],
)
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("batch", [1, 2])
def test_embedding(changes, grad, batch):
    pair = make_pair(TINY | {"vision_config": TINY["vision_config"] | changes})
    x = torch.randn(batch, 3, 160, 160)
    expected = pair.theirs.get_image_embeddings(x)
    with torch.set_grad_enabled(grad):
        found = pair.ours.image_encoder(x)
    assert_close(found.detach(), expected, atol=1e-4, rtol=0.0)


def test_the_order_of_pixels_in_memory_changes_nothing(tiny):
    x = torch.randn(2, 3, 160, 160)
    expected = tiny.ours.image_encoder(x)
    found = tiny.ours.image_encoder(x.to(memory_format=torch.channels_last))
    assert_close(found, expected, atol=1e-5, rtol=0.0)


def test_training_reaches_every_parameter():
    encoder = ImageEncoderViT(SamVisionConfig.from_dict(TINY["vision_config"]))
    with torch.enable_grad():
        encoder(torch.randn(1, 3, 160, 160)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())


def test_half_precision_stays_near(tiny):
    x = torch.randn(1, 3, 160, 160)
    expected = tiny.ours.image_encoder(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = tiny.ours.image_encoder(x)
    assert (found.float() - expected).abs().mean() < 0.05 * expected.abs().mean()
