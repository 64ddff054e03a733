"""Tests of late up-sampling: not one pixel may differ from resizing everything."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_samara.engine.upsample import full_mask, whole
from napari_samara.geometry import Frame

SHAPES = [(256, 256), (1024, 700), (300, 701), (767, 511), (100, 37), (5, 900), (1, 1), (33, 2)]


def smooth(size: int, lift: float) -> torch.Tensor:
    coarse = torch.randn(1, 1, 9, 9)
    return F.interpolate(coarse, size=(size, size), mode="bicubic")[0, 0] + lift


def reference(logits: torch.Tensor, frame: Frame, threshold: float) -> np.ndarray:
    """SAM's steps as they are written down: up, cut, up, threshold."""
    side = (frame.input_size, frame.input_size)
    large = F.interpolate(logits[None, None], side, mode="bilinear", align_corners=False)
    cut = large[..., : frame.resized[0], : frame.resized[1]]
    size = (frame.rows, frame.cols)
    return (
        F.interpolate(cut, size, mode="bilinear", align_corners=False)[0, 0] > threshold
    ).numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("size", "input_size"), [(256, 1024), (256, 512), (64, 256)])
@pytest.mark.parametrize(("lift", "threshold"), [(0.0, 0.0), (-1.2, 0.0), (0.3, 1.5)])
def test_no_pixel_differs(shape, size, input_size, lift, threshold):
    frame = Frame(*shape, input_size)
    logits = smooth(size, lift)
    expected = reference(logits, frame, threshold)
    assert np.array_equal(full_mask(logits, frame, threshold), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("corner", [(0, 0), (0, 50), (50, 0), (30, 20), (60, 60)])
def test_no_pixel_differs_for_a_small_object(shape, corner):
    frame = Frame(*shape, 256)
    logits = torch.full((64, 64), -4.0)
    row, col = corner
    logits[row : row + 5, col : col + 4] = 3 + torch.rand(
        logits[row : row + 5, col : col + 4].shape
    )
    assert np.array_equal(full_mask(logits, frame), reference(logits, frame, 0.0))


def test_nothing_positive_gives_an_empty_mask():
    mask = full_mask(torch.full((16, 16), -1.0), Frame(40, 30, 64))
    assert mask.shape == (40, 30)
    assert mask.dtype == np.bool_
    assert not mask.any()


def test_an_object_in_the_padding_alone_gives_an_empty_mask():
    logits = torch.full((16, 16), -5.0)
    logits[14:, 14:] = 5.0  # the image fills the upper half of the square
    assert not full_mask(logits, Frame(32, 64, 64)).any()


def test_whole_keeps_several_masks():
    logits = torch.stack([smooth(32, 0.0), smooth(32, 1.0)])
    maps = whole(logits, Frame(50, 20, 128))
    assert maps.shape == (2, 50, 20)
    for one, expected in zip(maps, logits, strict=True):
        assert np.array_equal(one > 0, reference(expected, Frame(50, 20, 128), 0.0))
