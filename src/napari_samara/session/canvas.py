"""Planes of labels with edits that are not made yet, of which only touched boxes are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.masks import box_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane


class Canvas:
    """Copies of boxes of planes, to be painted on.

    Parameters
    ----------
    labels : array of int, all axes of the image
        Read in boxes, or plane by plane where a label is looked for; never written.
    """

    def __init__(self, labels: Any) -> None:
        self._labels = labels
        self._parts: dict[Plane, tuple[PixelBox, NDArray[Any]]] = {}

    def box(self, plane: Plane, box: PixelBox) -> NDArray[Any]:
        """Return a box of a plane, to be written to.

        Parameters
        ----------
        plane : Plane
            Which.
        box : tuple of int
            Half-open (row0, col0, row1, col1); of no size outside the plane.

        Returns
        -------
        ndarray, shape of the box
            A view; good until another box of this plane is asked for.
        """
        known, data = self._parts.get(plane, (None, None))
        if known is None or data is None or not _inside(box, known):
            whole = box if known is None else union(box, known)
            grown = np.array(plane.extract(self._labels, box=whole))
            if known is not None and data is not None:
                grown[window(shifted(known, whole))] = data
            self._parts[plane] = known, data = whole, grown
        return data[window(shifted(box, known))]

    def renew(self, plane: Plane, box: PixelBox) -> None:
        """Read a box again that somebody else has written.

        Parameters
        ----------
        plane : Plane
            Which.
        box : tuple of int
            Half-open (row0, col0, row1, col1).
        """
        self.box(plane, box)[...] = plane.extract(self._labels, box=box)

    def find(
        self, plane: Plane, where: Callable[[NDArray[Any]], NDArray[np.bool_]]
    ) -> PixelBox | None:
        """Return the box around the pixels of a plane that are looked for.

        Parameters
        ----------
        plane : Plane
            All of it is read, and nothing kept.
        where : callable
            Tells which labels of an array (rows, cols) are meant.

        Returns
        -------
        tuple of int or None
            Half-open (row0, col0, row1, col1); None where there are none.
        """
        return box_of(np.asarray(where(self._whole(plane))))

    def planes(self) -> Iterator[NDArray[Any]]:
        """Yield the planes that were touched, whole, one after the other."""
        for plane in self._parts:
            yield self._whole(plane)

    def _whole(self, plane: Plane) -> NDArray[Any]:
        whole = plane.extract(self._labels)
        if plane in self._parts:
            box, data = self._parts[plane]
            whole = whole.copy()
            whole[window(box)] = data
        return whole


def window(box: PixelBox) -> tuple[slice, slice]:
    """Return the index of a box."""
    return slice(box[0], box[2]), slice(box[1], box[3])


def shifted(box: PixelBox, region: PixelBox) -> PixelBox:
    """Return `box` counted from the corner of `region`."""
    row, col = region[:2]
    return box[0] - row, box[1] - col, box[2] - row, box[3] - col


def union(one: PixelBox, other: PixelBox) -> PixelBox:
    """Return the box around two boxes."""
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _inside(box: PixelBox, other: PixelBox) -> bool:
    return union(box, other) == other
