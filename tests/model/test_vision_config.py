"""Sizes of the image encoders."""

from __future__ import annotations

import pytest

from napari_samara.errors import ConfigError
from napari_samara.model import SamVisionConfig, TinyVitConfig


def test_the_mlp_follows_the_width():
    assert SamVisionConfig().mlp_dim == 3072
    assert SamVisionConfig(hidden_size=96, mlp_ratio=2.5).mlp_dim == 240
    assert SamVisionConfig().replace(hidden_size=384).mlp_dim == 1536
    assert SamVisionConfig(mlp_dim=7).replace(window_size=3).mlp_dim == 7


def test_lists_become_tuples():
    assert SamVisionConfig(global_attn_indexes=[1, 2]).global_attn_indexes == (1, 2)
    assert hash(TinyVitConfig(depths=[2, 2, 6, 2])) == hash(TinyVitConfig())


def test_strides():
    assert (TinyVitConfig().patch_size, TinyVitConfig().embedding_size) == (16, 64)
    assert TinyVitConfig(stem_stride=1, image_size=256).embedding_size == 64
    assert TinyVitConfig().skip_channels == (128, 64, 32)
    assert SamVisionConfig(image_size=512).embedding_size == 32


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": 770}, "multiple"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hidden_size": 10**9}, "hidden_size is 1000000000"),
        ({"hidden_size": 768.0}, "integers"),
        ({"hidden_size": None}, "integers"),
        ({"hidden_size": True}, "integers"),
        ({"image_size": 1000}, "multiple of patch_size"),
        ({"mlp_ratio": float("nan")}, "mlp_ratio"),
        ({"mlp_ratio": 1e300}, "mlp_ratio"),
        ({"mlp_ratio": "4"}, "a number"),
        ({"mlp_dim": 10**9}, "mlp_dim"),
        ({"layer_norm_eps": float("inf")}, "layer_norm_eps"),
        ({"layer_norm_eps": -1e-6}, "layer_norm_eps"),
        ({"use_rel_pos": 1}, "true or false"),
        ({"window_size": -1}, "window_size"),
        ({"global_attn_indexes": 3}, "a list"),
        ({"global_attn_indexes": (1.5,)}, "integers"),
    ],
)
def test_no_vit(values, message):
    with pytest.raises(ConfigError, match=message):
        SamVisionConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"embed_dims": (64,)}, "one length"),
        ({"depths": (2, 2, 2)}, "one length"),
        ({"depths": 3}, "a list"),
        ({"merge_strides": (2, 2)}, "needs 3 entries"),
        ({"merge_strides": (2, 2, 3)}, "merge_strides is 3"),
        ({"stem_stride": 2}, "1 or 4"),
        ({"window_sizes": (7, 7, 4096, 7)}, "window_sizes is 4096"),
        ({"num_heads": (2, 4, 7, 10)}, "multiples"),
        ({"image_size": 1000}, "multiple of the stride"),
        ({"mbconv_expand_ratio": 1e9}, "mbconv_expand_ratio"),
    ],
)
def test_no_tiny_vit(values, message):
    with pytest.raises(ConfigError, match=message):
        TinyVitConfig(**values)
