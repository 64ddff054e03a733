"""Planes: which 2D slice of an nD image is looked at, whichever axes are shown, in either order."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_samara.errors import ImageError
from napari_samara.plane_pixels import read_plane, write_plane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Plane:
    """A 2D slice of an image, as a value that can be compared, hashed and saved.

    `Plane.of` is the comfortable way to make one.

    Parameters
    ----------
    displayed : tuple of int
        (row axis, column axis) of the image; the row axis may be the later one (transposed view).
    fixed : tuple of (int, int)
        (axis, index) of every other axis, sorted by axis.  A trailing RGB axis is not counted.

    Raises
    ------
    ImageError
        If the axes do not make up 0..ndim-1 or an index is negative.
    """

    displayed: tuple[int, int] = (0, 1)
    fixed: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Check that every axis is named once."""
        axes = sorted([*self.displayed, *(axis for axis, _ in self.fixed)])
        if axes != list(range(len(axes))):
            raise ImageError(
                f"axes shown {self.displayed} and axes fixed {dict(self.fixed)} must be all axes "
                "of the image, each once"
            )
        if any(index < 0 for _, index in self.fixed):
            raise ImageError(f"a plane cannot lie at a negative index: {dict(self.fixed)}")

    @classmethod
    def of(
        cls,
        ndim: int,
        displayed: Sequence[int] | None = None,
        fixed: Mapping[int, int] | None = None,
    ) -> Plane:
        """Plane of an image with `ndim` axes.

        Parameters
        ----------
        ndim : int
            Number of axes, a trailing RGB axis not counted.
        displayed : sequence of int, optional
            (row axis, column axis); by default the two axes that `fixed` does not name.
            Negative axes count from the end.
        fixed : mapping of int to int, optional
            Index on each axis that is not shown.

        Returns
        -------
        Plane
            With axes counted from 0.

        Raises
        ------
        ImageError
            If an axis is missing, named twice or out of range, or an index is negative.
        """
        at = {_axis(axis, ndim): operator.index(index) for axis, index in (fixed or {}).items()}
        if len(at) != len(fixed or {}):
            raise ImageError(f"an axis is named twice in {dict(fixed or {})} for {ndim}D")
        if displayed is None:
            shown = tuple(axis for axis in range(ndim) if axis not in at)
        else:
            shown = tuple(_axis(axis, ndim) for axis in displayed)
        if len(shown) != 2 or len(at) + 2 != ndim:
            raise ImageError(
                f"a plane of a {ndim}D image shows 2 axes and fixes {max(ndim - 2, 0)}; got "
                f"{len(shown)} shown {shown} and {len(at)} fixed {at}"
            )
        return cls((shown[0], shown[1]), tuple(sorted(at.items())))

    @property
    def ndim(self) -> int:
        """Number of axes of the image, a trailing RGB axis not counted."""
        return 2 + len(self.fixed)

    @property
    def axis(self) -> int | None:
        """The axis one scrolls along: the last fixed one; None in a 2D image."""
        return self.fixed[-1][0] if self.fixed else None

    @property
    def index(self) -> int | None:
        """Index on `axis`; None in a 2D image."""
        return self.fixed[-1][1] if self.fixed else None

    @property
    def rest(self) -> tuple[tuple[int, int], ...]:
        """(axis, index) of the other fixed axes, time or position for instance."""
        return self.fixed[:-1]

    @property
    def transposed(self) -> bool:
        """Whether rows run along the later axis."""
        return self.displayed[0] > self.displayed[1]

    def size(self, shape: Sequence[int]) -> tuple[int, int]:
        """Rows and columns of this plane in an image.

        Parameters
        ----------
        shape : sequence of int
            Shape of the image; a trailing RGB axis may be there.

        Returns
        -------
        tuple of int
            (rows, cols).

        Raises
        ------
        ImageError
            If the image has fewer axes, or the plane lies outside it.
        """
        if len(shape) not in (self.ndim, self.ndim + 1):
            raise ImageError(f"{self} belongs to a {self.ndim}D image, not to shape {tuple(shape)}")
        for axis, index in self.fixed:
            if index >= shape[axis]:
                raise ImageError(
                    f"index {index} lies outside axis {axis} of an image of shape {tuple(shape)}"
                )
        return int(shape[self.displayed[0]]), int(shape[self.displayed[1]])

    def extract(
        self, image: Any, rgb: bool = False, box: Sequence[int] | None = None
    ) -> NDArray[Any]:
        """Pixels of this plane; of a lazy array (dask, zarr, h5py) only this plane is read.

        Parameters
        ----------
        image : array, ndim axes, plus one of channels if `rgb`
            Anything with `ndim`, `shape` and basic indexing.
        rgb : bool
            Whether the last axis holds channels.
        box : sequence of int, optional
            Half-open (row0, col0, row1, col1) of the plane, which alone is read; all by default.

        Returns
        -------
        ndarray, shape (rows, cols) or (rows, cols, channels)
            A view where `image` is a NumPy array.

        Raises
        ------
        ImageError
            If `image` has another number of axes, is a multiscale list, or ends before the plane.
        FrameError
            If the box leaves the plane.
        """
        return read_plane(self, image, rgb, box)

    def insert(self, labels: Any, values: NDArray[Any], box: Sequence[int] | None = None) -> None:
        """Write values into this plane of a label image, in place.

        Parameters
        ----------
        labels : array, ndim axes
            Anything with `ndim`, `shape` and basic assignment.
        values : ndarray, shape (row1 - row0, col1 - col0)
            What to write.
        box : sequence of int, optional
            Half-open (row0, col0, row1, col1) of the plane; all of it by default.

        Raises
        ------
        ImageError
            If `labels` has another number of axes or ends before the plane.
        FrameError
            If the box leaves the plane or `values` has not its shape.
        """
        write_plane(self, labels, values, box)

    def at(self, index: int, axis: int | None = None) -> Plane:
        """Plane at another index of one fixed axis.

        Parameters
        ----------
        index : int
            New index.
        axis : int, optional
            Which fixed axis; `Plane.axis` by default.

        Returns
        -------
        Plane
            Otherwise equal to this one.

        Raises
        ------
        ImageError
            If the axis is shown or not there, or the index is negative.
        """
        fixed = {**dict(self.fixed), self._fixed_axis(axis): operator.index(index)}
        return Plane(self.displayed, tuple(sorted(fixed.items())))

    def neighbours(
        self, shape: Sequence[int], axis: int | None = None, step: int = 1
    ) -> tuple[Plane, ...]:
        """Planes one step before and after this one, those that exist.

        Parameters
        ----------
        shape : sequence of int
            Shape of the image.
        axis : int, optional
            Fixed axis to go along; `Plane.axis` by default.
        step : int
            Distance in slices.

        Returns
        -------
        tuple of Plane
            None, one or two, the one before first; empty for a 2D image.

        Raises
        ------
        ImageError
            If the axis is not a fixed one or the plane lies outside the image.
        """
        self.size(shape)
        if not self.fixed:
            return ()
        axis = self._fixed_axis(axis)
        here = dict(self.fixed)[axis]
        return tuple(
            self.at(index, axis)
            for index in (here - step, here + step)
            if 0 <= index < shape[axis] and index != here
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON.

        Returns
        -------
        dict
            ``{"displayed": [1, 2], "fixed": {"0": 5}}``.
        """
        return {
            "displayed": list(self.displayed),
            "fixed": {str(axis): index for axis, index in self.fixed},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plane:
        """Plane of its plain form.

        Parameters
        ----------
        data : mapping
            As `to_dict` gives it.

        Returns
        -------
        Plane
            Equal to the one saved.

        Raises
        ------
        ImageError
            If a part is missing or not a whole number.
        """
        try:
            row, col = (operator.index(axis) for axis in data["displayed"])
            fixed = {int(axis): operator.index(index) for axis, index in data["fixed"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ImageError(f"not the plain form of a plane: {data!r:.120}") from error
        return cls((row, col), tuple(sorted(fixed.items())))

    def _fixed_axis(self, axis: int | None) -> int:
        """`axis`, or the one to scroll along, checked to be a fixed one."""
        found = self.axis if axis is None else _axis(axis, self.ndim)
        if found is None or found not in dict(self.fixed):
            raise ImageError(f"axis {found} is not fixed in {self}")
        return found


def _axis(axis: int, ndim: int) -> int:
    """`axis` counted from 0, checked."""
    if not -ndim <= operator.index(axis) < ndim:
        raise ImageError(f"axis {axis} does not exist in a {ndim}D image")
    return operator.index(axis) % ndim
