"""Which part of the image is on the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.ui.binding import ImageBinding


def seen_part(binding: ImageBinding, plane: Plane) -> PixelBox | None:
    """Return the part of a plane that was on the screen when the image was drawn last.

    Parameters
    ----------
    binding : ImageBinding
        The image; of a pyramid the level that is annotated counts.
    plane : Plane
        Shown in the viewer.

    Returns
    -------
    tuple of int or None
        Half-open (row0, col0, row1, col1), inside the plane; None where nothing of it is seen.
    """
    layer = binding.layer
    corners = np.asarray(layer.corner_pixels, dtype=float)[:, : binding.ndim]
    if layer.multiscale:
        drawn = np.asarray(layer.downsample_factors[layer.data_level], dtype=float)
        corners = corners * drawn[: binding.ndim] / binding.factors
    rows, cols = plane.size(binding.shape)
    row, col = plane.displayed
    low = max(math.floor(corners[0][row]), 0), max(math.floor(corners[0][col]), 0)
    high = min(math.ceil(corners[1][row]) + 1, rows), min(math.ceil(corners[1][col]) + 1, cols)
    if low[0] >= high[0] or low[1] >= high[1]:
        return None
    return low[0], low[1], high[0], high[1]
