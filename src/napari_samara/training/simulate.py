"""Prompts a user might give for a known object (SAM paper, appendix A, "Training algorithm")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Bools = npt.NDArray[np.bool_]
MAX_POINTS = 8
"""Points an object may collect over the rounds of one training step."""

TIGHT = 0.6
"""Share of boxes that fit exactly."""


@dataclass
class ObjectPrompts:
    """The prompts of one object so far, in input pixels.

    Attributes
    ----------
    points : list of (float, float, bool)
        x, y, positive.
    box : tuple of float or None
        (x0, y0, x1, y1).
    """

    points: list[tuple[float, float, bool]]
    box: tuple[float, float, float, float] | None


def first_prompts(mask: Bools, rng: np.random.Generator) -> ObjectPrompts:
    """Return the prompts that open an object: one point, a box, both, or several points.

    Parameters
    ----------
    mask : numpy.ndarray
        (rows, cols) bool, not empty.
    rng : numpy.random.Generator
        Decides everything.
    """
    kind = rng.random()
    if kind < 0.42:
        return ObjectPrompts([inner_point(mask, rng)], None)
    if kind < 0.84:
        return ObjectPrompts([], jittered_box(mask, rng))
    if kind < 0.92:
        return ObjectPrompts([inner_point(mask, rng)], jittered_box(mask, rng))
    points = [inner_point(mask, rng) for _ in range(rng.integers(1, 4))]
    if not mask.all():
        points.append(outer_point(mask, rng))
    return ObjectPrompts(points, None)


def inner_point(mask: Bools, rng: np.random.Generator) -> tuple[float, float, bool]:
    """Return a point inside: the deepest one with some jitter, or any."""
    rows, cols = np.nonzero(mask)
    if rng.random() < 0.5:
        r0, c0 = rows.min(), cols.min()
        box = np.pad(mask[r0 : rows.max() + 1, c0 : cols.max() + 1], 1)
        depth = ndimage.distance_transform_edt(box)
        row, col = np.unravel_index(int(depth.argmax()), depth.shape)
        row, col = row - 1 + r0 + rng.integers(-1, 2), col - 1 + c0 + rng.integers(-1, 2)
        if 0 <= row < mask.shape[0] and 0 <= col < mask.shape[1] and mask[row, col]:
            return float(col), float(row), True
    i = int(rng.integers(len(rows)))
    return float(cols[i]), float(rows[i]), True


def outer_point(mask: Bools, rng: np.random.Generator) -> tuple[float, float, bool]:
    """Return a negative point near the object but outside it; something must be outside."""
    rows, cols = np.nonzero(mask)
    for _ in range(10):
        row = int(rng.integers(rows.min() - 15, rows.max() + 16))
        col = int(rng.integers(cols.min() - 15, cols.max() + 16))
        if 0 <= row < mask.shape[0] and 0 <= col < mask.shape[1] and not mask[row, col]:
            return float(col), float(row), False
    row, col = (int(v) for v in np.argwhere(~mask)[rng.integers((~mask).sum())])
    return float(col), float(row), False


def jittered_box(mask: Bools, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return the half-open box of the object, tight or off by some."""
    rows, cols = np.nonzero(mask)
    box = np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1], float)
    if rng.random() > TIGHT:
        size = np.tile(box[2:] - box[:2], 2)
        box = box + rng.normal(0, 0.05, 4) * size + rng.normal(0, 0.5, 4)
        box[2:] = np.maximum(box[2:], box[:2] + 2)
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


def corrective_point(
    truth: Bools, predicted: Bools, rng: np.random.Generator | None = None
) -> tuple[float, float, bool] | None:
    """Return a click at the centre of the largest error, or None where there is none.

    Parameters
    ----------
    truth, predicted : numpy.ndarray
        (rows, cols) bool.
    rng : numpy.random.Generator, optional
        With it, any pixel of the largest error may be drawn instead of the deepest.

    Returns
    -------
    tuple or None
        x, y, positive (missed) or not (excess).
    """
    best: tuple[int, Bools, bool] | None = None
    for wrong, positive in ((truth & ~predicted, True), (predicted & ~truth, False)):
        pieces, count = ndimage.label(wrong)
        if not count:
            continue
        sizes = np.bincount(pieces.ravel())[1:]
        largest = int(sizes.argmax())
        if best is None or sizes[largest] > best[0]:
            best = int(sizes[largest]), pieces == largest + 1, positive
    if best is None:
        return None
    _, region, positive = best
    if rng is not None and rng.random() < 0.5:
        row, col = (int(v) for v in np.argwhere(region)[rng.integers(region.sum())])
    else:
        depth = ndimage.distance_transform_edt(np.pad(region, 1))
        row, col = (int(v) - 1 for v in np.unravel_index(int(depth.argmax()), depth.shape))
    return float(col), float(row), positive
