"""Labels of overlapping tiles made one: objects on tile borders come out whole, and once.

An object that ends inside its tile is whole.  One that reaches an edge of its tile, where the plane
goes on, is a part: where a whole object of another tile covers it, it is dropped, and parts that
overlap each other are one object.  So no object is cut as long as tiles overlap by more than a few
pixels, and none is found twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox

SHARED = 0.5
"""Part of the smaller of two objects, where their tiles overlap, from which they are one."""


def tiles_covering(size: tuple[int, int], side: int, overlap: int) -> list[PixelBox]:
    """Return as few tiles as cover a plane, evenly spread, overlapping by no less than asked for.

    Parameters
    ----------
    size : tuple of int
        (rows, cols) of the plane.
    side : int
        Of a tile; at most the plane is used.
    overlap : int
        Pixels that neighbours share at least; the length of the longest object leaves none cut.

    Returns
    -------
    list of tuple of int
        Half-open (row0, col0, row1, col1), row by row.

    Raises
    ------
    ImageError
        If tiles do not advance: the overlap must be below the side.
    """
    if not 0 <= overlap < side:
        raise ImageError(f"tiles of {side} pixels overlap by 0 to {side - 1}, got {overlap}")
    starts = [_starts(whole, side, overlap) for whole in size]
    height, width = (min(side, whole) for whole in size)
    return [(row, col, row + height, col + width) for row in starts[0] for col in starts[1]]


def join_labels(
    tiles: Iterable[tuple[PixelBox, NDArray[Any]]], size: tuple[int, int]
) -> NDArray[np.int32]:
    """Labels of a plane, of those of overlapping tiles.

    Parameters
    ----------
    tiles : iterable of tuple
        Half-open box of each tile in the plane, and int labels of its shape, each numbered for
        itself; 0 is background.  Taken one by one.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    ndarray of int32, shape (rows, cols)
        Numbered from 1 up without gaps.  Of two objects that overlap and are not one, the pixels
        go to the one that came first.

    Raises
    ------
    ImageError
        If the labels of a tile do not have the shape of its box.
    """
    joined = _Joined(size)
    for box, labels in tiles:
        if labels.shape != (box[2] - box[0], box[3] - box[1]):
            raise ImageError(f"labels of shape {labels.shape} do not fill the tile {box}")
        for piece in _pieces(labels, box, size):
            joined.add(piece)
    numbers = np.unique(joined.canvas)
    numbers = numbers[numbers > 0]
    order = np.zeros(len(joined.objects) + 1, dtype=np.int32)
    order[numbers] = np.arange(1, len(numbers) + 1)
    return np.asarray(order[joined.canvas], dtype=np.int32)


@dataclass(frozen=True, eq=False)
class _Piece:
    """One object of a tile.

    Attributes
    ----------
    box, tile : tuple of int
        Around its pixels, and of what was looked at; half-open, in the plane.
    inside : ndarray of bool, shape (rows, cols)
        Its pixels; empty for what is on the canvas.
    cut : bool
        Whether it may go on beyond the tile.
    """

    box: PixelBox
    tile: PixelBox
    inside: NDArray[np.bool_]
    cut: bool


def _pieces(labels: NDArray[Any], tile: PixelBox, size: tuple[int, int]) -> list[_Piece]:
    """Objects of a tile, those that are whole first."""
    numbers, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + (0 if 0 in numbers else 1)
    found = []
    for number, window in enumerate(ndimage.find_objects(dense), start=1):
        if window is None:
            continue
        rows, cols = window
        row, col = tile[:2]
        box = (rows.start + row, cols.start + col, rows.stop + row, cols.stop + col)
        ends = [box[axis] == tile[axis] > 0 for axis in (0, 1)]
        ends += [box[axis + 2] == tile[axis + 2] < size[axis] for axis in (0, 1)]
        found.append(_Piece(box, tile, dense[window] == number, any(ends)))
    return sorted(found, key=lambda piece: piece.cut)


class _Joined:
    """The plane as far as it is joined."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.canvas = np.zeros(size, dtype=np.int32)
        self.objects: list[_Piece] = []  # object number n is at n - 1

    def add(self, piece: _Piece) -> None:
        """Paint an object of a tile, unless it is there."""
        same = self._same(piece)
        if any(not self.objects[number - 1].cut for number in same):
            return  # it is there whole
        view = self.canvas[_window(piece.box)]
        tiles, boxes = [piece.tile], [piece.box]
        for number in same:
            old = self.objects[number - 1]
            part = self.canvas[_window(old.box)]
            # What is whole replaces the parts that other tiles saw of it; parts become one.
            part[part == number] = len(self.objects) + 1 if piece.cut else 0
            if piece.cut:
                tiles.append(old.tile)
                boxes.append(old.box)
        free = piece.inside & (view == 0)
        if not same and 2 * np.count_nonzero(free) < np.count_nonzero(piece.inside):
            return  # most of it belongs to others
        view[free] = len(self.objects) + 1
        nothing = np.zeros((0, 0), dtype=np.bool_)
        self.objects.append(_Piece(_around(boxes), _around(tiles), nothing, piece.cut))

    def _same(self, piece: _Piece) -> list[int]:
        """Objects on the canvas that are this one, as far as both tiles show them."""
        view = self.canvas[_window(piece.box)]
        numbers, counts = np.unique(view[piece.inside], return_counts=True)
        found = []
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            if number == 0:
                continue
            old = self.objects[number - 1]
            theirs = np.count_nonzero(self.canvas[_window(_common(old.box, piece.tile))] == number)
            row, col = piece.box[:2]
            seen = _common(piece.box, old.tile)
            local = (seen[0] - row, seen[1] - col, seen[2] - row, seen[3] - col)
            mine = np.count_nonzero(piece.inside[_window(local)])
            if count >= SHARED * min(int(theirs), int(mine)):
                found.append(number)
        return found


def _starts(whole: int, side: int, overlap: int) -> list[int]:
    if whole <= side:
        return [0]
    count = -(-(whole - overlap) // (side - overlap))
    starts = np.linspace(0, whole - side, count).round().astype(int)
    return [int(start) for start in starts]


def _window(box: PixelBox) -> tuple[slice, slice]:
    return slice(box[0], box[2]), slice(box[1], box[3])


def _common(one: PixelBox, other: PixelBox) -> PixelBox:
    row, col = max(one[0], other[0]), max(one[1], other[1])
    return row, col, max(row, min(one[2], other[2])), max(col, min(one[3], other[3]))


def _around(boxes: Sequence[PixelBox]) -> PixelBox:
    rows0, cols0, rows1, cols1 = zip(*boxes, strict=True)
    return min(rows0), min(cols0), max(rows1), max(cols1)
