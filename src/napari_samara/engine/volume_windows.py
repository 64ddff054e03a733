"""Windows of a few slices around an object, as the propagation network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from napari_samara.model.propagation_net import SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_samara.masks import PixelBox

    Bools = NDArray[np.bool_]

# Pixels of a window that the longer side of the object takes.
_OBJECT = 26

# Part of the side of a window that is left free around an object that moves in it.
_ROOM = 12

# Pixels along a side above which only every second one, every third... is looked at.
_MOST = 8 * SIDE

# Grey levels that are added to the standard deviation of a window, for those that show nothing.
_FLOOR = 2.0


class Square(NamedTuple):
    """A part of all slices, which may reach beyond them.

    Attributes
    ----------
    row, col : int
        Its first pixel.
    side : int
        Pixels.
    """

    row: int
    col: int
    side: int

    @classmethod
    def around(
        cls, box: PixelBox, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
    ) -> Square:
        """Return the square around an object.

        Parameters
        ----------
        box : tuple of int
            Half-open (row0, col0, row1, col1) of the object.
        scale : float
            How much larger it is than usual.
        shift : tuple of float
            How far its middle is moved, in sides of the object.
        """
        rows, cols = box[2] - box[0], box[3] - box[1]
        longer = max(rows, cols)
        side = max(4, round(longer * SIDE / _OBJECT * scale))
        middle = (
            (box[0] + box[2]) / 2 + shift[0] * longer,
            (box[1] + box[3]) / 2 + shift[1] * longer,
        )
        return cls(round(middle[0] - side / 2), round(middle[1] - side / 2), side)

    def holds(self, box: PixelBox) -> bool:
        """Whether an object lies inside, with some room around it."""
        room = self.side / _ROOM
        low, high = np.array(self[:2]) + room, np.array(self[:2]) + self.side - room
        return bool((low <= box[:2]).all() and (box[2:] <= high).all())

    def pixels(self, slices: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Return what is seen of slices (rows, cols), edges repeated: (D, SIDE, SIDE)."""
        rows, cols = self._places()
        height, width = slices[0].shape
        at = np.ix_(rows.clip(0, height - 1), cols.clip(0, width - 1))
        return _resized(np.stack([one[at] for one in slices]).astype(np.float32))

    def inside(self, masks: Sequence[Bools]) -> Tensor:
        """Return the share of each pixel that lies in masks (rows, cols): (D, SIDE, SIDE)."""
        rows, cols = self._places()
        height, width = masks[0].shape
        there = ((rows >= 0) & (rows < height))[:, None] & (cols >= 0) & (cols < width)
        at = np.ix_(rows.clip(0, height - 1), cols.clip(0, width - 1))
        return _resized(np.stack([one[at] & there for one in masks]).astype(np.float32))

    def pasted(self, values: Tensor, size: tuple[int, int], outside: float) -> NDArray[np.float32]:
        """Return values (SIDE, SIDE) at the pixels of a slice: (rows, cols).

        Parameters
        ----------
        values : Tensor, shape (SIDE, SIDE)
            Of this square.
        size : tuple of int
            Rows and columns of the slice.
        outside : float
            Value of all other pixels.
        """
        shape = (self.side, self.side)
        fine = F.interpolate(values[None, None], shape, mode="bilinear", align_corners=False)[0, 0]
        whole = np.full(size, outside, np.float32)
        here, there = zip(*map(_shared, self[:2], (self.side,) * 2, size), strict=True)
        whole[here] = fine.numpy()[there]
        return whole

    def _places(self) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        step = -(-self.side // _MOST)
        along = np.arange(0, self.side, step)
        return self.row + along, self.col + along


def _shared(first: int, side: int, size: int) -> tuple[slice, slice]:
    """Return the part of an axis of a slice that a square covers: there, and in the square."""
    low, high = min(max(first, 0), size), min(max(first + side, 0), size)
    return slice(low, high), slice(low - first, high - first)


def _resized(values: NDArray[np.float32]) -> Tensor:
    """Bring (D, side, side) to (D, SIDE, SIDE)."""
    given, wanted = torch.from_numpy(values)[None], (SIDE, SIDE)
    if given.shape[-2:] == wanted:
        return given[0]
    finer = given.shape[-1] > SIDE
    return F.interpolate(given, wanted, mode="bilinear", align_corners=False, antialias=finer)[0]


def standardised(pixels: Tensor) -> Tensor:
    """Return grey levels of a window with mean 0 and a deviation near 1."""
    return (pixels - pixels.mean()) / (pixels.std() + _FLOOR)
