"""A small 3D U-Net that follows a mask ahead (Ronneberger et al. 2015; Cicek et al. 2016).

A promptable model sees one slice at a time and does not know what it was asked for before.
This network sees a few slices at once, and where the object is in the first of them: so it can tell
an object that ends from one that goes on behind a dim slice, which is another one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = (16, 32, 64, 96)
"""Channels from fine to coarse."""

SIDE, DEPTH = 48, 16
"""Rows and columns, and slices, of the windows that it was trained with."""

BEHIND = 2
"""Slices of a window in front of the one that the object is surely known in."""

_HALVES = ((1, 2, 2), (2, 2, 2), (2, 2, 2))
_SEPARATE, _WHOLE = ((1, 3, 3), (3, 1, 1)), ((3, 3, 3), (3, 3, 3))

Size = tuple[int, int, int]


class ConvNorm3D(nn.Sequential):
    """A 3D convolution without bias and a batch normalisation.

    Parameters
    ----------
    a, b : int
        Channels of what comes in and goes out.
    kernel : tuple of int
        Of odd sides, padded to keep each place; or as large as `stride`.
    stride : tuple of int
        1 along each axis, or `kernel`.
    """

    def __init__(self, a: int, b: int, kernel: Size, stride: Size = (1, 1, 1)) -> None:
        padding = (0, 0, 0) if stride == kernel else tuple(side // 2 for side in kernel)
        super().__init__(
            nn.Conv3d(a, b, kernel, stride, padding, bias=False),  # type: ignore[arg-type]
            nn.BatchNorm3d(b),
        )


class Residual3D(nn.Module):
    """Two convolutions beside what they read (He et al. 2016).

    Parameters
    ----------
    width : int
        Channels.
    kernels : sequence of tuple of int
        Of both convolutions: one within slices and one across them cost less than two whole ones.
    """

    def __init__(self, width: int, kernels: Sequence[Size]) -> None:
        super().__init__()
        self.first = ConvNorm3D(width, width, kernels[0])
        self.second = ConvNorm3D(width, width, kernels[1])

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, D, H, W) as given."""
        return F.relu(x + self.second(F.relu(self.first(x))))


class PropagationNet(nn.Module):
    """Logits of an object in all slices of a window, from its mask in the first ones.

    Parameters
    ----------
    widths : sequence of int
        Channels of four levels, fine to coarse.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        back = tuple(widths)[::-1]
        self.stem = ConvNorm3D(2, widths[0], (3, 3, 3))
        self.down = nn.ModuleList(
            ConvNorm3D(a, b, half, half)
            for (a, b), half in zip(pairwise(widths), _HALVES, strict=True)
        )
        self.there = nn.ModuleList(Residual3D(width, _SEPARATE) for width in widths[:-1])
        self.deepest = nn.Sequential(*(Residual3D(widths[-1], _WHOLE) for _ in range(2)))
        self.up = nn.ModuleList(ConvNorm3D(a, b, (1, 1, 1)) for a, b in pairwise(back))
        self.back = nn.ModuleList(Residual3D(width, _SEPARATE) for width in back[1:])
        self.head = nn.Conv3d(widths[0], 1, 1)

    def forward(self, window: Tensor) -> Tensor:
        """Return the logits of windows.

        Parameters
        ----------
        window : Tensor, shape (B, 2, D, H, W)
            Standardised grey levels, and 1 inside, -1 outside, 0 where nothing is known; D a
            multiple of 4, H and W of 8.

        Returns
        -------
        Tensor, shape (B, D, H, W)
            Above 0 inside.
        """
        x = self.there[0](F.relu(self.stem(window)))
        levels = []
        for down, block in zip(self.down, [*self.there[1:], self.deepest], strict=True):
            levels.append(x)
            x = block(F.relu(down(x)))
        for up, half, block in zip(self.up, _HALVES[::-1], self.back, strict=True):
            above = F.interpolate(up(x), scale_factor=half, mode="nearest")
            x = block(F.relu(levels.pop() + above))
        logits: Tensor = self.head(x)[:, 0]
        return logits
