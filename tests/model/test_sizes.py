"""What every group of sizes can do."""

from __future__ import annotations

import dataclasses
import json

import pytest

from napari_samara.errors import ConfigError
from napari_samara.model import SamMaskDecoderConfig, SamVisionConfig, TinyVitConfig


@pytest.mark.parametrize("kind", [SamMaskDecoderConfig, SamVisionConfig, TinyVitConfig])
def test_through_json(kind):
    values = json.loads(json.dumps(kind().to_dict()))
    assert kind.from_dict(values | {"torch_dtype": "float32"}) == kind()


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SamVisionConfig().hidden_size = 3


def test_long_values_are_cut_in_messages():
    with pytest.raises(ConfigError) as caught:
        SamVisionConfig(hidden_size="x" * 10_000)
    assert len(str(caught.value)) < 200
