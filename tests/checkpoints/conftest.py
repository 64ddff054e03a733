"""Tiny models, an empty cache and a network that can be taken away."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import torch

from napari_samara.model.config import (
    SamConfig,
    SamMaskDecoderConfig,
    SamPromptEncoderConfig,
    SamVisionConfig,
    TinyVitConfig,
)
from napari_samara.model.sam import SamModel

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 32
PROMPT = SamPromptEncoderConfig(hidden_size=WIDTH, image_size=64, mask_input_channels=8)
DECODER = SamMaskDecoderConfig(
    hidden_size=WIDTH, mlp_dim=48, num_attention_heads=8, iou_head_hidden_dim=24
)


def vit_config(**changes: object) -> SamConfig:
    """A ViT SAM of 64 x 64 input, two windowed blocks and a global one."""
    sizes: dict[str, object] = {
        "hidden_size": 24,
        "output_channels": WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "image_size": 64,
        "window_size": 3,
        "global_attn_indexes": (2,),
        "mlp_dim": 40,
        "num_pos_feats": WIDTH // 2,
    }
    return SamConfig(SamVisionConfig(**sizes | changes), PROMPT, DECODER)


def tiny_vit_config(stem_stride: int = 4, image_size: int = 64) -> SamConfig:
    """A narrow TinyViT SAM; the last width keeps the resolution, as in MobileSAM."""
    vision = TinyVitConfig(
        embed_dims=(8, 16, 24, 320),
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 3, 5),
        window_sizes=(3, 3, 4, 3),
        stem_stride=stem_stride,
        image_size=image_size,
        output_channels=WIDTH,
        num_pos_feats=WIDTH // 2,
    )
    prompt = PROMPT.replace(image_size=image_size, patch_size=vision.patch_size)
    return SamConfig(vision, prompt, DECODER)


def seeded(config: SamConfig) -> SamModel:
    """A model with weights that are all different from zero."""
    generator = torch.Generator().manual_seed(3)
    model = SamModel(config).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 0.2 + 0.01)
    return model


def same_weights(a: SamModel, b: SamModel) -> bool:
    """Whether two models hold the same numbers under the same names."""
    left, right = a.state_dict(), b.state_dict()
    return list(left) == list(right) and all(torch.equal(left[k], right[k]) for k in left)


@pytest.fixture
def vit() -> SamModel:
    """A seeded tiny ViT SAM."""
    return seeded(vit_config())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, also for the hub's client."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SAMARA_CACHE", str(folder))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any use of a socket fails the test."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
