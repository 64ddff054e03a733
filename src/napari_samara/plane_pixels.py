"""The pixels of a plane: read from an image and written to labels, and nothing else of either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FrameError, ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.planes import Plane


def read_plane(
    plane: Plane, image: Any, rgb: bool = False, box: Sequence[int] | None = None
) -> NDArray[Any]:
    """Pixels of a plane; see `Plane.extract`.

    Parameters
    ----------
    plane : Plane
        Which.
    image : array
        Read there only.
    rgb : bool
        Whether its last axis holds channels.
    box : sequence of int, optional
        Half-open (row0, col0, row1, col1) of the plane; all of it by default.

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
    _check(plane, image, rgb)
    row0, col0, row1, col1 = _checked_box(plane, image, box)
    part = np.asarray(image[_region(plane, (slice(row0, row1), slice(col0, col1)))])
    return part.swapaxes(0, 1) if plane.transposed else part


def write_plane(
    plane: Plane, labels: Any, values: NDArray[Any], box: Sequence[int] | None = None
) -> None:
    """Write values into a plane; see `Plane.insert`.

    Parameters
    ----------
    plane : Plane
        Where.
    labels : array
        Changed in place.
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
    _check(plane, labels, rgb=False)
    row0, col0, row1, col1 = _checked_box(plane, labels, box)
    if values.shape != (row1 - row0, col1 - col0):
        raise FrameError(
            f"values of shape {values.shape} do not fit box {(row0, col0, row1, col1)}"
        )
    region = _region(plane, (slice(row0, row1), slice(col0, col1)))
    labels[region] = values.T if plane.transposed else values


def _checked_box(plane: Plane, array: Any, box: Sequence[int] | None) -> Sequence[int]:
    """`box`, or all of the plane."""
    rows, cols = plane.size(array.shape)
    row0, col0, row1, col1 = (int(n) for n in (box if box is not None else (0, 0, rows, cols)))
    if not (0 <= row0 <= row1 <= rows and 0 <= col0 <= col1 <= cols):
        raise FrameError(f"box {tuple(box or ())} leaves the plane of {rows} x {cols}")
    return row0, col0, row1, col1


def _check(plane: Plane, image: Any, rgb: bool) -> None:
    """Refuse what the plane cannot be taken from."""
    if not hasattr(image, "ndim") or not hasattr(image, "shape"):
        raise ImageError(
            f"a plane is taken from one array, not from {type(image).__name__}; "
            "give one level of a multiscale image, or np.asarray of a list"
        )
    if image.ndim != plane.ndim + rgb:
        channels = " and a last axis of channels" if rgb else ""
        raise ImageError(
            f"{plane} needs an image of {plane.ndim} axes{channels}, got shape {tuple(image.shape)}"
        )
    plane.size(image.shape)


def _region(plane: Plane, window: tuple[slice, slice]) -> tuple[slice | int, ...]:
    """Index of a (rows, cols) window of the plane."""
    at: dict[int, slice | int] = dict(plane.fixed)
    at[plane.displayed[0]], at[plane.displayed[1]] = window
    return tuple(at[axis] for axis in range(plane.ndim))
