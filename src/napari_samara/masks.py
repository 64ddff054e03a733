"""Masks: one boolean object in a plane, what the model thought of it, and its run-length form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_samara.errors import FileFormatError, ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

PixelBox: TypeAlias = tuple[int, int, int, int]
"""Half-open ``(row0, col0, row1, col1)`` in whole pixels."""


@dataclass(frozen=True, eq=False)
class Mask:
    """One object found in one plane.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        True on the object; made read-only.
    score : float
        Quality the model predicts for the mask (its own guess of the IoU).
    logits : ndarray of float32, shape (h, w), optional
        Low-resolution decoder output in the padded model-input frame, to refine from.
    box : tuple of int, optional
        Half-open ``(row0, col0, row1, col1)`` around the object; found from `data` where left out,
        and None where the mask is empty.

    Raises
    ------
    ImageError
        If `data` is not a 2D boolean array.
    """

    data: NDArray[np.bool_]
    score: float = 1.0
    logits: NDArray[np.float32] | None = field(default=None, repr=False)
    box: PixelBox | None = None

    def __post_init__(self) -> None:
        """Check the array, make it read-only and find the box."""
        data = np.asarray(self.data)
        if data.ndim != 2 or data.dtype != np.bool_:
            raise ImageError(
                f"a mask is a 2D array of bool, not {data.ndim}D {data.dtype}; "
                "build it with Mask.from_array"
            )
        view = data.view()
        view.setflags(write=False)
        object.__setattr__(self, "data", view)
        object.__setattr__(self, "score", float(self.score))
        if self.box is None:
            object.__setattr__(self, "box", box_of(view))

    @classmethod
    def from_array(
        cls, array: ArrayLike, score: float = 1.0, logits: NDArray[np.float32] | None = None
    ) -> Mask:
        """Mask of the non-zero pixels of any real 2D array.

        Parameters
        ----------
        array : array_like, shape (rows, cols)
            Boolean or number; not a number counts as zero.
        score : float
            Predicted quality.
        logits : ndarray of float32, shape (h, w), optional
            Low-resolution logits, see `Mask`.

        Returns
        -------
        Mask
            With its box found.

        Raises
        ------
        ImageError
            If `array` is not a 2D array of numbers.
        """
        return cls(as_bool(array), score, logits)

    @property
    def area(self) -> int:
        """Number of pixels of the object."""
        return int(np.count_nonzero(self.data))

    def interior_point(self) -> tuple[int, int]:
        """Pixel deepest inside the object.

        Returns
        -------
        tuple of int
            (row, col), always on the object.

        Raises
        ------
        ImageError
            If the mask is empty.
        """
        return interior_point(self.data)

    def to_rle(self) -> dict[str, Any]:
        """Uncompressed COCO run-length form of the mask.

        Returns
        -------
        dict
            ``{"size": [rows, cols], "counts": [...]}``: lengths of alternating runs of False and
            True down the columns, first False (0 where the first pixel is True).
        """
        return {"size": list(self.data.shape), "counts": encode_runs(self.data)}

    @classmethod
    def from_rle(cls, rle: Mapping[str, Any], score: float = 1.0) -> Mask:
        """Mask of a COCO run-length form.

        Parameters
        ----------
        rle : mapping
            As `to_rle` gives it.
        score : float
            Predicted quality.

        Returns
        -------
        Mask
            Without logits.

        Raises
        ------
        FileFormatError
            If the runs do not add up to the size, or a part is missing.
        """
        try:
            size, counts = rle["size"], rle["counts"]
        except (KeyError, TypeError) as error:
            raise FileFormatError(
                f"a run-length mask needs 'size' and 'counts', got {rle!r:.80}"
            ) from error
        return cls(decode_runs(counts, size), score)


def as_bool(array: ArrayLike) -> NDArray[np.bool_]:
    """Non-zero pixels of a 2D array; not a number counts as zero.

    Parameters
    ----------
    array : array_like, shape (rows, cols)
        Boolean or real numbers.

    Returns
    -------
    ndarray of bool, shape (rows, cols)
        A new array.

    Raises
    ------
    ImageError
        If it is empty, not 2D or not of numbers.
    """
    values = np.asarray(array)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "buif":
        raise ImageError(
            f"a mask needs a non-empty 2D array of numbers or bool, got shape {values.shape} "
            f"of {values.dtype}"
        )
    return np.asarray(np.nan_to_num(values, nan=0.0) != 0, dtype=np.bool_)


def box_of(data: NDArray[np.bool_]) -> PixelBox | None:
    """Smallest half-open box around the True pixels.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        The object.

    Returns
    -------
    tuple of int or None
        ``(row0, col0, row1, col1)``; None where nothing is True.
    """
    rows = np.flatnonzero(data.any(axis=1))
    if rows.size == 0:
        return None
    row0, row1 = int(rows[0]), int(rows[-1]) + 1
    cols = np.flatnonzero(data[row0:row1].any(axis=0))
    return row0, int(cols[0]), row1, int(cols[-1]) + 1


def interior_point(data: NDArray[np.bool_]) -> tuple[int, int]:
    """Pixel farthest from the background; the outside of the image is background too.

    Of several equally deep pixels the one nearest to their middle is taken, so that a bar gives
    its centre and not its end.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        The object.

    Returns
    -------
    tuple of int
        (row, col), always on the object.

    Raises
    ------
    ImageError
        If nothing is True.
    """
    box = box_of(data)
    if box is None:
        raise ImageError(f"an empty mask (shape {data.shape}) has no interior point")
    row0, col0, row1, col1 = box
    depth = distance_transform_edt(np.pad(data[row0:row1, col0:col1], 1))[1:-1, 1:-1]
    deepest = np.argwhere(depth >= depth.max() - 1e-6)
    offset = ((deepest - deepest.mean(axis=0)) ** 2).sum(axis=1)
    row, col = deepest[int(offset.argmin())]
    return row0 + int(row), col0 + int(col)


def encode_runs(data: NDArray[np.bool_]) -> list[int]:
    """Lengths of the alternating runs down the columns, the first one of False.

    Parameters
    ----------
    data : ndarray of bool, shape (rows, cols)
        The object.

    Returns
    -------
    list of int
        Adds up to rows * cols.
    """
    flat = data.ravel(order="F")
    borders = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts: list[int] = np.diff(borders, prepend=0, append=flat.size).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def decode_runs(counts: Sequence[int], size: Sequence[int]) -> NDArray[np.bool_]:
    """Boolean array of column-wise runs.

    Parameters
    ----------
    counts : sequence of int
        As `encode_runs` gives them.
    size : sequence of int
        (rows, cols).

    Returns
    -------
    ndarray of bool, shape (rows, cols)
        The object.

    Raises
    ------
    FileFormatError
        If `size` is not two positive whole numbers or the runs do not add up to it.
    """
    whole = [isinstance(number, int | np.integer) for number in (*size, *counts)]
    if len(size) != 2 or not all(whole) or min(size) < 1:
        raise FileFormatError(
            f"a run-length mask has size (rows, cols) and whole counts, got size {size!r:.80}"
        )
    runs = np.asarray(counts, dtype=np.int64)
    if runs.size == 0 or runs.min() < 0 or int(runs.sum()) != size[0] * size[1]:
        raise FileFormatError(
            f"run lengths add up to {int(runs.sum())}, but size {tuple(size)} has "
            f"{size[0] * size[1]} pixels"
        )
    values = np.arange(runs.size) % 2 == 1
    return np.repeat(values, runs).reshape((size[0], size[1]), order="F")
