"""Pixels in the order in which the mask decoder works: grouped by the embedding position.

A transposed convolution whose stride equals its kernel is one matrix product per pixel; what comes
out of it stays beside its origin, so that nothing is moved in memory until the masks are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from torch import nn


def project_blocks(conv: nn.Conv2d, blocks: Tensor) -> Tensor:
    """Apply a 1 x 1 convolution to (B, pixels, C)."""
    return F.linear(blocks, conv.weight.flatten(1), conv.bias)


def to_blocks(maps: Tensor, steps: int) -> Tensor:
    """Group the pixels of (B, C, h 2^steps, w 2^steps) by coarse position: (B, pixels, C)."""
    channels, side = maps.shape[1], [2] * steps
    x = maps.unflatten(3, (-1, *side)).unflatten(2, (-1, *side))
    rows = range(3, 3 + steps)
    cols = range(4 + steps, 4 + 2 * steps)
    pairs = [axis for pair in zip(rows, cols, strict=True) for axis in pair]
    blocks: Tensor = x.permute(0, 2, 3 + steps, *pairs, 1).reshape(len(maps), -1, channels)
    return blocks


def flat_blocks(known: Tensor, steps: int) -> Tensor:
    """Flatten maps (B, s, s) or (B, C, s, s) in blocked order, to (B, 1 or C, pixels)."""
    maps = known if known.ndim == 4 else known[:, None]
    return to_blocks(maps, steps).transpose(1, 2)


def from_blocks(values: Tensor, height: int, width: int) -> Tensor:
    """Put (P, M, pixels) in blocked order back into maps (P, M, rows, cols)."""
    steps = ((values.shape[2] // (height * width)).bit_length() - 1) // 2
    x = values.unflatten(2, (height, width, *[2] * (2 * steps)))
    rows = range(4, 4 + 2 * steps, 2)
    cols = range(5, 5 + 2 * steps, 2)
    x = x.permute(0, 1, 2, *rows, 3, *cols)
    maps: Tensor = x.reshape(*values.shape[:2], height << steps, width << steps)
    return maps
