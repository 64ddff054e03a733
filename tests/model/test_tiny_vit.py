"""TinyViT against arrays frozen from MobileSAM's package (see tests/reference/make_tiny_vit.py)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.reference.make_tiny_vit import FILE, FULL, NARROW, SAMPLE, pixels
from tests.reference.seeded import fill
from torch.testing import assert_close

from napari_samara.model import SamConfig, SamModel, SamPromptEncoderConfig, TinyVitConfig
from napari_samara.model.tiny_vit import TinyViT


def model_of(sizes):
    values = {k: v for k, v in sizes.items() if k != "img_size"}
    size = sizes["img_size"]
    vision = TinyVitConfig.from_dict(values | {"image_size": size})
    model = SamModel(SamConfig(vision, SamPromptEncoderConfig(image_size=size))).eval()
    fill(model.state_dict())
    return model


@pytest.mark.parametrize(
    ("name", "sizes", "kept"),
    [("full", FULL, SAMPLE), ("narrow", NARROW, (slice(None), slice(None, None, 2)))],
)
def test_embedding_of_mobile_sam(name, sizes, kept):
    expected = np.load(FILE)[name]
    found = model_of(sizes).get_image_embeddings(pixels(sizes["img_size"]))[kept]
    assert np.abs(found.numpy() - expected).max() <= 1e-4


def test_names_of_mobile_sam():
    unused = {"norm_head.weight", "norm_head.bias", "head.weight", "head.bias"}
    assert set(np.load(FILE)["names"]) - unused == set(model_of(FULL).image_encoder.state_dict())


def test_folded_normalisation_is_that_of_running_statistics():
    model = model_of(NARROW).image_encoder
    x = pixels(160)
    expected = model(x)
    model.train()
    for module in model.modules():  # normalise by the running statistics, unfolded
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    assert_close(model(x), expected, atol=1e-4, rtol=1e-4)


def test_batch_and_single_images():
    model = model_of(NARROW).image_encoder
    x = torch.cat([pixels(160), pixels(160).flip(3)])
    assert_close(model(x)[1:], model(x[1:]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("stem", "side"), [(4, 8), (1, 32)])
def test_strides(stem, side):
    config = TinyVitConfig(
        embed_dims=(8, 12, 16, 24),
        depths=(1, 1, 1, 1),
        num_heads=(1, 2, 2, 3),
        window_sizes=(3, 3, 3, 3),
        stem_stride=stem,
        image_size=128,
        output_channels=16,
    )
    model = TinyViT(config).eval()
    assert model(torch.zeros(1, 3, 128, 128)).shape == (1, 16, side, side)


def test_finer_maps_from_coarse_to_fine():
    model = TinyViT(SamConfig.samara_tiny(64).vision_config, skips=3).eval()
    embedding, maps = model.forward_features(torch.randn(1, 3, 64, 64))
    assert embedding.shape == (1, 128, 4, 4)
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 8, 8), (32, 16, 16), (16, 32, 32)]
