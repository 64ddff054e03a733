"""Which of several masks of one object stays: duplicates by their boxes and by their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_samara.masks import PixelBox


class Piece(Protocol):
    """A mask in the box around it."""

    @property
    def box(self) -> PixelBox:
        """Half-open (row0, col0, row1, col1)."""

    @property
    def data(self) -> NDArray[np.bool_]:
        """The mask, of the shape of the box."""


def best_boxes(boxes: ArrayLike, scores: ArrayLike, limit: float) -> NDArray[np.intp]:
    """Return which boxes stay, best score first (greedy non-maximum suppression).

    Boxes are measured between the middles of their corner pixels, as SAM and torchvision do with
    boxes of masks: one pixel of the half-open box is taken off each side.

    Parameters
    ----------
    boxes : array_like, shape (N, 4)
        Half-open (row0, col0, row1, col1).
    scores : array_like, shape (N,)
        Of equal ones the first stays.
    limit : float
        A box whose IoU with a better one is greater goes.

    Returns
    -------
    ndarray of int
        Into `boxes`.
    """
    corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    low, high = corners[:, :2], corners[:, 2:] - 1
    areas = np.prod(high - low, axis=1)
    left = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        sides = np.minimum(high[first], high[left]) - np.maximum(low[first], low[left])
        both = np.prod(np.maximum(sides, 0), axis=1)
        union = areas[first] + areas[left] - both
        left = left[both <= limit * union]
    return np.array(kept, dtype=np.intp)


def best_masks(pieces: Sequence[Piece], order: ArrayLike, limit: float) -> list[int]:
    """Return which masks stay, in the order in which they were asked.

    Parameters
    ----------
    pieces : sequence of Piece
        Masks in their boxes.
    order : array_like of int
        Indices, the one that is to stay first.
    limit : float
        A mask goes where it shares more than this part of the smaller of both with one that stays.

    Returns
    -------
    list of int
        Into `pieces`.
    """
    boxes = np.array([piece.box for piece in pieces], dtype=np.int64).reshape(-1, 4)
    areas = np.array([np.count_nonzero(piece.data) for piece in pieces], dtype=np.int64)
    kept: list[int] = []
    for index in np.asarray(order, dtype=np.intp).tolist():
        near = [k for k in kept if _meet(boxes[index], boxes[k])]
        small = (min(areas[index], areas[k]) for k in near)
        shared = (common_pixels(pieces[index], pieces[k]) for k in near)
        if all(both <= limit * area for both, area in zip(shared, small, strict=True)):
            kept.append(index)
    return kept


def common_pixels(one: Piece, other: Piece) -> int:
    """Count the pixels that two masks share.

    Parameters
    ----------
    one, other : Piece
        Of one image.

    Returns
    -------
    int
        0 where their boxes do not meet.
    """
    low = np.maximum(one.box[:2], other.box[:2])
    high = np.minimum(one.box[2:], other.box[2:])
    if (high <= low).any():
        return 0
    first, second = (_window(piece, low, high) for piece in (one, other))
    return int(np.count_nonzero(first & second))


def _window(piece: Piece, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
    row, col = piece.box[:2]
    return piece.data[low[0] - row : high[0] - row, low[1] - col : high[1] - col]


def _meet(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
