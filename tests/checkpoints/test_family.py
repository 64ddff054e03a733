"""Sizes worked out from names and shapes."""

from __future__ import annotations

import pytest
import torch
from tests.checkpoints.conftest import tiny_vit_config, vit_config
from tests.reference.torchvision_shim import segment_anything

from napari_samara.checkpoints.family import detect_config, family_name
from napari_samara.checkpoints.keys import to_meta
from napari_samara.errors import CheckpointError
from napari_samara.model.config import SamConfig
from napari_samara.model.sam import SamModel

META_EPS = 1e-5  # of the two-way transformer; transformers has 1e-6


def shapes_of(config):
    with torch.device("meta"):
        return {k: tuple(v.shape) for k, v in SamModel(config).state_dict().items()}


@pytest.mark.parametrize(
    ("config", "family"),
    [
        (SamConfig.vit_b(), "vit_b"),
        (SamConfig.vit_l(), "vit_l"),
        (SamConfig.vit_h(), "vit_h"),
        (SamConfig.mobile_sam(), "tiny_vit"),
        (SamConfig.lite_medsam(), "tiny_vit"),
        (vit_config(), "vit"),
        (vit_config(window_size=0, global_attn_indexes=(0, 1, 2)), "vit"),
        (vit_config(qkv_bias=False, image_size=64, num_attention_heads=6), "vit"),
        (tiny_vit_config(image_size=1024), "tiny_vit"),
        (tiny_vit_config(stem_stride=1, image_size=256), "tiny_vit"),
    ],
)
def test_sizes_come_back(config, family):
    found = detect_config(shapes_of(config), hugging_face=True)
    assert found == config
    assert family_name(found) == family


@pytest.mark.parametrize("size", ["vit_b", "vit_l", "vit_h"])
def test_published_sizes_from_metas_own_model(size):
    with torch.device("meta"):
        state = segment_anything().sam_model_registry[size]().state_dict()
    found = detect_config({k: tuple(v.shape) for k, v in state.items()})
    preset = getattr(SamConfig, size)()
    assert found.vision_config == preset.vision_config
    assert found.mask_decoder_config == preset.mask_decoder_config.replace(layer_norm_eps=META_EPS)


@pytest.mark.parametrize(("hidden", "mlp"), [(384, 1536), (168, 696)])
def test_slimsam_from_transformers_names_alone(hidden, mlp):
    from transformers import SamConfig as HfConfig
    from transformers import SamModel as HfModel

    with torch.device("meta"):
        state = HfModel(
            HfConfig(vision_config={"hidden_size": hidden, "mlp_dim": mlp})
        ).state_dict()
    found = detect_config({k: tuple(v.shape) for k, v in to_meta(state).items()}, True)
    assert found == SamConfig({"hidden_size": hidden, "mlp_dim": mlp, "model_type": "sam"})
    assert family_name(found) == "vit"


def test_samara():
    assert family_name(SamConfig.samara_tiny()) == "samara"
    with pytest.raises(CheckpointError, match=r"config\.json"):
        detect_config(shapes_of(SamConfig.samara_tiny()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_encoder.pos_embed": None}, "lack image_encoder.pos_embed"),
        ({"image_encoder.pos_embed": (1, 4, 3, 24)}, "square"),
        ({"image_encoder.neck.0.weight": (32,)}, "expected 4 axes"),
        ({"image_encoder.patch_embed.proj.weight": None}, "unknown kind"),
        ({"image_encoder.blocks.0.attn.rel_pos_h": (9, 8)}, "several windows"),
        ({"mask_decoder.mask_tokens.weight": None}, "mask_tokens"),
    ],
)
def test_shapes_that_tell_nothing(change, message):
    shapes = shapes_of(vit_config()) | change
    shapes = {k: v for k, v in shapes.items() if v is not None}
    with pytest.raises(CheckpointError, match=message):
        detect_config(shapes)


def test_without_relative_positions():
    b = SamConfig.vit_b()
    plain = b.vision_config.replace(use_rel_pos=False)
    config = SamConfig(plain, b.prompt_encoder_config, b.mask_decoder_config)
    assert detect_config(shapes_of(config), True) == config
    with pytest.raises(CheckpointError, match=r"config\.json"):
        detect_config(shapes_of(vit_config(use_rel_pos=False)))
