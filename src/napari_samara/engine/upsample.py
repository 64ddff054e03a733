"""Low-resolution logits to a mask at the resolution of the image.

SAM's order (``segment_anything/modeling/sam.py``, ``postprocess_masks``): bilinear to the model
input, padding cut off, bilinear to the image, threshold last. Both steps only average neighbours,
so no pixel can pass the threshold unless a low-resolution neighbour does: everything outside the
box of those is left out, which changes no pixel and saves most of the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.geometry import Frame

MARGIN = 2
"""Low-resolution pixels kept around the positive ones: one for each of the two averages."""

LARGE = 0.3
"""Share of the map beyond which resizing all of it is faster than picking lines."""


def whole(logits: Tensor, frame: Frame) -> Tensor:
    """Return logits (M, rows, cols) at the resolution of the image, of (M, S, S)."""
    side = (frame.input_size, frame.input_size)
    part = F.interpolate(logits[None].float(), side, mode="bilinear", align_corners=False)
    part = part[..., : frame.resized[0], : frame.resized[1]]
    size = (frame.rows, frame.cols)
    return F.interpolate(part, size, mode="bilinear", align_corners=False)[0]


def full_mask(logits: Tensor, frame: Frame, threshold: float = 0.0) -> NDArray[np.bool_]:
    """Return the mask of one object at the resolution of its image.

    Parameters
    ----------
    logits : Tensor
        (S, S) float32 in the padded model-input frame.
    frame : Frame
        Of the image.
    threshold : float
        Logit above which a pixel belongs to the object.

    Returns
    -------
    numpy.ndarray
        (rows, cols) bool.
    """
    out = np.zeros((frame.rows, frame.cols), dtype=np.bool_)
    part = full_part(logits, frame, threshold)
    if part is not None:
        inside = (part.values > threshold).cpu().numpy()
        height, width = inside.shape
        out[part.row : part.row + height, part.col : part.col + width] = inside
    return out


class Part(NamedTuple):
    """Logits at the resolution of the image in a window of it.

    Attributes
    ----------
    values : Tensor
        (rows, cols) float32.
    row, col : int
        Where the window begins.
    """

    values: Tensor
    row: int
    col: int


def full_part(logits: Tensor, frame: Frame, threshold: float) -> Part | None:
    """Return logits at the resolution of the image where they may pass a threshold.

    Parameters
    ----------
    logits : Tensor
        (S, S) float32 in the padded model-input frame.
    frame : Frame
        Of the image.
    threshold : float
        No pixel outside the window is above it.

    Returns
    -------
    Part or None
        None where no pixel is.
    """
    window = positive_window(logits > threshold)
    if window is None:
        return None
    size, factor = logits.shape[0], frame.input_size / logits.shape[0]
    (r0, r1), (c0, c1) = window
    if (r1 - r0) * (c1 - c0) > LARGE * size * size:
        return Part(whole(logits[None], frame)[0], 0, 0)
    part = logits[None, None, r0:r1, c0:c1].float()
    sides = round((r1 - r0) * factor), round((c1 - c0) * factor)
    part = F.interpolate(part, size=sides, mode="bilinear", align_corners=False)[0, 0]
    rows = _lines(frame.rows, frame.resized[0], r0, r1, size, factor)
    cols = _lines(frame.cols, frame.resized[1], c0, c1, size, factor)
    if rows is None or cols is None:
        return None
    return Part(_resample(part, rows, cols), rows.first, cols.first)


def positive_window(positive: Tensor) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the half-open (rows, cols) around the positive pixels, with the margin.

    Parameters
    ----------
    positive : Tensor
        (S, S) bool.

    Returns
    -------
    tuple of tuple of int or None
        None where nothing is positive.
    """
    spans = []
    for axis in (1, 0):
        index = positive.any(axis).nonzero()
        if not len(index):
            return None
        size = positive.shape[0]
        first, last = int(index[0]), int(index[-1])
        spans.append((max(first - MARGIN, 0), min(last + 1 + MARGIN, size)))
    return spans[0], spans[1]


class Lines(NamedTuple):
    """The lines of the image that a window reaches, and what each is averaged from."""

    first: int
    lower: Tensor
    upper: Tensor
    weight: Tensor


def _lines(out: int, resized: int, first: int, last: int, size: int, factor: float) -> Lines | None:
    """Return which lines of the image the window reaches, and what each is averaged from.

    The source lines count from the window's first; the arithmetic is float32 as in torch.
    """
    begin, end = round(first * factor), round(last * factor)
    source = (np.arange(out, dtype=np.float32) + np.float32(0.5)) * np.float32(resized / out)
    source = np.maximum(source - np.float32(0.5), np.float32(0))
    low = source.astype(np.int64)
    high = np.minimum(low + 1, resized - 1)
    # beside a cut edge the window was up-sampled with a clamped neighbour: half a step is unsure
    unsure = int(np.ceil(factor / 2))
    safe_begin = begin + unsure if first > 0 else begin
    safe_end = end - unsure if last < size else end
    inside = np.flatnonzero((low >= safe_begin) & (high < safe_end))
    if not len(inside):
        return None
    weight = (source - low)[inside].astype(np.float32)
    lower, upper = (torch.from_numpy(i[inside] - begin) for i in (low, high))
    return Lines(int(inside[0]), lower, upper, torch.from_numpy(weight))


def _resample(part: Tensor, rows: Lines, cols: Lines) -> Tensor:
    left, right, across = (v.to(part.device) for v in cols[1:])
    upper, lower, down = (v.to(part.device) for v in rows[1:])
    first, last = int(upper[0]), int(lower[-1]) + 1
    part = part[first:last]
    wide = part[:, left] * (1 - across) + part[:, right] * across
    down = down[:, None]
    return wide[upper - first] * (1 - down) + wide[lower - first] * down
