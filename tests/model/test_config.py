"""Sizes of a whole SAM."""

from __future__ import annotations

import tracemalloc

import pytest
import torch
import transformers

from napari_samara.errors import ConfigError
from napari_samara.model import (
    SamConfig,
    SamMaskDecoderConfig,
    SamModel,
    SamPromptEncoderConfig,
    SamVisionConfig,
    TinyVitConfig,
)

PRESETS = ("vit_b", "vit_l", "vit_h", "mobile_sam", "lite_medsam", "samara_tiny")
BILLIONS = {"vit_b": 93.7e6, "vit_l": 312.3e6, "vit_h": 641.1e6, "mobile_sam": 9.8e6}
VAST = {
    "hidden_size": 8192,
    "num_attention_heads": 128,
    "num_hidden_layers": 128,
    "mlp_dim": 65536,
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_come_back_from_plain_values(name):
    config = getattr(SamConfig, name)()
    assert SamConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("name", PRESETS)
def test_the_number_of_weights_is_known_before_they_are_made(name):
    config = getattr(SamConfig, name)()
    with torch.device("meta"):
        actual = sum(p.numel() for p in SamModel(config).parameters())
    parts = config.vision_config, config.prompt_encoder_config, config.mask_decoder_config
    assert sum(part.weight_count for part in parts) == pytest.approx(actual, rel=0.03)
    assert actual == pytest.approx(BILLIONS.get(name, actual), rel=0.01)


def test_transformers_and_we_read_each_other():
    theirs = transformers.SamConfig()
    assert SamConfig.from_dict(theirs.to_dict()) == SamConfig()
    again = transformers.SamConfig(**SamConfig.vit_l().to_dict())
    assert again.vision_config.hidden_size == 1024
    assert again.vision_config.mlp_dim == 4096
    assert SamConfig.from_dict(again.to_dict()) == SamConfig.vit_l()


def test_parts_as_values_or_as_mappings():
    vision = SamVisionConfig(hidden_size=96)
    assert SamConfig(vision) == SamConfig({"hidden_size": 96}, {}, None)
    assert SamConfig(TinyVitConfig()).is_tiny_vit
    assert SamConfig({"embed_dims": [64, 128, 160, 320]}).is_tiny_vit
    assert SamConfig.samara_tiny().is_samara
    assert not SamConfig().is_samara


def test_masks_and_mask_prompts_have_their_sizes():
    assert (SamConfig().image_size, SamConfig().mask_size, SamConfig().mask_input_size) == (
        1024,
        256,
        256,
    )
    tiny = SamConfig.samara_tiny()
    assert (tiny.image_size, tiny.mask_size, tiny.mask_input_size) == (512, 256, 128)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"vision_config": 3}, "vision_config must be"),
        ({"mask_decoder_config": SamVisionConfig()}, "mask_decoder_config must be"),
        ({"vision_config": {"output_channels": 128}}, "one width"),
        ({"vision_config": {"image_size": 512}}, "for images of 1024"),
        ({"prompt_encoder_config": {"patch_size": 8}}, "embedding of side 128"),
        ({"mask_decoder_config": {"skip_channels": (64, 32)}}, "the image encoder gives"),
        ({"vision_config": TinyVitConfig(), "mask_decoder_config": {"skip_channels": (9,)}}, "128"),
    ],
)
def test_parts_that_do_not_fit(parts, message):
    with pytest.raises(ConfigError, match=message):
        SamConfig(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"vision_config": VAST},
        {
            "vision_config": {"image_size": 8192, "patch_size": 1, "use_abs_pos": False},
            "prompt_encoder_config": {"image_size": 8192, "patch_size": 1},
        },
        {
            "vision_config": {"embed_dims": (8192,) * 8, "depths": (128,) * 8}
            | {
                "num_heads": (128,) * 8,
                "window_sizes": (32,) * 8,
                "merge_strides": (1,) * 6 + (2,),
            },
            "prompt_encoder_config": {"patch_size": 8},
        },
        {
            "vision_config": {"output_channels": 2048, "num_pos_feats": 1024},
            "prompt_encoder_config": {"hidden_size": 2048},
            "mask_decoder_config": {"hidden_size": 2048, "num_hidden_layers": 128},
        },
    ],
)
def test_a_request_for_terabytes(parts):
    """Each field is in bounds; the whole is not, and nothing is allocated to find out."""
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match=r"billion weights|the limit is"):
            SamConfig(**parts)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_changed_copies():
    decoder = SamMaskDecoderConfig().replace(layer_norm_eps=1e-5)
    assert decoder.layer_norm_eps == 1e-5
    assert SamPromptEncoderConfig().replace(image_size=512).image_embedding_size == 32


def test_guesses_need_drawn_prompts_and_fine_features():
    values = SamConfig.samara_tiny().to_dict()
    values["prompt_encoder_config"]["prompt_maps"] = False
    with pytest.raises(ConfigError, match="prompt_maps"):
        SamConfig.from_dict(values)
    with pytest.raises(ConfigError, match="stride 4"):
        SamMaskDecoderConfig(skip_channels=(64,), instance_maps=True)
    with pytest.raises(ConfigError, match="instance_maps"):
        SamMaskDecoderConfig(instance_maps="yes")
    with pytest.raises(ConfigError, match="need instance_maps"):
        SamMaskDecoderConfig(skip_channels=(64, 32), mask_scores=True)
    with pytest.raises(ConfigError, match="need instance_maps"):
        SamMaskDecoderConfig(skip_channels=(64, 32), fine_maps=True)


def test_files_for_sam_say_nothing_of_the_samara_family():
    written = SamConfig.vit_b().to_dict()
    assert (
        not {"skip_channels", "instance_maps", "mask_scores", "fine_maps"}
        & written["mask_decoder_config"].keys()
    )
    assert "prompt_maps" not in written["prompt_encoder_config"]
