"""Label images on disk: compressed TIFF, or NPY."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError, OutputError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

SUFFIXES = (".tif", ".tiff", ".npy")
"""How the name of a label file may end."""

# What a reader is told about the axes; more axes than these stay without names.
_AXES = "TZYX"


def require_suffix(path: str | os.PathLike[str]) -> None:
    """Check that labels can be written under a name.

    Parameters
    ----------
    path : path-like
        Of the file to be written.

    Raises
    ------
    OutputError
        If it ends in none of `SUFFIXES`.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise OutputError(f"labels are written as {', '.join(SUFFIXES)}; got {Path(path).name!r}")


def write_labels(path: str | os.PathLike[str], labels: Any) -> None:
    """Write a label image; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        ``.tif`` or ``.tiff`` (zlib-compressed; OME-TIFF if the name ends in ``.ome.tif``) or
        ``.npy``; replaced if it is there.
    labels : array_like of int, shape (rows, cols) or more axes before these
        0 is background.  Stored as uint16 where the ids fit, as int32 where they do not.

    Raises
    ------
    ImageError
        If the labels are no whole numbers from 0 to 2**31 - 1, or have fewer than two axes.
    OutputError
        If the name has another suffix or the file cannot be written.
    """
    require_suffix(path)
    values = smallest(labels)
    with whole_file(path) as part:
        if Path(path).suffix.lower() == ".npy":
            with part.open("wb") as stream:  # np.save would append a suffix to a name
                np.save(stream, values)
        else:
            _write_tiff(part, values, Path(path).name.lower().endswith((".ome.tif", ".ome.tiff")))


def smallest(labels: Any) -> NDArray[np.uint16] | NDArray[np.int32]:
    """Labels in the smallest type that readers of TIFF agree on.

    Parameters
    ----------
    labels : array_like of int
        As for `write_labels`.

    Returns
    -------
    ndarray of uint16 or int32
        Same shape.

    Raises
    ------
    ImageError
        As for `write_labels`.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "bui" or array.ndim < 2 or array.size == 0:
        raise ImageError(
            f"labels are whole numbers in two axes or more, got shape {array.shape} of "
            f"{array.dtype}"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.int32).max:
        raise ImageError(f"labels lie from 0 to 2**31 - 1, got {low} to {high}")
    if high <= np.iinfo(np.uint16).max:
        return array.astype(np.uint16, copy=False)
    return array.astype(np.int32, copy=False)


def _write_tiff(path: Path, values: NDArray[Any], ome: bool) -> None:
    import tifffile  # slow to import, and only needed here

    metadata = {"axes": _AXES[-values.ndim :]} if values.ndim <= len(_AXES) else {}
    tifffile.imwrite(
        path, values, compression="zlib", photometric="minisblack", metadata=metadata, ome=ome
    )
