"""What the parts of a SAM hand to each other and to the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class ImageFeatures(NamedTuple):
    """What the encoder says of B images.

    Attributes
    ----------
    embedding : Tensor
        (B, C, h, w).
    skips : tuple of Tensor
        Finer maps (B, C', h 2^i, w 2^i), i = 1, 2, ...; empty for SAM itself.
    """

    embedding: Tensor
    skips: tuple[Tensor, ...] = ()


@dataclass
class SamImageSegmentationOutput:
    """Masks of B images with N prompts each.

    Attributes
    ----------
    iou_scores : Tensor
        (B, N, M) predicted IoU.
    pred_masks : Tensor
        (B, N, M, S, S) logits in the padded input frame, to be post-processed.
    """

    iou_scores: Tensor
    pred_masks: Tensor

    def __getitem__(self, key: str | int) -> Tensor:
        """Return a field by name or position."""
        name = key if isinstance(key, str) else ("iou_scores", "pred_masks")[key]
        value: Tensor = getattr(self, name)
        return value
