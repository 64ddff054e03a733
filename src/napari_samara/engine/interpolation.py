"""Masks between known slices, by the signed distance to the outline: no model is needed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.engine.volume_slices import INTERPOLATED, SliceMask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

# Pixels around both masks in which distances are measured; beyond them no outline can come.
_PAD = 2


def interpolate(known: Mapping[int, SliceMask]) -> dict[int, SliceMask]:
    """Fill the slices between known ones.

    The outline moves evenly from one known slice to the next: signed distances are averaged, each
    mask first moved so that the middles of both lie where the middle of the one between lies.
    That way an object that slants keeps its shape, where plain averaging lets it vanish.

    Parameters
    ----------
    known : mapping of int to SliceMask
        By index; empty masks are known to be empty, and nothing is filled next to them.

    Returns
    -------
    dict of int to SliceMask
        Those that are filled alone, with the lower score of their two neighbours.
    """
    found: dict[int, SliceMask] = {}
    order = sorted(known)
    for low, high in itertools.pairwise(order):
        one, other = known[low], known[high]
        if high - low < 2 or not one.area or not other.area:
            continue
        for index in range(low + 1, high):
            share = (index - low) / (high - low)
            data = between(one, other, share)
            found[index] = SliceMask.of(data, min(one.score, other.score), INTERPOLATED)
    return found


def between(one: SliceMask, other: SliceMask, share: float) -> Bools:
    """Return the mask that lies between two.

    Parameters
    ----------
    one, other : SliceMask
        Not empty, of one size.
    share : float
        How far it is from the first to the second, from 0 to 1.

    Returns
    -------
    ndarray of bool, shape (rows, cols)
        Equal to the first for 0 and to the second for 1.
    """
    middles = np.array([_middle(one), _middle(other)])
    target = middles[0] * (1 - share) + middles[1] * share
    moves = np.rint(target - middles).astype(int)
    boxes = np.array([one.box, other.box]) + np.hstack([moves, moves])
    corner = boxes[:, :2].min(0) - _PAD
    shape = boxes[:, 2:].max(0) + _PAD - corner
    depth = np.zeros(shape)
    for mask, box, weight in zip((one, other), boxes, (1 - share, share), strict=True):
        data = np.zeros(shape, dtype=np.bool_)
        row, col = box[:2] - corner
        data[row : row + mask.crop.shape[0], col : col + mask.crop.shape[1]] = mask.crop
        depth += weight * signed_depth(data)
    return _placed(depth > 0, corner, one.size)


def signed_depth(data: Bools) -> NDArray[np.float64]:
    """Return how deep each pixel lies in a mask, negative outside; never 0."""
    inside = ndimage.distance_transform_edt(data)
    outside = ndimage.distance_transform_edt(~data)
    return np.asarray(np.where(data, inside - 0.5, 0.5 - outside), dtype=np.float64)


def _middle(mask: SliceMask) -> NDArray[np.float64]:
    return np.asarray(np.argwhere(mask.crop).mean(0) + mask.box[:2], dtype=np.float64)


def _placed(crop: Bools, corner: NDArray[np.int_], size: tuple[int, int]) -> Bools:
    """Put a crop into a slice; what lies outside is cut off."""
    data = np.zeros(size, dtype=np.bool_)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + crop.shape, size)
    if (high > low).all():
        (row0, col0), (row1, col1) = low - corner, high - corner
        data[low[0] : high[0], low[1] : high[1]] = crop[row0:row1, col0:col1]
    return data
