"""One plane of a label image, and which object may paint over which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.masks import Mask, PixelBox


class Canvas:
    """Labels that masks are painted into one after the other.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, cols)
        Written in place.
    overlap : str
        One of `SegmentSettings.OVERLAPS`.
    """

    def __init__(self, labels: NDArray[np.int32], overlap: str) -> None:
        self.labels = labels
        self.overlap = overlap
        best = overlap == "best-score"
        self.scores = np.full(labels.shape, -np.inf, dtype=np.float32) if best else None

    def paint(self, mask: Mask, object_id: int) -> None:
        """Give the pixels of a mask to an object, where the overlap rule lets it have them.

        Parameters
        ----------
        mask : Mask
            Of the shape of the labels.
        object_id : int
            Its label.
        """
        if mask.box is None:
            return
        row0, col0, row1, col1 = mask.box
        window = (slice(row0, row1), slice(col0, col1))
        inside = mask.data[window]
        if self.overlap == "first":
            inside = inside & (self.labels[window] == 0)
        if self.scores is not None:
            score = np.float32(mask.score)  # as it is kept: of equal scores the first one wins
            inside = inside & (self.scores[window] < score)
            self.scores[window][inside] = score
        self.labels[window][inside] = object_id

    def area(self, object_id: int, box: PixelBox | None) -> int:
        """Count the pixels that an object has now.

        Parameters
        ----------
        object_id : int
            Its label.
        box : tuple of int or None
            Half-open (row0, col0, row1, col1) around its mask; None where that was empty.

        Returns
        -------
        int
            Fewer than its mask has where others took some.
        """
        if box is None:
            return 0
        row0, col0, row1, col1 = box
        return int(np.count_nonzero(self.labels[row0:row1, col0:col1] == object_id))
