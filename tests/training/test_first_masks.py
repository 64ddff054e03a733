"""Tests of the first masks that the propagation network learns from."""

from __future__ import annotations

import numpy as np

from napari_samara.training.first_masks import FirstMasks


def test_objects_are_found_in_their_boxes():
    rows, cols = np.indices((96, 96))
    discs = [(rows - r) ** 2 + (cols - c) ** 2 <= 14**2 for r, c in ((28, 30), (66, 64))]
    noise = np.random.default_rng(0).normal(0, 5, (96, 96))
    pixels = (40 + 150 * np.logical_or(*discs) + noise).clip(0, 255).astype(np.uint8)
    found = FirstMasks()(pixels, [(14, 16, 43, 45), (52, 50, 81, 79)])
    for mask, disc in zip(found, discs, strict=True):
        assert mask.dtype == np.bool_
        assert (mask & disc).sum() > 0.8 * (mask | disc).sum()
