"""The objects of a labelled image as they are looked for, and how well masks meet them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.masks import interior_point

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_samara.masks import PixelBox

    Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class KnownObject:
    """One object to be found.

    Attributes
    ----------
    label : int
        In the labels of the image.
    box : tuple of int
        Half-open (row0, col0, row1, col1), tight.
    crop : ndarray of bool, shape of the box
        True on the object.
    point : tuple of int
        (row, col) inside, near the pixel deepest inside.
    """

    label: int
    box: PixelBox
    crop: Bools
    point: tuple[int, int]

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.crop))

    def iou(self, predicted: Bools, row0: int = 0, col0: int = 0) -> float:
        """Return the IoU with a mask.

        Parameters
        ----------
        predicted : ndarray of bool
            Of the image, or of a window of it that holds the object or a part of it.
        row0, col0 : int
            Where the window begins.

        Returns
        -------
        float
            Intersection over union.
        """
        top, left, bottom, right = self.box
        first = max(top, row0), max(left, col0)
        last = min(bottom, row0 + predicted.shape[0]), min(right, col0 + predicted.shape[1])
        there = predicted[first[0] - row0 : last[0] - row0, first[1] - col0 : last[1] - col0]
        mine = self.crop[first[0] - top : last[0] - top, first[1] - left : last[1] - left]
        both = int(np.count_nonzero(there & mine))
        return both / (int(np.count_nonzero(predicted)) + self.area - both)

    def whole(self, shape: tuple[int, ...]) -> Bools:
        """Return the object as a mask of the whole image."""
        mask = np.zeros(shape, dtype=np.bool_)
        mask[self.box[0] : self.box[2], self.box[1] : self.box[3]] = self.crop
        return mask


def iou(predicted: Bools, truth: Bools) -> float:
    """Return intersection over union of two boolean arrays of one shape; 1 where both are empty."""
    union = np.count_nonzero(predicted | truth)
    return float(np.count_nonzero(predicted & truth) / union) if union else 1.0


def known_objects(
    labels: npt.NDArray[np.int32], smallest: int, rng: np.random.Generator
) -> list[KnownObject]:
    """Return the objects of a label image.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, cols)
        0 is background.
    smallest : int
        Objects with fewer pixels are left out.
    rng : numpy.random.Generator
        Decides the jitter of their points.

    Returns
    -------
    list of KnownObject
        By label.
    """
    found = []
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is None:
            continue
        crop = np.asarray(labels[place] == label)
        if np.count_nonzero(crop) >= smallest:
            row, col = _jittered(crop, rng)
            box = place[0].start, place[1].start, place[0].stop, place[1].stop
            found.append(KnownObject(label, box, crop, (row + box[0], col + box[1])))
    return found


def _jittered(crop: Bools, rng: np.random.Generator) -> tuple[int, int]:
    """Deepest pixel moved by up to one, where that is still inside."""
    row, col = interior_point(crop)
    moved = row + int(rng.integers(-1, 2)), col + int(rng.integers(-1, 2))
    inside = all(0 <= v < n for v, n in zip(moved, crop.shape, strict=True))
    return moved if inside and crop[moved] else (row, col)
