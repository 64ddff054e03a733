"""Windows of an image in which its objects are seen at the size that the model knows best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.engine.tile_joining import tiles_covering

if TYPE_CHECKING:
    from napari_samara.masks import PixelBox

SMALL, LARGE = 20.0, 80.0
"""Sizes in pixels of the model input between which objects are seen well: square roots of areas."""

WANTED = 28.0, 48.0
"""Sizes that smaller and larger ones are brought to."""

CLOSEST = 4.0
"""Pixels of the model input for one of the image, at most."""

FARTHEST = 2.0
"""How many times the longer side of an image a window may have."""

OVERLAP = 0.25
"""Part of a window that its neighbour shares."""


def fitting_windows(
    shape: tuple[int, int], input_size: int, size: float, span: int | None = None
) -> list[PixelBox]:
    """Return the windows to encode.

    Parameters
    ----------
    shape : tuple of int
        (rows, cols) of the image.
    input_size : int
        Side of the model input.
    size : float
        Typical size of objects, in pixels of the model input.
    span : int, optional
        Longer side of the part of the image in which they have this size; that of all of it by
        default.

    Returns
    -------
    list of tuple of int
        Half-open (row0, col0, row1, col1): all of the image where objects are seen well in it,
        smaller windows that cover it where they are small, and one that reaches beyond its end
        where they are large.
    """
    longer = max(shape)
    span = longer if span is None else span
    if size > LARGE and span == longer:
        side = round(longer * min(size / WANTED[1], FARTHEST))
        return [(0, 0, side, side)]
    scale = input_size / span
    closer = scale if size >= SMALL else min(scale * WANTED[0] / max(size, 1.0), CLOSEST)
    if closer <= input_size / longer:
        return [(0, 0, *shape)]
    side = round(input_size / closer)
    return tiles_covering(shape, side, round(OVERLAP * side))
