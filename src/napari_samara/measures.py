"""A table of what can be measured of labelled objects, in pixels and in units of the spacing."""

from __future__ import annotations

import csv
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

FLAT = ("perimeter", "eccentricity", "orientation")
"""Properties that only objects of a plane have."""

SHAPED = (
    "area",
    "bbox",
    "centroid",
    "equivalent_diameter_area",
    "axis_major_length",
    "axis_minor_length",
    "solidity",
    "extent",
)
"""Properties of objects with any number of axes."""

BRIGHT = ("intensity_mean", "intensity_min", "intensity_max", "intensity_std")
"""Properties of objects of an image."""

_AXES = "tzyx"


def measure(
    labels: Any, image: Any = None, spacing: Sequence[float] | None = None
) -> dict[str, NDArray[Any]]:
    """Measure every object.

    Parameters
    ----------
    labels : array_like of int, shape (rows, cols) or (z, rows, cols)
        0 is background.
    image : array_like, optional
        Of the same shape, with channels behind or not: intensities are measured as well.
    spacing : sequence of float, optional
        Size of a pixel along each axis; 1 if left out.  Lengths, areas and places are given in its
        unit, boxes and ``pixels`` stay in pixels.

    Returns
    -------
    dict of str to ndarray
        Columns of equal length, one row an object, by number: ``label``, ``pixels``, the `SHAPED`
        properties (``centroid-0`` is along the first axis, ``bbox-0`` ... half-open), in a plane
        the `FLAT` ones (no perimeter where pixels are not square), and the `BRIGHT` ones (a column
        a channel).  Not a number where an object is too small for a property.

    Raises
    ------
    ImageError
        If these are no labels of a plane or a volume, or image and spacing do not fit them.
    """
    from skimage.measure import regionprops_table

    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "iu" or numbers.ndim not in (2, 3):
        raise ImageError(
            f"labels of a plane or a volume are measured, got {numbers.dtype} of shape "
            f"{numbers.shape}"
        )
    steps = _checked_spacing(spacing, numbers.ndim)
    names = ["label", "num_pixels", *SHAPED]
    if numbers.ndim == 2:
        square = np.isclose(steps[0], steps[1])
        names += [name for name in FLAT if square or name != "perimeter"]
    pixels = None if image is None else _checked_image(image, numbers.shape)
    names += BRIGHT[: 0 if pixels is None else len(BRIGHT)]
    if not (numbers > 0).any():
        return {"label": np.zeros(0, dtype=np.int64)}
    with warnings.catch_warnings():  # objects of a pixel or two have no hull
        warnings.simplefilter("ignore")
        found: dict[str, NDArray[Any]] = regionprops_table(
            numbers, pixels, properties=names, spacing=steps
        )
    found["pixels"] = found.pop("num_pixels")
    first = ("label", "pixels")
    return {name: found[name] for name in (*first, *(n for n in found if n not in first))}


def write_table(path: str | os.PathLike[str], columns: Mapping[str, Any]) -> None:
    """Write a table as CSV; the file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        Replaced if it is there.
    columns : mapping of str to sequence
        As `measure` gives them, all of one length.

    Raises
    ------
    ImageError
        If the columns have different lengths.
    OutputError
        If the file cannot be written.
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ImageError(f"columns of a table have one length, got {sorted(lengths)}")
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])


def _checked_spacing(spacing: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    steps = (1.0,) * ndim if spacing is None else tuple(float(step) for step in spacing)
    if len(steps) != ndim or not all(np.isfinite(step) and step > 0 for step in steps):
        axes = ", ".join(_AXES[-ndim:])
        raise ImageError(f"a spacing is {ndim} numbers above 0 ({axes}), got {spacing!r}")
    return steps


def _checked_image(image: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    pixels = np.asarray(image)
    if pixels.shape[: len(shape)] != shape or pixels.ndim > len(shape) + 1:
        raise ImageError(f"an image of shape {pixels.shape} does not fit labels of shape {shape}")
    return pixels


def _cell(value: Any) -> Any:
    """Text of a value as short as it says all; nothing for what was not measured."""
    if isinstance(value, float | np.floating):
        return "" if not np.isfinite(value) else f"{value:.6g}"
    return "" if value is None else value
