"""NIfTI files by nibabel, which the extra `volumes` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import MissingExtraError
from napari_samara.formats.axis_view import LARGE, AxisView
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".nii", ".nii.gz")
"""How the names of such files end."""

_SPATIAL = 3

# What nibabel calls units; others are not lengths.
_UNITS = {"meter": "m", "mm": "mm", "micron": "µm"}

# Other units in those that it has.
_AS_NIFTI = {
    "m": ("meter", 1.0),
    "cm": ("mm", 10.0),
    "mm": ("mm", 1.0),
    "µm": ("micron", 1.0),
    "um": ("micron", 1.0),
    "nm": ("micron", 1e-3),
    "Å": ("micron", 1e-4),
}


def read_nifti(path: Path) -> tuple[Any, str]:
    """Read the voxels of a NIfTI file.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    array : numpy.ndarray or AxisView
        (planes, rows, cols): the axes of the file in reverse, nothing flipped.  An axis of time
        comes before them, and before that one of channels, unless their length is 1; colours come
        last.  In the type of the file, or float32 where the header scales it.  Mapped into memory
        where it is neither compressed nor scaled nor in colours; lazy where it is scaled and has
        more than `LARGE` bytes.
    axes : str
        A letter for each of its axes.

    Raises
    ------
    MissingExtraError
        If nibabel is not installed.
    Exception
        Whatever nibabel raises about a damaged file.
    """
    stored = _opened(path).dataobj
    scaled = (stored.slope, stored.inter) != (1, 0)
    shape = stored.shape
    kept = [axis for axis, side in enumerate(shape) if axis < _SPATIAL or side > 1][::-1]
    axes = "".join("XYZTC"[axis] for axis in kept)
    if scaled and path.suffix.lower() == ".nii" and 4 * np.prod(shape, dtype=np.int64) > LARGE:
        return AxisView(_Scaled(stored), kept), axes
    array = np.asarray(stored, dtype=np.float32 if scaled else None)
    array = array.squeeze(tuple(set(range(array.ndim)) - set(kept))).T
    colours = array.dtype.names
    if colours:
        return np.stack([array[name] for name in colours], axis=-1), axes + "S"
    return array, axes


class _Scaled:
    """Values of a file as its header scales them, where they are indexed."""

    dtype = np.dtype(np.float32)

    def __init__(self, stored: Any) -> None:
        self._stored, self.shape = stored, stored.shape

    def __getitem__(self, region: Any) -> NDArray[np.float32]:
        return np.asarray(self._stored[region], dtype=np.float32)


def nifti_grid(path: Path) -> tuple[NDArray[np.float64], str]:
    """Read where the voxels of a NIfTI file lie.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    affine : numpy.ndarray
        (4, 4): (plane, row, col, 1) of `read_nifti` to lengths right, anterior and superior.
    unit : str
        Of these lengths: ``"mm"``, ``"µm"``, ``"m"``, or empty where the file does not say.

    Raises
    ------
    MissingExtraError
        If nibabel is not installed.
    Exception
        Whatever nibabel raises about a damaged file.
    """
    image = _opened(path)
    affine = np.asarray(image.affine, dtype=np.float64)[:, [2, 1, 0, 3]]
    return affine, _UNITS.get(image.header.get_xyzt_units()[0], "")


def write_nifti(path: Path, labels: NDArray[Any], like: Path) -> None:
    """Write labels so that they lie where the voxels of another NIfTI file do.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``; appears whole or not at all.
    labels : ndarray of int, shape (planes, rows, cols)
        Of the shape that `read_nifti` gives the other file.
    like : Path
        That file: affine, codes and units are those of it.

    Raises
    ------
    MissingExtraError
        If nibabel is not installed.
    OutputError
        If it cannot be written.
    """
    other = _opened(like)
    made: Any = _nibabel(path).Nifti1Image(labels.T, other.affine)
    for code in ("sform", "qform"):
        matrix, number = getattr(other, f"get_{code}")(coded=True)
        getattr(made, f"set_{code}")(other.affine if matrix is None else matrix, int(number))
    made.header.set_xyzt_units(*other.header.get_xyzt_units())
    _written(path, made)


def write_nifti_grid(
    path: Path, labels: NDArray[Any], affine: NDArray[np.float64], unit: str, scanner: bool
) -> None:
    """Write labels of a volume that is no NIfTI file.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``; appears whole or not at all.
    labels : ndarray of int, shape (planes, rows, cols)
        0 is background.
    affine : ndarray, shape (4, 4)
        (plane, row, col, 1) to (x, y, z).
    unit : str
        Of it; others than those of NIfTI become one of these.
    scanner : bool
        Whether x, y and z are right, anterior and superior, and not just three axes.

    Raises
    ------
    MissingExtraError
        If nibabel is not installed.
    OutputError
        If it cannot be written.
    """
    name, factor = _AS_NIFTI.get(unit, ("unknown", 1.0))
    matrix = np.asarray(affine, dtype=np.float64)[:, [2, 1, 0, 3]].copy()
    matrix[:3] *= factor
    made: Any = _nibabel(path).Nifti1Image(labels.T, matrix)
    made.set_sform(matrix, 1 if scanner else 2)
    made.set_qform(matrix if scanner else None, 1 if scanner else 0)
    made.header.set_xyzt_units(name)
    _written(path, made)


def require_nifti(path: Path) -> None:
    """Check that NIfTI can be read and written.

    Parameters
    ----------
    path : Path
        Named in the error.

    Raises
    ------
    MissingExtraError
        If nibabel is not installed.
    """
    _nibabel(path)


def _written(path: Path, image: Any) -> None:
    import gzip

    content = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    with whole_file(path) as part:
        part.write_bytes(content)


def _opened(path: Path) -> Any:
    nibabel = _nibabel(path)
    image = nibabel.load(path)
    if not isinstance(image, nibabel.Nifti1Pair):
        raise ValueError(f"its header is that of {type(image).__name__}")
    return image


def _nibabel(path: Path) -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: NIfTI files need nibabel, which is not installed; install it with "
            "pip install 'napari-samara[volumes]'"
        ) from error
    return nibabel
