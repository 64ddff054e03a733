"""Losses on mask logits and predicted IoU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def mask_loss(logits: Tensor, truth: Tensor, near: Tensor) -> Tensor:
    """Return cross-entropy plus dice of every mask.

    Cross-entropy is averaged over the neighbourhood of the object, and with half the weight over
    the whole view: objects of any size weigh the same.

    Parameters
    ----------
    logits : Tensor
        (P, M, S, S).
    truth : Tensor
        (P, S, S) in [0, 1]: the share of each low-resolution pixel that the object covers.
    near : Tensor
        (P, S, S) bool, the neighbourhood.

    Returns
    -------
    Tensor
        (P, M).
    """
    target = truth[:, None].expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    local = near[:, None].to(logits)
    by_area = (entropy * local).sum((2, 3)) / local.sum((2, 3)).clamp(min=1)
    probability = logits.sigmoid()
    overlap = (probability * target).sum((2, 3))
    total = probability.square().sum((2, 3)) + target.square().sum((2, 3))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return by_area + 0.5 * entropy.mean((2, 3)) + dice


@torch.no_grad()
def soft_iou(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the IoU (P, M) of thresholded logits (P, M, S, S) with truth (P, S, S)."""
    predicted, target = logits > 0, (truth > 0.5)[:, None]
    union = (predicted | target).sum((2, 3))
    return (predicted & target).sum((2, 3)) / union.clamp(min=1)


def prompt_loss(
    logits: Tensor, iou: Tensor, truth: Tensor, near: Tensor, ambiguous: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the loss of P prompts and the IoU of the mask a user would be shown.

    Parameters
    ----------
    logits, iou : Tensor
        (P, 4, S, S) and (P, 4): the single mask first, then the three of an ambiguous prompt.
    truth, near : Tensor
        (P, S, S), as in `mask_loss`.
    ambiguous : Tensor
        (P,) bool: prompts that are answered with three masks (a single point).

    Returns
    -------
    tuple of Tensor
        Scalar loss, and the IoU (P,) of the best-scored mask of the kind that is shown.
    """
    each = mask_loss(logits, truth, near)  # (P, 4)
    actual = soft_iou(logits, truth)
    score = F.mse_loss(iou, actual, reduction="none").mean(1)
    several, spread = each[:, 1:].min(1).values, each[:, 1:].mean(1)
    loss = each[:, 0] + torch.where(ambiguous, several, 0.3 * several) + 0.05 * spread + score
    chosen = torch.where(ambiguous, 1 + iou[:, 1:].argmax(1), torch.zeros_like(iou[:, 0]).long())
    return loss.mean(), actual.gather(1, chosen[:, None])[:, 0]


def neighbourhood(inside: Tensor) -> Tensor:
    """Return the box of each object, grown by half its size and four pixels.

    Parameters
    ----------
    inside : Tensor
        (P, S, S) bool, no object empty.

    Returns
    -------
    Tensor
        (P, S, S) bool.
    """
    rows, cols = inside.any(2), inside.any(1)  # (P, S)
    near = []
    for line in (rows, cols):
        size = line.shape[1]
        index = torch.arange(size, device=line.device)
        first = torch.where(line, index, size).min(1, keepdim=True).values
        last = torch.where(line, index, -1).max(1, keepdim=True).values
        margin = (last - first + 1) // 2 + 4
        near.append((index >= first - margin) & (index <= last + margin))
    return near[0][:, :, None] & near[1][:, None, :]
