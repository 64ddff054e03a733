"""Objects of a plane cut to their boxes, and how much they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox

# Side of the squares by which outlines are found.
_CELL = 64


@dataclass(frozen=True, eq=False)
class Outline:
    """One object of a plane, cut to its box.

    Attributes
    ----------
    box : tuple of int
        Half-open (row0, col0, row1, col1).
    inside : ndarray of bool, shape of the box
        True on the object.
    """

    box: PixelBox
    inside: NDArray[np.bool_]

    @property
    def longest(self) -> int:
        """Longer side of the box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def within(self, crop: PixelBox) -> NDArray[np.bool_]:
        """Return the object in a crop of the plane, True where it is."""
        row0, col0, row1, col1 = crop
        canvas = np.zeros((row1 - row0, col1 - col0), dtype=np.bool_)
        low = max(self.box[0], row0), max(self.box[1], col0)
        high = min(self.box[2], row1), min(self.box[3], col1)
        if low[0] < high[0] and low[1] < high[1]:
            part = self.inside[
                low[0] - self.box[0] : high[0] - self.box[0],
                low[1] - self.box[1] : high[1] - self.box[1],
            ]
            canvas[low[0] - row0 : high[0] - row0, low[1] - col0 : high[1] - col0] = part
        return canvas

    def shared(self, other: Outline) -> float:
        """Return which part of the smaller of two objects they share."""
        row0, col0 = max(self.box[0], other.box[0]), max(self.box[1], other.box[1])
        row1, col1 = min(self.box[2], other.box[2]), min(self.box[3], other.box[3])
        if row0 >= row1 or col0 >= col1:
            return 0.0
        crop = row0, col0, row1, col1
        both = np.count_nonzero(self.within(crop) & other.within(crop))
        return float(both / min(np.count_nonzero(self.inside), np.count_nonzero(other.inside)))


class Outlines:
    """Objects by place, so that thousands need not be compared with each other."""

    def __init__(self) -> None:
        self._at: dict[tuple[int, int], list[Outline]] = {}

    def add(self, outline: Outline) -> None:
        """Take one more.

        Parameters
        ----------
        outline : Outline
            Not empty.
        """
        for cell in self._cells(outline.box):
            self._at.setdefault(cell, []).append(outline)

    def near(self, outline: Outline) -> Iterator[Outline]:
        """Yield those whose boxes may meet that of another one, some of them twice.

        Parameters
        ----------
        outline : Outline
            Not empty.
        """
        for cell in self._cells(outline.box):
            yield from self._at.get(cell, ())

    def _cells(self, box: PixelBox) -> Iterator[tuple[int, int]]:
        for row in range(box[0] // _CELL, (box[2] - 1) // _CELL + 1):
            for col in range(box[1] // _CELL, (box[3] - 1) // _CELL + 1):
                yield row, col


def outlines_of(labels: NDArray[np.integer], numbers: Sequence[int] | None = None) -> list[Outline]:
    """Return the objects of a label image, cut to their boxes.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        0 is background.
    numbers : sequence of int, optional
        Which; all if left out.  Those that are not there are passed over.
    """
    there, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + 1
    wanted = set(there.tolist()) - {0} if numbers is None else set(numbers)
    found = []
    for number, window in zip(there.tolist(), ndimage.find_objects(dense), strict=True):
        if number in wanted and window is not None:
            rows, cols = window
            box = (rows.start, cols.start, rows.stop, cols.stop)
            found.append(Outline(box, np.asarray(labels[window] == number)))
    return found
