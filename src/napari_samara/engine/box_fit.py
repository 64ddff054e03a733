"""Masks of boxes, cut off where they fit their box best.

A box says more than the decoder makes of it: objects reach each of its sides. Where a model is
unsure of an outline, and where an object has few pixels in the logits, the level 0 lies too far
inside or outside; another level, at which the mask just fills the box, is nearer to the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_samara.geometry import Frame

LEVELS = (0.0, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75, -1.0, -1.25, -1.5)
"""Logits at which a mask may be cut off; of equals the first."""

RELUCTANCE = 0.08
"""IoU with the box that a level must gain for each logit that it lies away from 0."""

SLACK = 0.01
"""Part of the side of a box that a mask may stay away from its sides, in the mean of both, or
half a pixel of the logits: where it stays away from all of them the box was drawn with room."""


def fitted(logits: Tensor, boxes: Tensor, frame: Frame) -> Tensor:
    """Move logits so that masks fill their boxes better when they are cut off at 0.

    Parameters
    ----------
    logits : Tensor
        (P, M, S, S) float32 in the padded model-input frame.
    boxes : Tensor
        (P, 4) (x0, y0, x1, y1) in the model input.
    frame : Frame
        Of the image.

    Returns
    -------
    Tensor
        (P, M, S, S), each mask moved by one of `LEVELS`.
    """
    size = logits.shape[-1]
    rows, cols = frame.valid_part(size)
    part = logits[..., :rows, :cols]
    levels = logits.new_tensor(LEVELS)
    ends = [_ends(part.amax(axis), levels) for axis in (-2, -1)]  # along x, then along y
    stride = frame.input_size / size
    begin, end = (torch.stack(some, -1) * stride for some in zip(*ends, strict=True))
    end = torch.minimum(end, end.new_tensor(frame.resized[::-1]))  # the rest is padding
    low, high = boxes.to(logits)[:, None, None].split(2, -1)  # (P, 1, 1, 2)
    both = (torch.minimum(end, high) - torch.maximum(begin, low)).clamp(min=0).prod(-1)
    either = (end - begin).prod(-1) + (high - low).prod(-1) - both
    gain = both / either.clamp(min=1e-6) - RELUCTANCE * levels.abs()
    side, found = high - low, (end - begin)[..., :1, :]  # at level 0
    slack = (side - found) / 2
    roomy = (found > 0).all(-1) & (slack > (SLACK * side).clamp(min=stride / 2)).all(-1)
    best = torch.where(roomy[..., 0], 0, gain.argmax(-1))
    return logits - levels[best][..., None, None]


def _ends(profile: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Where profiles (P, M, N) begin and cease to be above levels (L,): (P, M, L) twice, in lines.

    Between two lines they are interpolated, as masks are when they are brought to the image. Both
    are 0 where nothing is above.
    """
    above = profile[:, :, None] > levels[:, None]  # (P, M, L, N)
    count = profile.shape[-1]
    index = torch.arange(count, device=profile.device)
    first = torch.where(above, index, count).amin(-1)
    last = torch.where(above, index, -1).amax(-1)
    there = last >= 0

    def crossing(inner: Tensor, step: int) -> Tensor:
        """How far beyond the middle of the last line above a level it is met, in lines."""
        outer = inner + step
        inside = profile.gather(-1, inner.clamp(0, count - 1)) - levels
        outside = profile.gather(-1, outer.clamp(0, count - 1)) - levels
        beyond = inside / (inside - outside).clamp(min=1e-6)
        return torch.where((outer < 0) | (outer >= count), 0.5, beyond)

    begin = torch.where(there, first + 0.5 - crossing(first, -1), 0.0)
    end = torch.where(there, last + 0.5 + crossing(last, 1), 0.0)
    return begin, end
