"""Sizes of prompt encoder and mask decoder."""

from __future__ import annotations

import pytest

from napari_samara.errors import ConfigError
from napari_samara.model import SamMaskDecoderConfig, SamPromptEncoderConfig


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (SamMaskDecoderConfig, {"num_attention_heads": 7}, "multiple"),
        (SamMaskDecoderConfig, {"attention_downsample_rate": 0}, "attention_downsample_rate"),
        (SamMaskDecoderConfig, {"hidden_size": 8, "attention_downsample_rate": 16}, "multiple"),
        (SamMaskDecoderConfig, {"skip_channels": (8,) * 5}, "more than 4"),
        (SamMaskDecoderConfig, {"skip_channels": (0,)}, "skip_channels is 0"),
        (SamMaskDecoderConfig, {"num_multimask_outputs": 10**6}, "num_multimask_outputs"),
        (SamPromptEncoderConfig, {"mask_input_channels": 0}, "mask_input_channels"),
        (SamPromptEncoderConfig, {"num_point_embeddings": 10**9}, "num_point_embeddings"),
        (SamPromptEncoderConfig, {"prompt_maps": "yes"}, "true or false"),
    ],
)
def test_no_sizes(kind, values, message):
    with pytest.raises(ConfigError, match=message):
        kind(**values)


def test_steps():
    assert SamMaskDecoderConfig().upscaling_steps == 2
    assert SamMaskDecoderConfig(skip_channels=[4, 3, 2]).upscaling_steps == 3
