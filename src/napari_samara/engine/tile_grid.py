"""The windows of a plane that prompts are decoded in, as a stack that is gone through in order.

A window on the grid of `tiling.window_around` begins at a multiple of half its side, so every
point of the plane lies in the middle half of one of them.  The grid is a stack: a window is a
`Plane` of an array (window row, window column, rows, cols), and `PlaneOrder` then takes those
first that are nearest to the one looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_samara.errors import ImageError
from napari_samara.planes import Plane

if TYPE_CHECKING:
    from napari_samara.masks import PixelBox


@dataclass(frozen=True)
class TileGrid:
    """Windows of one size that cover a plane, overlapping by half.

    Attributes
    ----------
    size : tuple of int
        (rows, cols) of the plane.
    side : int
        Of a window; at most the plane is used.

    Raises
    ------
    ImageError
        If the side is below 2.
    """

    size: tuple[int, int]
    side: int

    def __post_init__(self) -> None:
        """Check the side."""
        if self.side < 2:
            raise ImageError(f"a window has a side of at least 2, got {self.side}")

    def tiles(self, within: PixelBox | None = None) -> list[Plane]:
        """Windows in whose middle half some point of a part of the plane lies.

        Parameters
        ----------
        within : tuple of int, optional
            Half-open (row0, col0, row1, col1); the whole plane if left out.

        Returns
        -------
        list of Plane
            Row by row; none where the part lies outside the plane.
        """
        row0, col0, row1, col1 = within or (0, 0, *self.size)
        rows, cols = self._places(0, row0, row1), self._places(1, col0, col1)
        return [self._tile(row, col) for row in rows for col in cols]

    def tile_at(self, row: float, col: float) -> Plane:
        """Window in whose middle half a point of the plane lies.

        Parameters
        ----------
        row, col : float
            In pixels of the plane; points outside are taken for the nearest inside.
        """
        return self._tile(self._place(0, row), self._place(1, col))

    def box(self, tile: Plane) -> PixelBox:
        """Half-open (row0, col0, row1, col1) of a window.

        Parameters
        ----------
        tile : Plane
            As `tiles` gives it.
        """
        (_, row), (_, col) = tile.fixed
        row0, row1 = self._span(0, row)
        col0, col1 = self._span(1, col)
        return row0, col0, row1, col1

    @property
    def _step(self) -> int:
        return self.side // 2

    def _tile(self, row: int, col: int) -> Plane:
        return Plane((2, 3), ((0, row), (1, col)))

    def _place(self, axis: int, centre: float) -> int:
        """Return the number along one axis of the window that is cut for a point."""
        side, whole = min(self.side, self.size[axis]), self.size[axis]
        inside = min(max(centre, 0.0), whole - 1.0)
        last = -(-(whole - side) // self._step)
        return min(max(round((inside - side / 2) / self._step), 0), last)

    def _places(self, axis: int, first: int, end: int) -> range:
        low, high = max(first, 0), min(end, self.size[axis])
        if low >= high:
            return range(0)
        return range(self._place(axis, low + 0.5), self._place(axis, high - 0.5) + 1)

    def _span(self, axis: int, place: int) -> tuple[int, int]:
        side = min(self.side, self.size[axis])
        start = min(place * self._step, self.size[axis] - side)
        return start, start + side
