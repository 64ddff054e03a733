"""Low-resolution logits at the size of their images; test_image_processor holds the numbers."""

from __future__ import annotations

import pytest
import torch

from napari_samara.errors import FrameError
from napari_samara.model.full_size import full_size_masks

ONE = torch.ones(1, 2, 3, 8, 8)


def test_padding_is_cut_off():
    logits = -torch.ones(1, 1, 1, 8, 8)
    logits[..., :4, :] = 1.0  # the upper half is image
    (found,) = full_size_masks(logits, [(10, 20)], [(16, 32)], (32, 32))
    assert found.shape == (1, 1, 10, 20)
    assert found[..., :9, :].all()
    (floats,) = full_size_masks(logits, [(10, 20)], [(16, 32)], (32, 32), threshold=None)
    assert floats.dtype == torch.float32


@pytest.mark.parametrize(
    ("masks", "sizes", "resized", "message"),
    [
        (ONE, [(9, 9), (9, 9)], [(8, 8)], "1 images, 2 original and 1 resized"),
        (ONE[0], [(9, 9)] * 2, [(8, 8)] * 2, "4 axes"),
        (ONE, [(9, 9, 9)], [(8, 8)], "rows, cols"),
        (ONE, [9], [(8, 8)], "rows, cols"),
        (ONE, None, [(8, 8)], "rows, cols"),
        (ONE, [(0, 9)], [(8, 8)], "at least 1"),
    ],
)
def test_sizes_that_mean_nothing(masks, sizes, resized, message):
    with pytest.raises(FrameError, match=message):
        full_size_masks(masks, sizes, resized, (16, 16))
