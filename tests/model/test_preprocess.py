"""Normalisation and padding."""

from __future__ import annotations

import numpy as np
import pytest
from tests.reference.seeded import image
from transformers import SamImageProcessor

from napari_samara.errors import CheckpointError, ImageError
from napari_samara.model.preprocess import PreprocessConfig, normalise


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
        PreprocessConfig(48, 64, per_image=True),
        PreprocessConfig(48, 64, mask_longest_edge=24, mask_pad_size=32),
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
        ({"size": None, "rescale_factor": None, "do_pad": None}, PreprocessConfig(64, 64)),
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
        ({"do_resize": False}, "do_resize"),
        ({"do_pad": False}, "do_pad"),
        ({"resample": 3}, "resample"),
        ({"standardise_per_image": "yes"}, "true or false"),
        ({"mask_pad_size": {"height": 4, "width": 4}}, "mask_longest_edge 16"),
        ({"pad_size": {"height": 1024, "width": 1024}}, "belong together"),
    ],
)
def test_nonsense(values, message):
    with pytest.raises(CheckpointError, match=message):
        PreprocessConfig.from_dict(values, 64)


def test_the_file_alone_tells_the_size():
    assert PreprocessConfig.from_dict({}) == PreprocessConfig()
    assert PreprocessConfig.from_dict({"pad_size": 64}) == PreprocessConfig(64, 64)
    with pytest.raises(CheckpointError, match="8192"):
        PreprocessConfig.from_dict({"pad_size": 2**30})


@pytest.mark.parametrize("shape", [(64, 64), (64, 20), (33, 64), (1, 64)])
def test_per_image(shape):
    picture = image(*shape)
    found = normalise(picture, PreprocessConfig(64, 64, per_image=True))
    x = picture.astype(np.float32) / 255
    expected = ((x - x.mean()) / x.std()).transpose(2, 0, 1)
    rows, cols = shape
    np.testing.assert_allclose(found[:, :rows, :cols], expected, atol=1e-5)
    assert not found[:, rows:].any()
    assert not found[:, :, cols:].any()
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_an_image_without_contrast_becomes_zeros():
    flat = np.full((64, 64, 3), 77, np.uint8)
    assert not normalise(flat, PreprocessConfig(64, 64, per_image=True)).any()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((65, 10, 3), np.uint8),
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((10, 10, 3), np.float32),
    ],
)
def test_no_plane(picture):
    with pytest.raises(ImageError):
        normalise(picture, PreprocessConfig(64, 64))
