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


class TopDown(nn.Module):
    """Add to a fine map what a coarser one says of the place.

    Parameters
    ----------
    coarse, fine : int
        Channels of both maps.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(coarse, fine)
        self.mix = ConvNorm(2 * fine, fine, 3)
        self.out = ConvNorm(fine, fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return (B, C, H, W), as the fine map, from it and (B, C', H / 2, W / 2)."""
        above = F.interpolate(self.reduce(coarse), scale_factor=2, mode="nearest")
        y: Tensor = fine + self.out(F.gelu(self.mix(torch.cat([fine, above], dim=1))))
        return y


class FeaturePyramid(nn.Module):
    """The maps of an encoder from coarse to fine, each with what those before it know.

    Parameters
    ----------
    channels : sequence of int
        Of the embedding and of each finer map.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(TopDown(a, b) for a, b in pairwise(channels))

    def forward(self, embedding: Tensor, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return maps of the sizes of those given, each twice as fine as the one before it."""
        out, coarse = [], embedding
        for step, fine in zip(self.steps, maps, strict=True):
            coarse = step(coarse, fine)
            out.append(coarse)
        return tuple(out)
