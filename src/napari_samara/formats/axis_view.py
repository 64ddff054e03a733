"""Arrays on disk with other axes: channels last, axes of one place left out, nothing read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


LARGE = 2**30
"""Bytes from which on an image stays in its file, where its format lets parts of it be read."""


class AxisView:
    """A lazy array seen with some of its axes, in another order; values in the order of bytes here.

    Parameters
    ----------
    array : array
        With `shape`, `dtype` and basic indexing (zarr, h5py, NumPy).
    order : sequence of int
        Axes of `array` that are kept, in the order they are to have; the others have one place.
    """

    def __init__(self, array: Any, order: Sequence[int]) -> None:
        self.array, self.order = array, tuple(order)
        self._last: tuple[int, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        sizes = [int(self.array.shape[axis]) for axis in self.order]
        return (*sizes[:-1], len(self._last)) if self._last is not None else tuple(sizes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.order)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        found: np.dtype[Any] = np.dtype(self.array.dtype)
        return found.newbyteorder("=")

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def taking(self, last: Sequence[int]) -> AxisView:
        """Return a view of some places of the last axis.

        Parameters
        ----------
        last : sequence of int
            From 0 up, in the order they are to have.
        """
        view = AxisView(self.array, self.order)
        view._last = tuple(last)
        return view

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = self[...]
        return found if dtype is None else found.astype(dtype, copy=False)

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Read a region of whole numbers and slices."""
        given = _full(region, self.shape)
        taken: Any = slice(None)
        if self._last is not None:
            chosen = np.asarray(self._last)[given[-1]]
            given, taken = (*given[:-1], slice(None)), chosen
        stored: list[Any] = [0] * len(self.array.shape)
        for axis, part in zip(self.order, given, strict=True):
            stored[axis] = part
        read = np.asarray(self.array[tuple(stored)], dtype=self.dtype)
        kept = [a for a, part in zip(self.order, given, strict=True) if isinstance(part, slice)]
        read = read.transpose(np.argsort(np.argsort(kept)))
        return read if self._last is None else read[..., taken]


def _full(region: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return a whole number or a slice for each axis; numbers count from the front."""
    given = region if isinstance(region, tuple) else (region,)
    if Ellipsis in given:
        at = given.index(Ellipsis)
        rest = (slice(None),) * (len(shape) - len(given) + 1)
        given = (*given[:at], *rest, *given[at + 1 :])
    given = (*given, *[slice(None)] * (len(shape) - len(given)))
    if len(given) != len(shape):
        raise IndexError(f"{len(given)} indices for an array of shape {shape}")
    found: list[Any] = []
    for part, side in zip(given, shape, strict=True):
        if isinstance(part, slice):
            found.append(part)
        elif isinstance(part, int | np.integer) and -side <= part < side:
            found.append(int(part) % side)
        elif isinstance(part, int | np.integer):
            raise IndexError(f"index {part} lies outside an axis of length {side}")
        else:
            raise ImageError(f"a lazy image is read by whole numbers and slices, got {part!r}")
    return tuple(found)
