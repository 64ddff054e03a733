"""Predicted IoU from the mask itself (samara family).

The score of SAM is read from a token alone, which in a small decoder says nearly the same of every
object. How sure a mask is, how it changes with the threshold, and how it fits the first guess and
the maps of inside and boundary tell much more (compare Mask Scoring R-CNN, Huang et al. 2019, and
the stability score of SAM's automatic masks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_samara.model.layers import MLP
from napari_samara.model.prompt_maps import N_MAPS

if TYPE_CHECKING:
    from napari_samara.model.instance_maps import InstanceMaps

N_FACTS = 10
"""Numbers that `mask_facts` gives of a mask."""

_OFFSET = 1.0
"""Change of the threshold by which stability is judged, in logits."""


class MaskScores(nn.Module):
    """Predict the IoU of masks.

    Parameters
    ----------
    width : int
        Of a token.
    hidden : int
        Of the layers between.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.mlp = MLP(2 * width + N_FACTS, hidden, 1, 3)

    def forward(self, tokens: Tensor, ids: Tensor, facts: Tensor) -> Tensor:
        """Return predicted IoU (P, M).

        Parameters
        ----------
        tokens : Tensor
            (P, 1 + masks, C) of score and masks, as the transformer leaves them.
        ids : Tensor
            (P, M) numbers of masks.
        facts : Tensor
            (P, M, N_FACTS) of those masks.
        """
        score = tokens[:, :1].expand(-1, ids.shape[1], -1)
        own = tokens[:, 1:].gather(1, ids[..., None].expand(-1, -1, tokens.shape[2]))
        y: Tensor = self.mlp(torch.cat([score, own, facts.to(score.dtype)], dim=2))
        return y[..., 0].sigmoid()


@torch.no_grad()
def mask_facts(logits: Tensor, maps: Tensor, known: InstanceMaps) -> Tensor:
    """Return what masks are like; no gradient passes, so that masks do not learn to look sure.

    Parameters
    ----------
    logits : Tensor
        (P, M, pixels).
    maps : Tensor
        (P, 1 + N_MAPS + N_GUESSES, pixels): mask prompt, drawn prompts and first guesses.
    known : InstanceMaps
        Of the image, or of the image of each prompt: flattened to (1 or P, 1, pixels).

    Returns
    -------
    Tensor
        (P, M, N_FACTS).
    """
    inside = (logits > 0).to(logits)
    area = inside.sum(2)
    whole = area.clamp(min=1)
    share = logits.sigmoid()
    sure = (share * inside).sum(2) / whole
    around = (share.sum(2) - (share * inside).sum(2)) / whole
    wide = (logits > -_OFFSET).sum(2).clamp(min=1)
    stable = (logits > _OFFSET).sum(2) / wide
    ellipse, point_guess = maps[:, N_MAPS], maps[:, N_MAPS + 1]
    box_guess = maps[:, N_MAPS + 3]
    overlaps = [_overlap(inside, area, m) for m in (ellipse, point_guess, box_guess)]
    filled, crossed = (
        (inside @ known_map.sigmoid().to(logits).transpose(1, 2))[..., 0] / whole
        for known_map in (known.inside, known.boundary)
    )
    size = torch.log1p(area) / 10
    guessed = (point_guess + box_guess).sum(1, keepdim=True).to(area)
    larger = area / (area + guessed).clamp(min=1)
    return torch.stack([sure, around, stable, *overlaps, filled, crossed, size, larger], dim=2)


def _overlap(inside: Tensor, area: Tensor, guess: Tensor) -> Tensor:
    """Soft IoU (P, M) of masks (P, M, pixels) with a map (P, pixels) in [0, 1]."""
    both = torch.bmm(inside, guess[..., None].to(inside))[..., 0]
    return both / (area + guess.sum(1, keepdim=True) - both).clamp(min=1)
