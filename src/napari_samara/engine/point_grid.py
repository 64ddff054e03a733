"""Points on a grid, and crops of an image in layers, as automatic masks are looked for in."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox

CONSTANT = 1
"""Grey levels by which a neighbourhood may differ and still show nothing."""


class Crop(NamedTuple):
    """A part of an image that is encoded by itself.

    Attributes
    ----------
    box : tuple of int
        Half-open (row0, col0, row1, col1).
    layer : int
        0 for the whole image.
    """

    box: PixelBox
    layer: int


def square_grid(per_side: int) -> NDArray[np.float64]:
    """Return SAM's grid: the middles of `per_side` x `per_side` equal fields of a unit square.

    Parameters
    ----------
    per_side : int
        Points along each side.

    Returns
    -------
    ndarray of float64, shape (per_side**2, 2)
        (row, col) from 0 to 1, row by row.
    """
    step = 1 / per_side
    steps = np.linspace(step / 2, 1 - step / 2, per_side)
    rows, cols = np.meshgrid(steps, steps, indexing="ij")
    return np.stack([rows.ravel(), cols.ravel()], axis=1)


def image_grid(rgb: NDArray[np.uint8], per_side: int) -> NDArray[np.float64]:
    """Return points in equal steps along both sides, where there is something to be seen.

    Points are left out where nothing within a step and a half of them differs by more than
    `CONSTANT` grey levels: padding, black frames, saturated background.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (rows, cols, 3)
        The image as it is encoded.
    per_side : int
        Points along the longer side.

    Returns
    -------
    ndarray of float64, shape (N, 2)
        (row, col) in pixels.  Coarse first: every prefix of the points is spread over the image.
    """
    shape = rgb.shape[:2]
    step = max(shape) / per_side
    counts = [max(1, round(size / step)) for size in shape]
    places = [
        (np.arange(n) + 0.5) * (size / n) - 0.5 for n, size in zip(counts, shape, strict=True)
    ]
    order = _coarse_first(counts[0], counts[1])
    points = np.stack([places[0][order[:, 0]], places[1][order[:, 1]]], axis=1)
    reach = 2 * math.ceil(1.5 * step) + 1
    flat = np.ones(shape, np.bool_)
    for channel in np.moveaxis(rgb, 2, 0):
        high = ndimage.maximum_filter(channel, reach, mode="nearest")
        flat &= high - ndimage.minimum_filter(channel, reach, mode="nearest") <= CONSTANT
    at = np.clip(points.round().astype(int), 0, np.subtract(shape, 1))
    kept: NDArray[np.float64] = points[~flat[at[:, 0], at[:, 1]]]
    return kept


def crop_layers(shape: tuple[int, int], layers: int, overlap: float) -> list[Crop]:
    """Return the whole image and its crops, layer n having 2**n a side.

    Parameters
    ----------
    shape : tuple of int
        (rows, cols) of the image.
    layers : int
        How many besides the whole image.
    overlap : float
        Part of the shorter side by which the crops of the first layer overlap; those of the next
        layers overlap by half of the one before.

    Returns
    -------
    list of Crop
        Each crop layer column by column, as SAM has them.
    """
    crops = [Crop((0, 0, *shape), 0)]
    for layer in range(1, layers + 1):
        count = 2**layer
        shared = int(overlap * min(shape) * (2 / count))
        rows, cols = (math.ceil((shared * (count - 1) + size) / count) for size in shape)
        for i, j in product(range(count), range(count)):
            col0, row0 = int((cols - shared) * i), int((rows - shared) * j)
            box = row0, col0, min(row0 + rows, shape[0]), min(col0 + cols, shape[1])
            crops.append(Crop(box, layer))
    return crops


def _coarse_first(rows: int, cols: int) -> NDArray[np.int64]:
    """Return (row, col) of a grid so that each of its halvings comes before what it leaves out."""
    row, col = (axis.ravel() for axis in np.indices((rows, cols)))
    levels = np.minimum(_level(row), _level(col))
    order = np.lexsort((col, row, -levels))
    return np.stack([row[order], col[order]], axis=1)


def _level(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each number can be halved, at most 8 times; 0 as often as that."""
    level = np.zeros_like(index)
    for power in range(1, 9):
        level += index % (1 << power) == 0
    return level
