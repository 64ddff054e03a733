"""What an object is looked for with in a slice, made of the mask that is expected there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.engine.volume_decoding import SlicePrompt
from napari_samara.masks import Mask, box_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.engine.volume_settings import PropagateSettings

    Bools = NDArray[np.bool_]

# A box grows by no more than this part of its side, so that thin objects are not lost in it.
_MOST_MARGIN = 0.5

# Negative points lie in a neighbour up to so many pixels deep or deeper, two of them at most.
_SHALLOWEST, _NEGATIVES = 1.5, 2

# Pieces of less than this share of the area are not looked for by themselves, nor more than these.
_SMALLEST_PIECE, _MOST_PIECES = 0.1, 4


def pieces_of(data: Bools) -> list[Bools]:
    """Return the connected pieces that are worth prompts of their own.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        Mask of an object, not empty.

    Returns
    -------
    list of ndarray of bool
        The largest ones; the mask as it is where it is in one piece.  What is too small for
        prompts of its own goes with the first.
    """
    numbers, count = ndimage.label(data, structure=np.ones((3, 3)))
    if count < 2:
        return [data]
    areas = np.bincount(numbers.ravel())[1:]
    worth = [n for n in np.argsort(-areas) if areas[n] >= _SMALLEST_PIECE * areas.sum()]
    if len(worth) < 2:
        return [data]
    return [np.asarray(numbers == n + 1) for n in worth[:_MOST_PIECES]]


def next_prompt(
    data: Bools,
    logits: NDArray[np.float32] | None,
    others: Bools | None,
    step: float,
    settings: PropagateSettings,
) -> SlicePrompt:
    """Make the prompt of one piece of an object for a slice.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        The piece as it is expected in that slice, not empty.
    logits : ndarray of float32, shape (S, S), or None
        Of the mask in the slice before; None where they show something else as well.
    others : ndarray of bool, shape (rows, cols), or None
        Where other objects are.
    step : float
        Distance between slices in pixels.
    settings : PropagateSettings
        Which kinds of prompts.

    Returns
    -------
    SlicePrompt
        With one kind at least.
    """
    box = box_of(data)
    assert box is not None  # fronts hold no empty mask
    large = _grown(box, step * settings.margin, data.shape)
    inside = spread_points(data, settings.points)
    outside = np.zeros((0, 2))
    if settings.negatives and others is not None:
        outside = _deep_points(others, large)
    points = np.concatenate([inside, outside])
    positive = np.arange(len(points)) < len(inside)
    mask: Mask | Bools | None = None
    if settings.mask == "binary" or (settings.mask == "logits" and logits is None):
        mask = data
    elif settings.mask == "logits":
        mask = Mask(data, 1.0, logits)
    given = large if settings.box else None
    return SlicePrompt(points, positive, given, mask)


def spread_points(data: Bools, count: int) -> NDArray[np.float64]:
    """Return points well inside a mask and far from each other, the deepest first.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        Not empty.
    count : int
        How many; fewer where the mask is too small for more.

    Returns
    -------
    ndarray of float, shape (N, 2)
        (row, col).
    """
    box = box_of(data)
    if box is None or count < 1:
        return np.zeros((0, 2))
    crop = np.pad(data[box[0] : box[2], box[1] : box[3]], 1)
    depth = ndimage.distance_transform_edt(crop)[1:-1, 1:-1]
    places = np.argwhere(depth >= max(depth.max() / 2, 1))
    depths = depth[tuple(places.T)]
    deepest = places[depths >= depths.max() - 1e-6]
    middle = ((deepest - deepest.mean(0)) ** 2).sum(1).argmin()
    chosen = [deepest[middle]]
    apart = np.linalg.norm(places - chosen[0], axis=1)
    while len(chosen) < count and apart.max() >= 2:
        chosen.append(places[apart.argmax()])
        apart = np.minimum(apart, np.linalg.norm(places - chosen[-1], axis=1))
    return np.array(chosen, dtype=np.float64) + box[:2]


def _grown(
    box: tuple[int, int, int, int], margin: float, shape: tuple[int, ...]
) -> tuple[float, ...]:
    row0, col0, row1, col1 = box
    down = min(margin, max(1.0, _MOST_MARGIN * (row1 - row0)))
    across = min(margin, max(1.0, _MOST_MARGIN * (col1 - col0)))
    return (
        max(row0 - down, 0.0),
        max(col0 - across, 0.0),
        min(row1 + down, float(shape[0])),
        min(col1 + across, float(shape[1])),
    )


def _deep_points(others: Bools, box: tuple[float, ...]) -> NDArray[np.float64]:
    """Return points deep in what others have of a box."""
    row0, col0 = math.floor(box[0]), math.floor(box[1])
    part = others[row0 : math.ceil(box[2]), col0 : math.ceil(box[3])]
    found: list[NDArray[np.float64]] = []
    depth = ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    rows, cols = np.indices(depth.shape)
    while len(found) < _NEGATIVES and depth.size and depth.max() >= _SHALLOWEST:
        row, col = np.unravel_index(depth.argmax(), depth.shape)
        found.append(np.array([row0 + row, col0 + col], dtype=np.float64))
        depth[np.hypot(rows - row, cols - col) <= 2 * depth[row, col]] = 0
    return np.array(found).reshape(-1, 2)
