"""Weights that depend on names and a seed alone, the same with every version of torch."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


def fill(state: Mapping[str, torch.Tensor], seed: int = 0) -> None:
    """Overwrite the floats of a state dict so that every one of them matters.

    Matrices keep the variance of what passes through, gains lie around 1, running variances
    between a half and three halves, and everything else (biases, positions, tokens) is far
    enough from the zeros that models start with.
    """
    for name, value in state.items():
        if not value.is_floating_point():
            continue
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        drawn = rng.standard_normal(tuple(value.shape))
        is_gain = value.ndim == 1 and name.endswith("weight")
        if name.endswith("running_var"):
            drawn = 0.5 + rng.random(tuple(value.shape))
        elif is_gain:
            drawn = 1 + 0.1 * drawn
        elif value.ndim == 1 or "rel_pos" in name or "attention_biases" in name:
            drawn = 0.1 * drawn
        elif name.endswith("weight") and value.ndim >= 2 and value.shape[0] > 1:
            drawn = drawn / np.sqrt(max(value[0].numel(), 1))
        value.copy_(torch.from_numpy(drawn))


def image(rows: int, cols: int, seed: int = 0) -> np.ndarray:
    """(rows, cols, 3) uint8: soft spots on a noisy slope."""
    rng = np.random.default_rng(seed)
    r, c = np.indices((rows, cols)) / max(rows, cols)
    light = 60 + 60 * c[..., None] + rng.normal(0, 8, (rows, cols, 3))
    for _ in range(6):
        centre, width = rng.random(2), rng.uniform(0.03, 0.15)
        spot = np.exp(-((r - centre[0]) ** 2 + (c - centre[1]) ** 2) / width**2)
        light = light + spot[..., None] * rng.uniform(40, 120, 3)
    return np.clip(light, 0, 255).astype(np.uint8)
