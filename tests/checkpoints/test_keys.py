"""Names of Meta and of transformers, checked against both packages."""

from __future__ import annotations

import pytest
import torch
from tests.checkpoints.conftest import seeded, vit_config
from tests.reference.torchvision_shim import segment_anything
from transformers import SamConfig as HfConfig
from transformers import SamModel as HfModel

from napari_samara.checkpoints.keys import RENAMES, is_hugging_face, to_hugging_face, to_meta
from napari_samara.errors import CheckpointError

TIED = "prompt_encoder.shared_embedding.positional_embedding"


def test_no_name_appears_twice_in_the_table():
    for column in zip(*RENAMES, strict=True):
        assert len(set(column)) == len(column)


def test_names_and_shapes_are_those_of_transformers(vit):
    with torch.device("meta"):
        reference = HfModel(HfConfig(**vit.config.to_dict())).state_dict()
    ours = to_hugging_face(vit.state_dict())
    assert set(ours) == set(reference) - {TIED}
    assert all(ours[k].shape == reference[k].shape for k in ours)


@pytest.mark.parametrize("size", ["vit_b", "vit_l", "vit_h"])
def test_names_of_the_published_sizes_go_both_ways(size):
    with torch.device("meta"):
        meta = segment_anything().sam_model_registry[size]().state_dict()
    there = to_hugging_face(meta)
    assert is_hugging_face(there)
    assert not is_hugging_face(meta)
    assert not [k for k in there if ".blocks." in k or "image_encoder" in k]
    back = to_meta(there)
    assert list(back) == list(meta)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_depth_of_the_heads(depth):
    config = vit_config()
    decoder = config.mask_decoder_config.replace(iou_head_depth=depth)
    state = seeded(type(config)(config.vision_config, config.prompt_encoder_config, decoder))
    there = to_hugging_face(state.state_dict())
    names = {k.rsplit(".", 1)[0] for k in there if k.startswith("mask_decoder.iou_prediction_head")}
    middle = {f"mask_decoder.iou_prediction_head.layers.{i}" for i in range(depth - 2)}
    ends = {f"mask_decoder.iou_prediction_head.proj_{e}" for e in ("in", "out")}
    assert names == middle | ends
    assert list(to_meta(there)) == list(state.state_dict())


@pytest.mark.parametrize("kept", [{TIED}, {TIED, "shared_image_embedding.positional_embedding"}])
def test_the_position_code_under_either_of_its_names(kept):
    wanted = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    assert to_meta(dict.fromkeys(kept, 1)) == {wanted: 1}


def test_two_values_for_one_name_are_refused():
    state = {"mask_decoder.upscale_conv1.bias": 1, "mask_decoder.output_upscaling.0.bias": 2}
    with pytest.raises(CheckpointError, match="two parameters"):
        to_meta(state)


def test_unknown_names_stay():
    assert to_meta({"head.weight": 1}) == {"head.weight": 1} == to_hugging_face({"head.weight": 1})
