"""DICOM slices put in order, and where their voxels lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Affine = NDArray[np.float64]
    ItkGrid = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]

# DICOM counts to the left and to the back, NIfTI to the right and to the front.
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

# What distances of slices may differ by: a share of the distance, and millimetres.
_SHARE, _ROUNDED = 0.02, 0.01

# Difference of direction cosines from which on slices are turned against each other.
_TURNED = 1e-3


@dataclass(frozen=True, eq=False)
class Slice:
    """What the header of a DICOM file says.

    Attributes
    ----------
    path : Path
        Of the file.
    series, modality, description : str
        Empty where it does not say.
    size : tuple of int
        (rows, cols).
    frames : int
        Images in the file.
    position, orientation, pixel_spacing, thickness : tuple of float or None
        Place of the first pixel; direction cosines along a row and down a column; distance of
        rows and of columns; of slices: DICOM's own, in millimetres.
    itk : tuple
        Spacing, origin and direction as ITK has them.
    """

    path: Path
    series: str
    modality: str
    description: str
    size: tuple[int, int]
    frames: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    thickness: tuple[float, ...] | None
    itk: ItkGrid

    @property
    def affine(self) -> Affine:
        """Place of the voxels of a file with several frames, by ITK."""
        spacing, origin, direction = (np.array(part, dtype=np.float64) for part in self.itk)
        affine = np.eye(4)
        affine[:3, :3] = direction.reshape(3, 3)[:, ::-1] * spacing[::-1]
        affine[:3, 3] = origin
        return np.asarray(_TO_RAS @ affine)


def arranged(slices: Sequence[Slice], folder: Path) -> tuple[tuple[Path, ...], Affine]:
    """Put the slices of a series in order.

    Parameters
    ----------
    slices : sequence of Slice
        Of one series, in any order.
    folder : Path
        Named in errors.

    Returns
    -------
    files : tuple of Path
        Along the normal of the planes.
    affine : numpy.ndarray
        (4, 4): (plane, row, col, 1) to millimetres right, anterior and superior.

    Raises
    ------
    FileFormatError
        If they do not make a volume: without places, turned against each other, of several
        sizes, two at one place, one missing, at various distances.
    """
    first = slices[0]
    for one in slices:
        if one.position is None or one.orientation is None or one.pixel_spacing is None:
            raise FileFormatError(
                f"{one.path} does not say where it lies (image position, orientation, pixel "
                f"spacing), so that the {len(slices)} images of {folder} make no volume; give the "
                "file alone"
            )
    if len({one.size for one in slices}) > 1:
        sizes = sorted({one.size for one in slices})
        raise FileFormatError(f"{folder}: its slices have several sizes: {sizes}")
    directions = np.array([one.orientation for one in slices])
    if np.abs(directions - directions[0]).max() > _TURNED:
        raise FileFormatError(
            f"{folder}: its slices are turned against each other, as in a scout; give a series of "
            "parallel slices"
        )
    row_way, col_way = directions[0, :3], directions[0, 3:]
    normal = np.cross(row_way, col_way)
    places = np.array([one.position for one in slices])
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    _check_distances(places @ normal, [slices[at].path for at in order], folder)
    row_step, col_step = first.pixel_spacing or (1.0, 1.0)
    thick = abs(first.thickness[0]) if first.thickness else 0.0
    step = normal * (thick or 1.0)
    if len(slices) > 1:  # with a tilted gantry it is not along the normal
        step = (places[-1] - places[0]) / (len(slices) - 1)
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([step, col_way * row_step, row_way * col_step])
    affine[:3, 3] = places[0]
    return tuple(slices[at].path for at in order), np.asarray(_TO_RAS @ affine)


def _check_distances(along: NDArray[np.float64], files: Sequence[Path], folder: Path) -> None:
    """Refuse slices that are not evenly spaced."""
    if len(along) < 2:
        return
    steps = np.diff(along)
    usual = float(np.median(steps))
    same = np.flatnonzero(steps < _ROUNDED)
    if len(same):
        raise FileFormatError(
            f"{folder}: {files[same[0]].name} and {files[same[0] + 1].name} lie at the same place "
            f"({len(same)} such pairs), as with several times or acquisitions in one series; put "
            "one of them into a folder of its own"
        )
    odd = np.flatnonzero(np.abs(steps - usual) > max(_SHARE * usual, _ROUNDED))
    if not len(odd):
        return
    at, ratio = int(odd[0]), steps[odd] / usual
    between = f"between {files[at].name} and {files[at + 1].name}"
    if np.all((np.abs(ratio - np.round(ratio)) < 0.1) & (ratio > 1.5)):
        lost = int(np.round(ratio - 1).sum())
        raise FileFormatError(
            f"{folder}: {lost} slices are missing, the first {between} ({steps[at]:.3g} mm apart, "
            f"the others {usual:.3g} mm); find them, or put an even part into a folder of its own"
        )
    raise FileFormatError(
        f"{folder}: the distance of slices is not even: {steps[at]:.4g} mm {between}, {usual:.4g} "
        "mm elsewhere; resample the series, or put an even part into a folder of its own"
    )
