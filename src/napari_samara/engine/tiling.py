"""Windows of an image that are encoded by themselves, so that small objects are seen large."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_samara.masks import PixelBox

SMALLEST_WINDOW = 128
"""Side in pixels below which a window shows the model too little around an object."""

OBJECTS_ACROSS = 5
"""How many times an object's longer side goes into the side of its window, at least."""


def window_side(extent: float) -> int:
    """Return the side of the window that shows an object of some extent well.

    Parameters
    ----------
    extent : float
        Longer side of the object's box, in pixels.

    Returns
    -------
    int
        `SMALLEST_WINDOW` times a power of two, so that objects of like size share windows.
    """
    steps = math.ceil(math.log2(max(extent * OBJECTS_ACROSS / SMALLEST_WINDOW, 1.0)))
    return SMALLEST_WINDOW << steps


def window_around(box: PixelBox, shape: tuple[int, int], side: int) -> PixelBox:
    """Return the window, on a grid of half a side, in whose middle a box lies.

    Parameters
    ----------
    box : tuple of int
        Half-open (row0, col0, row1, col1).
    shape : tuple of int
        (rows, cols) of the image.
    side : int
        Of the window; at most the image is used.

    Returns
    -------
    tuple of int
        Half-open; it holds the box wherever that is no longer than half a side.
    """
    spans = [
        _span((box[axis] + box[axis + 2]) / 2, shape[axis], min(side, shape[axis]), side // 2)
        for axis in (0, 1)
    ]
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _span(centre: float, whole: int, side: int, step: int) -> tuple[int, int]:
    """Start and end along one axis, inside the image."""
    start = round((centre - side / 2) / step) * step
    start = min(max(start, 0), whole - side)
    return start, start + side
