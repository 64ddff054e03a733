"""Fine encoder features that know what the coarse ones found (Lin et al. 2017).

The first maps of an encoder see a few pixels each: edges, but not of what. A pyramid hands the
embedding down from resolution to resolution, once an image, so that the mask decoder need not do
it for each prompt.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.layers import ConvNorm

if TYPE_CHECKING:
    from collections.abc import Sequence


class Residual(nn.Module):
    """Two convolutions whose result is added; as new they add nothing.

    Parameters
    ----------
    width : int
        Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width, 3)
        self.second = ConvNorm(width, width, 3)
        nn.init.zeros_(self.second.bn.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) as given."""
        y: Tensor = x + self.second(F.gelu(self.first(x)))
        return y


class TopDown(nn.Module):
    """Add to a fine map what a coarser one says of the place.

    Parameters
    ----------
    coarse, fine : int
        Channels of both maps.
    blocks : int
        Residual blocks behind the sum.
    """

    def __init__(self, coarse: int, fine: int, blocks: int = 0) -> None:
        super().__init__()
        self.reduce = ConvNorm(coarse, fine)
        self.mix = ConvNorm(2 * fine, fine, 3)
        self.out = ConvNorm(fine, fine)
        self.blocks = nn.ModuleList(Residual(fine) for _ in range(blocks))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return (B, C, H, W), as the fine map, from it and (B, C', H / 2, W / 2)."""
        above = F.interpolate(self.reduce(coarse), scale_factor=2, mode="nearest")
        y: Tensor = fine + self.out(F.gelu(self.mix(torch.cat([fine, above], dim=1))))
        for block in self.blocks:
            y = block(y)
        return y


class FeaturePyramid(nn.Module):
    """The maps of an encoder from coarse to fine, each with what those before it know.

    Parameters
    ----------
    channels : sequence of int
        Of the embedding and of each finer map.
    blocks : int
        Residual blocks that each finer map goes through.
    """

    def __init__(self, channels: Sequence[int], blocks: int = 0) -> None:
        super().__init__()
        self.steps = nn.ModuleList(TopDown(a, b, blocks) for a, b in pairwise(channels))

    def forward(self, embedding: Tensor, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return maps of the sizes of those given, each twice as fine as the one before it."""
        out, coarse = [], embedding
        for step, fine in zip(self.steps, maps, strict=True):
            coarse = step(coarse, fine)
            out.append(coarse)
        return tuple(out)
