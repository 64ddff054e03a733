"""Volumes: three spatial axes, the distance between their planes and where they lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.formats.dicom import SUFFIXES as DICOM
from napari_samara.formats.dicom import dicom_grid, is_dicom
from napari_samara.formats.nifti import SUFFIXES as NIFTI
from napari_samara.formats.nifti import nifti_grid
from napari_samara.formats.ome_zarr import is_zarr, open_ome_zarr
from napari_samara.images import open_image, suffix_of

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    Affine = NDArray[np.float64]
    Spacing = tuple[float, float, float]

THICK = 3.0
"""Planes that lie more than so many times as far apart as their pixels are looked at alone."""

_AXES = 3

# Ends of names that say the format.
_KNOWN = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", *NIFTI)


class Grid(NamedTuple):
    """Where the voxels of a volume lie.

    Attributes
    ----------
    spacing, unit, affine
        As in `Volume`.
    scanner : bool
        Whether `affine` gives lengths right, anterior and superior of a patient.
    """

    spacing: Spacing | None = None
    unit: str = ""
    affine: Affine | None = None
    scanner: bool = False


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume as it lies in its file.

    Attributes
    ----------
    data : array
        (planes, rows, cols), any real type; that of a zarr folder is lazy.
    spacing : tuple of float or None
        Distance between neighbours along each axis; None where the file does not say.
    unit : str
        Of `spacing`; empty where the file does not say.
    affine : numpy.ndarray or None
        (4, 4): (plane, row, col, 1) to world coordinates: for NIfTI and DICOM lengths right,
        anterior and superior, for OME-Zarr (x, y, z); None where the file has none.
    """

    data: Any
    spacing: Spacing | None = None
    unit: str = ""
    affine: Affine | None = None

    @property
    def thick_axis(self) -> int | None:
        """Axis whose planes lie more than `THICK` times as far apart as pixels elsewhere."""
        if self.spacing is None or max(self.spacing) <= THICK * min(self.spacing):
            return None
        return self.spacing.index(max(self.spacing))

    def same_grid(self, other: Volume) -> bool:
        """Return whether the voxels of another volume lie where those of this one do.

        Parameters
        ----------
        other : Volume
            Of labels, for example.

        Returns
        -------
        bool
            Shapes alone are compared where one of them has no affine; corners may be half a voxel
            apart.
        """
        if self.data.shape != other.data.shape:
            return False
        if self.affine is None or other.affine is None or self.spacing is None:
            return True
        ends = np.array(list(np.ndindex(2, 2, 2))) * (np.array(self.data.shape) - 1)
        corners = np.column_stack([ends, np.ones(len(ends))])
        apart = np.abs(corners @ (self.affine - other.affine).T).max()
        return bool(apart <= min(self.spacing) / 2)


def read_volume(path: str | os.PathLike[str], axes: str | None = None) -> Volume:
    """Read a volume with what its file says of spacing and place.

    Parameters
    ----------
    path : path-like
        What `read_image` reads: spacing is known from NIfTI, DICOM, OME-Zarr, OME-TIFF and from
        TIFF of ImageJ.
    axes : str, optional
        As for `read_image`.

    Returns
    -------
    Volume
        The axes of a NIfTI file in reverse, (z, y, x), so that they are those of other files.

    Raises
    ------
    FileNotFoundError, FileFormatError, MissingExtraError
        As `read_image` does.
    ImageError
        If it has not three axes.
    """
    path = Path(path)
    data, rgb = open_image(path, axes)
    if data.ndim != _AXES or rgb:
        raise ImageError(f"{path} has the shape {data.shape}; a volume has three axes")
    return Volume(data, *grid_of(path)[:3])


def grid_of(path: str | os.PathLike[str]) -> Grid:
    """Read where the voxels of a volume lie, without reading them.

    Parameters
    ----------
    path : path-like
        Of what `read_image` reads.

    Returns
    -------
    Grid
        Empty where it does not say.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `read_image` does, of a folder.
    MissingExtraError
        If it is NIfTI or DICOM and the extra `volumes` is not installed.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if is_zarr(path):
        found = open_ome_zarr(path).grid()
        return Grid() if found is None else _grid(*found)
    if path.is_dir() or suffix in DICOM or (suffix not in _KNOWN and is_dicom(path)):
        affine = dicom_grid(path)
        return Grid() if affine is None else _grid(affine, "mm", scanner=True)
    if suffix in NIFTI:
        return _grid(*nifti_grid(path), scanner=True)
    return Grid(*_tiff_spacing(path)) if suffix in (".tif", ".tiff") else Grid()


def checked_spacing(spacing: Any, count: int) -> tuple[float, ...]:
    """Distances between neighbours, as numbers.

    Parameters
    ----------
    spacing : sequence of float
        As it was given.
    count : int
        Axes that there are.

    Returns
    -------
    tuple of float
        One for each axis.

    Raises
    ------
    ImageError
        If there are others than `count`, or one is no positive number.
    """
    try:
        lengths = tuple(float(length) for length in spacing)
    except (TypeError, ValueError):
        lengths = ()
    if len(lengths) != count or not all(math.isfinite(n) and n > 0 for n in lengths):
        shown = tuple(spacing) if isinstance(spacing, list | tuple) else spacing
        raise ImageError(
            f"spacing {shown!r} is not one positive number for each of the {count} axes"
        )
    return lengths


def _grid(affine: Affine, unit: str, scanner: bool = False) -> Grid:
    return Grid(_lengths(affine), unit, affine, scanner)


def _lengths(affine: Affine) -> Spacing | None:
    lengths = np.sqrt((affine[:3, :3] ** 2).sum(0)).tolist()
    return _checked([float(f"{length:.9g}") for length in lengths])  # not 0.9999999999999929


def _checked(lengths: list[float]) -> Spacing | None:
    """Three lengths, or None if one of them is none."""
    if len(lengths) == _AXES and all(math.isfinite(n) and n > 0 for n in lengths):
        return lengths[0], lengths[1], lengths[2]
    return None


def _tiff_spacing(path: Path) -> tuple[Spacing | None, str]:
    """Spacing and unit of a TIFF; None where it does not say them in a way that is known."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        try:
            if file.ome_metadata:
                return _ome_spacing(file.ome_metadata)
            if file.imagej_metadata:
                return _imagej_spacing(file)
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
            pass  # spacing that is written down wrong is not known
    return None, ""


def _ome_spacing(text: str) -> tuple[Spacing | None, str]:
    import tifffile

    image = tifffile.xml2dict(text)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    units = {str(pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "ZYX"}
    if len(units) > 1:
        return None, ""
    return _checked([float(pixels[f"PhysicalSize{axis}"]) for axis in "ZYX"]), units.pop()


def _imagej_spacing(file: Any) -> tuple[Spacing | None, str]:
    tags, said = file.pages[0].tags, file.imagej_metadata
    within = [tags[name].value[1] / tags[name].value[0] for name in ("YResolution", "XResolution")]
    unit = str(said.get("unit", "")).replace("\\u00B5", "µ").replace("micron", "µm")
    return _checked([float(said["spacing"]), *within]), unit
