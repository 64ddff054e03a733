"""Points and boxes drawn as maps beside the mask prompt (samara family).

A small decoder trained from scratch finds the place of a prompt much sooner when it sees it: each
positive or negative point becomes a small soft disk, a box becomes the soft ellipse inside it,
which is also a fair first guess of the object. Clicks as disks follow Sofiiuk et al. 2021 (RITM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_samara.model.prompt_encoder import Places

N_MAPS = 3
"""Positive points, negative points, box."""

N_FINE_MAPS = 4
"""At the resolution of the masks: positive points, negative points, ellipse, rectangle."""

DISK_RADIUS = 6.0
"""Radius at which a drawn point fades to one half, in pixels of the model input."""

FINE_RADIUS = 3.0
"""The same of points drawn at the resolution of the masks."""


def draw_prompts(places: Places, height: int, width: int, stride: float, like: Tensor) -> Tensor:
    """Draw P prompts at four times the resolution of the embedding.

    Parameters
    ----------
    places : Places
        Where the prompts are, in the frame of the maps.
    height, width : int
        Of the maps.
    stride : float
        Input pixels for one pixel of a map.
    like : Tensor
        Gives device and dtype.

    Returns
    -------
    Tensor
        (P, N_MAPS, height, width) in [0, 1].
    """
    rows, cols = _axes(height, width, stride, like)
    maps = like.new_zeros(places.count, N_MAPS, height, width)
    if places.points is not None and places.labels is not None:
        xy = places.points.to(like) + 0.5
        gap_x = (cols - xy[..., :1]).square()  # (P, N, width)
        gap_y = (rows - xy[..., 1:]).square()
        disks = _soft_disk(gap_y[..., :, None] + gap_x[..., None, :])  # (P, N, height, width)
        for channel, sign in enumerate((1, 0)):
            shown = (places.labels.to(like.device) == sign)[..., None, None]
            maps[:, channel] = (disks * shown).amax(1)
    if places.boxes is not None:
        maps[:, 2] = _soft_ellipse(places.boxes.to(like) + 0.5, rows, cols)
    return maps


def draw_fine(places: Places, height: int, width: int, stride: float, like: Tensor) -> Tensor:
    """Draw P prompts at the resolution of the masks, where their edges are decided.

    Parameters
    ----------
    places : Places
        Where the prompts are, in the frame of the masks.
    height, width : int
        Of the masks.
    stride : float
        Input pixels for one pixel of a mask.
    like : Tensor
        Gives device and dtype.

    Returns
    -------
    Tensor
        (P, N_FINE_MAPS, height, width) in [0, 1]; zeros where a prompt has no such part.
    """
    rows, cols = _axes(height, width, stride, like)
    maps = like.new_zeros(places.count, N_FINE_MAPS, height, width)
    if places.points is not None and places.labels is not None:
        xy = places.points.to(like) + 0.5
        by_row, by_col = (
            torch.exp2(-(axis - xy[..., at : at + 1]).square() / FINE_RADIUS**2)
            for at, axis in ((1, rows), (0, cols))
        )  # (P, N, side)
        for channel, sign in enumerate((1, 0)):
            shown = by_row * (places.labels.to(like.device) == sign)[..., None]
            maps[:, channel] = (shown[..., :, None] * by_col[..., None, :]).amax(1)
    if places.boxes is not None:
        low, high = places.boxes.to(like).split(2, dim=1)  # (P, 2), edges as they are
        maps[:, 2] = _fine_ellipse(low, high, rows, cols)
        inside = [
            torch.sigmoid(axis - low[:, at : at + 1]) * torch.sigmoid(high[:, at : at + 1] - axis)
            for at, axis in ((1, rows), (0, cols))
        ]
        maps[:, 3] = inside[0][:, :, None] * inside[1][:, None, :]
    return maps


def _fine_ellipse(low: Tensor, high: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """Return the ellipse inside each box, its edge two pixels of the input wide."""
    half = ((high - low) / 2).clamp(min=0.5)
    centre = (low + high) / 2
    x, y = (
        ((axis - centre[:, at : at + 1]) / half[:, at : at + 1]).square()
        for at, axis in ((0, cols), (1, rows))
    )
    radius = (y[:, :, None] + x[:, None, :]).clamp(min=1e-6).sqrt()
    depth = (1 - radius) * half.amin(1)[:, None, None]
    return torch.sigmoid(depth.clamp(-20, 20))


def _soft_disk(squared: Tensor) -> Tensor:
    """Return 1 in the middle, 1/2 at the radius, 0 far away, from squared distances."""
    return torch.exp2(-squared / DISK_RADIUS**2)


def _soft_ellipse(boxes: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """Return the ellipse inside each box, (P, rows, cols); 1/2 on its edge."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = ((boxes[:, 2:] - boxes[:, :2]) / 2).clamp(min=0.5)
    x = ((cols - centre[:, :1]) / half[:, :1]).square()  # (P, cols)
    y = ((rows - centre[:, 1:]) / half[:, 1:]).square()
    return torch.sigmoid(4 * (1 - (y[:, :, None] + x[:, None, :])))


def _axes(height: int, width: int, stride: float, like: Tensor) -> list[Tensor]:
    """Centres of rows and of columns, in input pixels."""
    return [
        (torch.arange(n, device=like.device, dtype=like.dtype) + 0.5) * stride
        for n in (height, width)
    ]
