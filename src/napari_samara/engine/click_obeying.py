"""Masks that do what the clicks in them ask for.

A decoder is told of each click and need not follow it: a pixel that was said to be missing may
still be missing. The user clicks there again, and nothing changes. So logits are raised or lowered
around such a click, as far as the object is small or large, until the click is on the right side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 0.15
"""Width of what a click changes, as a part of the square root of the area of the mask."""

LEAST_WIDTH = 1.0
"""The same in positions of the logits, at least."""

SURE = 0.5
"""Logit that a click comes to, at least, on its side of 0."""


def obeyed(logits: Tensor, points: Tensor, signs: Tensor, stride: float) -> Tensor:
    """Change logits around clicks that they contradict.

    Parameters
    ----------
    logits : Tensor
        (P, M, S, S) float32 in the padded model-input frame.
    points : Tensor
        (P, N, 2) x, y of the clicks in the model input.
    signs : Tensor
        (P, N), 1 where the object is to be and 0 where it is not; others are no clicks.
    stride : float
        Pixels of the model input for one position of the logits.

    Returns
    -------
    Tensor
        (P, M, S, S); clicks are heard in their order, so that the last one is on its side
        whatever those near it say.
    """
    size = logits.shape[-1]
    place = ((points.to(logits) + 0.5) / stride - 0.5).clamp(0, size - 1)  # (P, N, 2)
    area = (logits > 0).sum((-2, -1), keepdim=True)
    width = (WIDTH * area.sqrt()).clamp(min=LEAST_WIDTH)  # (P, M, 1, 1)
    index = torch.arange(size, device=logits.device, dtype=logits.dtype)
    grid = (place + 0.5) * (2 / size) - 1
    for number in range(points.shape[1]):
        at, sign = grid[:, number, None, None], signs[:, number, None, None, None]
        value = F.grid_sample(logits, at, align_corners=False)
        wrong = ((sign == 1) & (value <= 0)) | ((sign == 0) & (value > 0))
        if not wrong.any():  # as nearly always
            continue
        x, y = (place[:, number, axis, None, None, None] for axis in (0, 1))
        away = (index - x).square() + (index[:, None] - y).square()  # (P, 1, S, S)
        bell = torch.exp(-away / (2 * width.square()))
        top = F.grid_sample(bell, at, align_corners=False)
        wanted = torch.where(sign == 1, SURE, -SURE)
        logits = logits + torch.where(wrong, (wanted - value) / top, 0.0) * bell
    return logits
