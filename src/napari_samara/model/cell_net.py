"""A small U-Net that reads instance maps straight from the pixels (Ronneberger et al. 2015).

Beside a SAM whose encoder works for prompts of every kind, and whose maps have a position for four
pixels of the input, it does one thing: it tells cells from each other, at twice that resolution.
Its mistakes are others than those of the encoder, which makes its word worth hearing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.instance_maps import InstanceHead
from napari_samara.model.layers import ConvNorm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.model.instance_maps import InstanceMaps

WIDTHS = (24, 40, 64, 80, 80)
"""Channels from fine to coarse, each level half as fine as the one before it."""


class Block(nn.Module):
    """Two convolutions beside what they read (He et al. 2016).

    Parameters
    ----------
    width : int
        Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width, 3)
        self.second = ConvNorm(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) as given."""
        return F.relu(x + self.second(F.relu(self.first(x))))


class CellNet(nn.Module):
    """Instance maps of an image, one position for `STRIDE` pixels.

    Parameters
    ----------
    widths : sequence of int
        Channels of each level, fine to coarse.
    """

    STRIDE = 2

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        back = tuple(widths)[::-1]
        self.stem = ConvNorm(3, widths[0], 2 * self.STRIDE, self.STRIDE)
        self.down = nn.ModuleList(ConvNorm(a, b, 4, 2) for a, b in pairwise(widths))
        self.there = nn.ModuleList(Block(width) for width in widths)
        self.up = nn.ModuleList(ConvNorm(a, b) for a, b in pairwise(back))
        self.back = nn.ModuleList(Block(width) for width in back[1:])
        self.head = InstanceHead(widths[0])

    @property
    def coarsest(self) -> int:
        """Pixels for a position of the coarsest level; sides of an image are multiples of it."""
        return self.STRIDE << len(self.down)

    def forward(self, pixels: Tensor) -> InstanceMaps:
        """Return the maps of standardised pixels (B, 3, H, W)."""
        x = self.there[0](F.relu(self.stem(pixels)))
        levels = []
        for down, block in zip(self.down, self.there[1:], strict=True):
            levels.append(x)
            x = block(F.relu(down(x)))
        for up, block in zip(self.up, self.back, strict=True):
            above = F.interpolate(up(x), scale_factor=2, mode="nearest")
            x = block(F.relu(levels.pop() + above))
        maps: InstanceMaps = self.head(x, self.STRIDE)
        return maps
