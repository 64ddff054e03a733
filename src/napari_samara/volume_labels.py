"""Labels of a volume as a file that lies where the volume does: TIFF, NPY, NIfTI, OME-Zarr."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import OutputError
from napari_samara.formats.nifti import SUFFIXES as NIFTI
from napari_samara.formats.nifti import require_nifti, write_nifti, write_nifti_grid
from napari_samara.formats.ome_labels import is_label_folder, require_label_folder, whole_labels
from napari_samara.images import suffix_of
from napari_samara.labels import SUFFIXES, smallest, write_labels
from napari_samara.output import require_folder
from napari_samara.volumes import Grid, checked_spacing, grid_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def grid_with(
    path: str | os.PathLike[str] | None, spacing: Sequence[float] | None, axes: int = 3
) -> Grid:
    """Return where the voxels of a volume lie, where another spacing may have been given.

    Parameters
    ----------
    path : path-like or None
        Of the volume, if it is a file or folder.
    spacing : sequence of float or None
        Distance between neighbours along each axis, in place of that of the file.
    axes : int
        Of the volume, three and those before them.

    Returns
    -------
    Grid
        With the place of the file only if the spacing is that of the file.

    Raises
    ------
    ImageError
        If the spacing is not one positive number for each axis.
    FileFormatError, MissingExtraError
        As `grid_of`.
    """
    found = Grid() if path is None else grid_of(path)
    if spacing is None:
        return found
    z, y, x = checked_spacing(spacing, axes)[-3:]
    if found.spacing is not None and np.allclose(found.spacing, (z, y, x), rtol=1e-3):
        return found
    affine = np.array([[0, 0, x, 0], [0, y, 0, 0], [z, 0, 0, 0], [0, 0, 0, 1]], np.float64)
    return Grid((z, y, x), found.unit, affine)


def require_volume_labels(out: Path, volume: Path | None, grid: Grid) -> None:
    """Check that labels can be written under a name, before hours are spent on them.

    Parameters
    ----------
    out : Path
        Of the file or folder to be written.
    volume : Path or None
        What they are of, if that is a file.
    grid : Grid
        Where its voxels lie.

    Raises
    ------
    OutputError
        If the name says no format that is written, NIfTI is asked for and the spacing is not
        known, or nothing can be written there.
    MissingExtraError
        If NIfTI is asked for and nibabel is not installed.
    """
    if is_label_folder(out):
        require_label_folder(out)
        return
    suffix = suffix_of(out)
    if suffix in NIFTI:
        require_nifti(out)
        if grid.affine is None and grid.spacing is None:
            raise OutputError(
                f"{out}: NIfTI says where voxels lie, and {volume or 'the volume'} does not: give "
                "the spacing, or name a .tif"
            )
    elif suffix not in SUFFIXES:
        raise OutputError(
            f"labels are written as {', '.join((*SUFFIXES, *NIFTI))} or .ome.zarr; got {out.name!r}"
        )
    require_folder(out)


@contextlib.contextmanager
def volume_labels(
    out: Path, shape: Sequence[int], volume: Path | None, grid: Grid
) -> Iterator[Any]:
    """Write labels that appear whole, when all are made, or not at all.

    Parameters
    ----------
    out : Path
        ``.tif``, ``.npy``, ``.nii``, ``.nii.gz``, or an OME-Zarr folder, which alone never has
        the labels in memory.
    shape : sequence of int
        Of the labels.
    volume : Path or None
        What they are of; NIfTI of NIfTI has its affine and codes.
    grid : Grid
        Where its voxels lie.

    Yields
    ------
    ndarray of int32 or StoredLabels
        Zeros, to be written to.

    Raises
    ------
    OutputError, ImageError, MissingExtraError
        If they cannot be written.
    """
    require_volume_labels(out, volume, grid)
    if is_label_folder(out):
        with whole_labels(out, shape, grid) as stored:
            yield stored
        return
    labels = np.zeros(tuple(shape), np.int32)
    yield labels
    if suffix_of(out) not in NIFTI:
        write_labels(out, labels)
    elif volume is not None and suffix_of(volume) in NIFTI:
        write_nifti(out, smallest(labels), volume)
    else:
        write_nifti_grid(out, smallest(labels), _affine(grid), grid.unit, grid.scanner)


def _affine(grid: Grid) -> Any:
    if grid.affine is not None:
        return grid.affine
    affine = np.eye(4)
    affine[:3, :3] = np.fliplr(np.eye(3)) * np.array(grid.spacing)
    return affine
