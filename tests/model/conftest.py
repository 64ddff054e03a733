"""The same seeded weights in this package's SAM, in transformers' and in Meta's."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
import transformers
from tests.reference.seeded import fill

from napari_samara.checkpoints.keys import to_hugging_face
from napari_samara.model import SamConfig, SamModel

TINY = {
    "vision_config": {
        "hidden_size": 48,
        "output_channels": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "image_size": 160,
        "patch_size": 16,
        "window_size": 4,  # 10 patches are no multiple of it
        "global_attn_indexes": [1, 3],
        "num_pos_feats": 16,
        "mlp_ratio": 3.0,
    },
    "prompt_encoder_config": {"hidden_size": 32, "image_size": 160, "image_embedding_size": 10},
    "mask_decoder_config": {
        "hidden_size": 32,
        "mlp_dim": 64,
        "num_attention_heads": 4,
        "iou_head_hidden_dim": 40,
        "iou_head_depth": 4,
    },
}
VIT_B = {
    "vision_config": {"image_size": 256},  # 16 patches: windows of 14 are padded
    "prompt_encoder_config": {"image_size": 256, "image_embedding_size": 16},
    "mask_decoder_config": {},
}


class Pair(NamedTuple):
    """Two models with one set of weights."""

    ours: SamModel
    theirs: transformers.SamModel

    @property
    def size(self) -> int:
        """Side of the input."""
        return self.ours.config.image_size


def make_pair(values: dict[str, dict[str, object]]) -> Pair:
    """Build both models from one configuration and fill them."""
    ours = SamModel(SamConfig.from_dict(values)).eval()
    fill(ours.state_dict())
    theirs = transformers.SamModel(transformers.SamConfig(**values)).eval()
    state = to_hugging_face(ours.state_dict())
    code = state["shared_image_embedding.positional_embedding"]
    # transformers holds the position code twice and ties it only when it loads a folder
    state["prompt_encoder.shared_embedding.positional_embedding"] = code
    theirs.load_state_dict(state, strict=True)
    return Pair(ours, theirs)


@pytest.fixture(scope="session")
def tiny() -> Pair:
    """160-pixel input, width 48, four blocks."""
    return make_pair(TINY)


@pytest.fixture(scope="session")
def vit_b() -> Pair:
    """ViT-B with an input of 256 pixels."""
    return make_pair(VIT_B)


@pytest.fixture(autouse=True)
def _no_grad() -> object:
    """Nothing is trained here unless a test says so."""
    with torch.no_grad():
        yield
