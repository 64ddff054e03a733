from __future__ import annotations

import pytest
from transformers import SamImageProcessor

from napari_samara.errors import CheckpointError
from napari_samara.model.preprocess import PreprocessConfig


def test_defaults_are_those_of_transformers():
    ours, theirs = PreprocessConfig().to_dict(), SamImageProcessor().to_dict()
    for name, value in ours.items():
        if name != "processor_class":
            expected = theirs[name]
            assert list(expected) == list(value) if isinstance(value, list) else expected == value


@pytest.mark.parametrize(
    "config",
    [
        PreprocessConfig(),
        PreprocessConfig.unscaled(256),
        PreprocessConfig(500, 512, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), 1 / 65535),
    ],
)
def test_round_trip(config):
    assert PreprocessConfig.from_dict(config.to_dict(), config.pad_size) == config


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, PreprocessConfig(64, 64)),
        ({"do_normalize": False}, PreprocessConfig.unscaled(64)),
        ({"do_rescale": False}, PreprocessConfig(64, 64, rescale_factor=1.0)),
        ({"size": 48}, PreprocessConfig(48, 64)),
        ({"pad_size": 64}, PreprocessConfig(64, 64)),
    ],
)
def test_what_is_left_out(values, expected):
    assert PreprocessConfig.from_dict(values, 64) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_mean": [1, 2]}, "three numbers"),
        ({"image_mean": "abc"}, "three numbers"),
        ({"image_std": [1, 0, 1]}, "not 0"),
        ({"image_mean": [float("nan"), 0, 0]}, "finite"),
        ({"rescale_factor": "x"}, "number"),
        ({"rescale_factor": 0}, "not 0"),
        ({"size": {"longest_edge": 65}}, "longest_edge 65"),
        ({"size": {"longest_edge": -1}}, "longest_edge -1"),
        ({"size": {"height": 3}}, "integer"),
        ({"pad_size": {"height": 64, "width": 32}}, "integer"),
        ({"pad_size": {"height": 1024, "width": 1024}}, "belong together"),
    ],
)
def test_nonsense(values, message):
    with pytest.raises(CheckpointError, match=message):
        PreprocessConfig.from_dict(values, 64)
