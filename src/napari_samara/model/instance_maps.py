"""What each pixel of an image belongs to, and which pixels belong to a prompt (samara family).

Every pixel votes for the centre of its object. Pixels that vote for the centre of the pixel under
a click, or for that of a box, are a first guess of the object, which the mask decoder then sees as
one more drawn prompt. Votes and how close they must lie follow Neven et al. 2019 (spatial
embeddings); the maps of inside, boundary and depth are those of most microscopy models and give
seeds where nobody has clicked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from napari_samara.model.prompt_encoder import Places

N_GUESSES = 3
"""Maps of a prompt: from its positive points, from its negative ones, from its box."""

VOTE_UNIT = 32.0
"""Input pixels that a vote of 1 lies away."""

BOX_WIDTH = 0.22
"""Distance from the centre of a box, as part of its size, at which a vote counts exp(-1/2)."""

_LOG_WIDTH = (-1.5, 4.5)
"""Bounds of the logarithm of the learned width, in input pixels."""


class InstanceMaps(NamedTuple):
    """What is known of the pixels of B images before any prompt.

    Attributes
    ----------
    inside, boundary : Tensor
        (B, s, s) logits.
    depth : Tensor
        (B, s, s) distance from the edge as part of the largest in the object, about 0 to 1.
    centres : Tensor
        (B, 2, s, s) voted centre, x then y, in input pixels.
    log_width : Tensor
        (B, s, s) logarithm of how far, in input pixels, other votes for the same object may lie.
    """

    inside: Tensor
    boundary: Tensor
    depth: Tensor
    centres: Tensor
    log_width: Tensor

    def of(self, images: Tensor) -> InstanceMaps:
        """Return those of some images (P,), by their numbers."""
        return InstanceMaps(*(m[images] for m in self))


class InstanceHead(nn.Module):
    """Read instance maps from features of stride 4.

    Parameters
    ----------
    channels : int
        Of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, 6, 1)

    def forward(self, features: Tensor, stride: float) -> InstanceMaps:
        """Return the maps of features (B, C, s, s), one position for `stride` input pixels."""
        inside, boundary, depth, dx, dy, width = self.maps(features).unbind(1)
        places = [torch.arange(n, device=dx.device, dtype=dx.dtype) for n in dx.shape[1:]]
        row, col = ((p + 0.5) * stride for p in places)
        centres = torch.stack([col + VOTE_UNIT * dx, row[:, None] + VOTE_UNIT * dy], dim=1)
        return InstanceMaps(inside, boundary, depth, centres, (width + 2).clamp(*_LOG_WIDTH))


def guesses(maps: InstanceMaps, places: Places, stride: float) -> Tensor:
    """Return first guesses of the objects of P prompts.

    Parameters
    ----------
    maps : InstanceMaps
        Of one image, or of as many as there are prompts.
    places : Places
        Where the prompts are, in the frame of the maps.
    stride : float
        Input pixels for one position of the maps.

    Returns
    -------
    Tensor
        (P, N_GUESSES, s, s) in [0, 1]; zeros where a prompt has no such part.
    """
    count, (height, width) = places.count, maps.inside.shape[-2:]
    out = [maps.inside.new_zeros(count, height, width) for _ in range(N_GUESSES)]
    if places.points is not None and places.labels is not None:
        near = _near_points(maps, places.points, stride)  # (P, N, s, s)
        for channel, sign in enumerate((1, 0)):
            meant = (places.labels == sign)[..., None, None]
            out[channel] = torch.where(meant, near, 0.0).amax(1)
    if places.boxes is not None:
        low, high = places.boxes[:, :2] + 0.5, places.boxes[:, 2:] + 0.5  # (P, 2)
        spread = (BOX_WIDTH * (high - low)).clamp(min=1.0)
        off = (maps.centres - ((low + high) / 2)[..., None, None]) / spread[..., None, None]
        out[2] = torch.exp(-0.5 * off.square().sum(1))
    return torch.stack(out, dim=1)


def _near_points(maps: InstanceMaps, points: Tensor, stride: float) -> Tensor:
    """How close the vote of each pixel is to that of each point (P, N, 2): (P, N, s, s)."""
    height, width = maps.inside.shape[-2:]
    size = torch.tensor([width, height], device=points.device, dtype=points.dtype)
    grid = 2 * (points + 0.5) / (stride * size) - 1
    known = torch.cat([maps.centres, maps.log_width[:, None]], dim=1)
    # of one image all prompts are asked at once, of several each its own
    grid = grid[None] if len(known) == 1 else grid[:, None]
    at = F.grid_sample(known, grid, "bilinear", "border", align_corners=False)
    at = (at[0] if len(known) == 1 else at[:, :, 0].transpose(0, 1)).permute(1, 2, 0)  # (P, N, 3)
    centre, log_width = at[..., :2], at[..., 2]
    off = maps.centres[:, None] - centre[..., None, None]  # (P, N, 2, s, s)
    factor = 0.5 * torch.exp(-2 * log_width)[..., None, None]
    return torch.exp(-off.square().sum(2) * factor)
