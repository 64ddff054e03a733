"""Prompts a user might give for a known object (SAM paper, appendix A, "Training algorithm")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Bools = npt.NDArray[np.bool_]
MAX_POINTS = 16
"""Points an object may collect over the rounds of one training step."""

TIGHT = 0.6
"""Share of boxes that fit exactly."""

ABSENT = 0.25
"""Share of objects of a slice before that are not in this one any more."""

COVERED = 0.4
"""Share of a mask that may lie on objects where its own is not there."""


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


def earlier_prompts(
    labels: npt.NDArray[np.int32], label: int, rng: np.random.Generator
) -> tuple[ObjectPrompts, Bools, bool]:
    """Return what an object is looked for with that was found in the slice before.

    Parameters
    ----------
    labels : numpy.ndarray
        (rows, cols) int32.
    label : int
        Of the object, which has pixels.
    rng : numpy.random.Generator
        Decides everything.

    Returns
    -------
    prompts : ObjectPrompts
        The box around the mask in the slice before, or a point in it, or both, perhaps with a
        negative point outside.
    earlier : numpy.ndarray
        (rows, cols) bool, that mask, not empty.
    there : bool
        False where the object is gone: the mask lies where there is none.
    """
    mask = labels == label
    earlier = deformed(mask, rng)
    there = True
    if rng.random() < ABSENT:
        moved = _elsewhere(earlier, labels, rng)
        if moved is not None:
            earlier, there = moved, False
    kind = rng.random()
    box = jittered_box(earlier, rng) if kind < 0.8 else None
    points = [inner_point(earlier, rng)] if kind > 0.6 else []
    around = earlier | mask if there else earlier
    if rng.random() < 0.25 and not around.all():
        points.append(outer_point(around, rng))
    return ObjectPrompts(points, box), earlier, there


def deformed(mask: Bools, rng: np.random.Generator) -> Bools:
    """Return a mask as a neighbouring slice might have it: of other size, shape and place.

    Parameters
    ----------
    mask : numpy.ndarray
        (rows, cols) bool, not empty.
    rng : numpy.random.Generator
        Decides everything.

    Returns
    -------
    numpy.ndarray
        (rows, cols) bool, not empty.
    """
    radius = np.sqrt(np.count_nonzero(mask) / np.pi)
    margin = int(radius) + 3
    rows, cols = np.nonzero(mask)
    row0, row1 = max(0, rows.min() - margin), rows.max() + 1 + margin
    col0, col1 = max(0, cols.min() - margin), cols.max() + 1 + margin
    part = mask[row0:row1, col0:col1]
    depth = ndimage.distance_transform_edt(part) - ndimage.distance_transform_edt(~part)
    zoom = tuple(n / 5 for n in part.shape)
    wave = ndimage.zoom(rng.normal(size=(5, 5)), zoom, order=1)
    scale = radius * rng.choice((0.05, 0.15, 0.3))
    away = tuple(rng.normal(0, scale, 2).round().astype(int))
    found = np.zeros_like(mask)
    found[row0:row1, col0:col1] = _shifted(depth + scale * (rng.normal() + 0.5 * wave) > 0, *away)
    return found if found.any() else mask


def _shifted(mask: Bools, down: int, right: int) -> Bools:
    """Return a mask moved by so many pixels; what leaves the frame is lost."""
    rows, cols = mask.shape
    found = np.zeros_like(mask)
    if abs(down) < rows and abs(right) < cols:
        found[max(0, down) : rows + min(0, down), max(0, right) : cols + min(0, right)] = mask[
            max(0, -down) : rows - max(0, down), max(0, -right) : cols - max(0, right)
        ]
    return found


def _elsewhere(
    mask: Bools, labels: npt.NDArray[np.int32], rng: np.random.Generator
) -> Bools | None:
    """Move a mask to where there is little of any object; None where no such place is found."""
    for _ in range(8):
        rows, cols = (int(rng.integers(-n // 2, n // 2 + 1)) for n in mask.shape)
        moved = _shifted(mask, rows, cols)
        left = np.count_nonzero(moved)
        covered = np.count_nonzero(labels[moved])
        if 2 * left > np.count_nonzero(mask) and covered <= COVERED * left:
            return moved
    return None


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
