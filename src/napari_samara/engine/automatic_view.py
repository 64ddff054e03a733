"""Parts of an image as they are encoded in a search for all objects, mirrored or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox

MIRRORED: tuple[tuple[int, ...], ...] = ((), (0, 1), (1,), (0,))
"""Axes that are reversed in the first look at an image, and in up to three more."""


class View(NamedTuple):
    """A part of an image as it was encoded.

    Attributes
    ----------
    box : tuple of int
        Half-open (row0, col0, row1, col1); may reach beyond the end of the image.
    flips : tuple of int
        Axes that were reversed: 0 for the rows, 1 for the columns.
    """

    box: PixelBox
    flips: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        row0, col0, row1, col1 = self.box
        return row1 - row0, col1 - col0

    def pixels(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what is encoded of an image (rows, cols, 3); beyond its end it is mirrored."""
        row0, col0, row1, col1 = self.box
        part = rgb[row0:row1, col0:col1]
        beyond = np.subtract(self.shape, part.shape[:2])
        if beyond.any():
            part = np.pad(part, ((0, beyond[0]), (0, beyond[1]), (0, 0)), mode="symmetric")
        return np.ascontiguousarray(np.flip(part, self.flips))

    def to_image(self, points: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return points (N, 2) as (row, col) of it in pixels of the image."""
        places = points.copy()
        for axis in self.flips:
            places[:, axis] = self.shape[axis] - 1 - places[:, axis]
        return places + self.box[:2]
