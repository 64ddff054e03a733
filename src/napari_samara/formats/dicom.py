"""DICOM images and series by SimpleITK, which the extra `volumes` brings.

SimpleITK reads what GDCM decodes, JPEG, JPEG 2000, JPEG-LS and RLE among it, and gives values
after the rescale of the header: Hounsfield units of CT.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError, MissingExtraError
from napari_samara.formats.dicom_grid import Slice, arranged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".dcm", ".dicom", ".ima")
"""How the names of such files end, where they end at all."""

_MAGIC, _PREAMBLE = b"DICM", 128

# Objects that lie beside the images of a study and are none.
_NO_IMAGES = ("SEG", "SR", "PR", "KO", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG")

_UID, _MODALITY, _DESCRIPTION = "0020|000e", "0008|0060", "0008|103e"
_POSITION, _ORIENTATION, _PIXELS = "0020|0032", "0020|0037", "0028|0030"
_GAP, _THICKNESS, _FRAMES = "0018|0088", "0018|0050", "0028|0008"


@dataclass(frozen=True, eq=False)
class DicomImage:
    """One image file, or the slices of a series in order.

    Attributes
    ----------
    files : tuple of Path
        Slice by slice, in the order of the planes.
    affine : numpy.ndarray or None
        (4, 4): (plane, row, col, 1) to millimetres right, anterior and superior; None for a
        single image without a place in space.
    """

    files: tuple[Path, ...]
    affine: NDArray[np.float64] | None


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM, whatever its name.

    Parameters
    ----------
    path : Path
        Of a file.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_PREAMBLE + len(_MAGIC))
    except OSError:
        return False
    return head[_PREAMBLE:] == _MAGIC


def open_dicom(path: Path) -> DicomImage:
    """Look at the headers of a series, or of a single image.

    Parameters
    ----------
    path : Path
        Folder with the files of one series; or one of its files, which stands for its series; or
        an image that is not part of a volume.

    Returns
    -------
    DicomImage
        Checked: one series, no slice missing, all at the same distance.

    Raises
    ------
    FileNotFoundError
        If there is no DICOM file in the folder.
    FileFormatError
        If it is cut off, holds several series, or its slices make no volume.
    MissingExtraError
        If SimpleITK is not installed.
    """
    folder = path if path.is_dir() else path.parent
    _require(path)
    wanted = None if path.is_dir() else _header(path)
    if wanted is not None and (wanted.frames > 1 or wanted.position is None):
        return DicomImage((path,), wanted.affine if wanted.frames > 1 else None)
    slices = _slices(folder)
    series = _by_series(slices)
    if wanted is not None:
        slices = series[wanted.series]
    elif len(series) > 1:
        raise FileFormatError(_several(folder, series))
    if not slices:
        raise FileNotFoundError(_nothing(folder))
    if len(slices) == 1 and (slices[0].frames > 1 or slices[0].position is None):
        one = slices[0]
        return DicomImage((one.path,), one.affine if one.frames > 1 else None)
    return DicomImage(*arranged(slices, folder))


def read_dicom(path: Path) -> tuple[NDArray[Any], str]:
    """Read a series, or a single image.

    Parameters
    ----------
    path : Path
        As for `open_dicom`.

    Returns
    -------
    array : numpy.ndarray
        (planes, rows, cols), planes ordered along their normal; (rows, cols) without a place in
        space; colours at the end.  Rescaled as the header says: int16 where that holds the
        values, else int32 or float32.
    axes : str
        A letter for each of its axes.

    Raises
    ------
    FileNotFoundError, FileFormatError, MissingExtraError
        As for `open_dicom`.
    """
    image = open_dicom(path)
    array = _stacked(image.files, path)
    axes = "ZYXS"[: array.ndim]
    if image.affine is None and array.shape[0] == 1:
        array, axes = array[0], axes[1:]
    return _narrowed(array), axes


def dicom_grid(path: Path) -> NDArray[np.float64] | None:
    """Read where the voxels of a series lie.

    Parameters
    ----------
    path : Path
        As for `open_dicom`.

    Returns
    -------
    numpy.ndarray or None
        As `DicomImage.affine`.

    Raises
    ------
    FileNotFoundError, FileFormatError, MissingExtraError
        As for `open_dicom`.
    """
    return open_dicom(path).affine


def _slices(folder: Path) -> list[Slice]:
    """Headers of all images in a folder."""
    found, unread = [], []
    for file in sorted(folder.iterdir()):
        if not file.is_file() or file.name.startswith(".") or file.name.upper() == "DICOMDIR":
            continue
        try:
            one = _header(file)
        except FileFormatError:
            if is_dicom(file):
                unread.append(file.name)
            continue
        if one.modality not in _NO_IMAGES:
            found.append(one)
    if unread and found:
        warnings.warn(
            f"{folder}: {len(unread)} DICOM files hold no image that can be read, the first is "
            f"{unread[0]}",
            RuntimeWarning,
            stacklevel=2,
        )
    return found


def _by_series(slices: Sequence[Slice]) -> dict[str, list[Slice]]:
    found: dict[str, list[Slice]] = {}
    for one in slices:
        found.setdefault(one.series, []).append(one)
    return found


def _several(folder: Path, series: dict[str, list[Slice]]) -> str:
    lines = [
        f"{len(mine)} of {mine[0].modality} {mine[0].description!r} ({mine[0].path.name})"
        for mine in series.values()
    ]
    return (
        f"{folder} holds {len(series)} series: {'; '.join(lines[:6])}; give one file of the series "
        "you want in place of the folder"
    )


def _nothing(folder: Path) -> str:
    inner = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    hint = f"; it has folders: {', '.join(inner[:4])}" if inner else ""
    return f"no image file in the folder {folder}: neither DICOM nor zarr{hint}"


def _header(path: Path) -> Slice:
    """Read the header of a file, without its pixels."""
    reader = _reader(path)
    try:
        reader.ReadImageInformation()
        said = {key: reader.GetMetaData(key).strip("\0 ") for key in reader.GetMetaDataKeys()}
    except (RuntimeError, UnicodeError) as error:
        raise FileFormatError(
            f"{path} cannot be read as DICOM: {' '.join(str(error).split())[-160:]}"
        ) from error
    size = reader.GetSize()
    frames = int(size[2]) if len(size) > 2 else 1
    try:
        return Slice(
            path,
            said.get(_UID, ""),
            said.get(_MODALITY, ""),
            said.get(_DESCRIPTION, ""),
            (int(size[1]), int(size[0])),
            max(frames, int(said.get(_FRAMES) or 1)),
            _numbers(said.get(_POSITION), 3),
            _numbers(said.get(_ORIENTATION), 6),
            _numbers(said.get(_PIXELS), 2),
            _numbers(said.get(_GAP) or said.get(_THICKNESS), 1),
            (reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()),
        )
    except ValueError as error:
        raise FileFormatError(f"{path}: its header cannot be read: {error}") from error


def _numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    """Numbers of an entry; None where there are not so many."""
    parts = [float(part) for part in (text or "").split("\\") if part.strip()]
    return tuple(parts) if len(parts) == count else None


def _pixels(path: Path) -> NDArray[Any]:
    """Values of one file, (planes, rows, cols), colours behind."""
    import SimpleITK

    try:
        array = np.asarray(SimpleITK.GetArrayFromImage(_reader(path).Execute()))
    except RuntimeError as error:
        raise FileFormatError(
            f"{path}: its pixels cannot be read, it is cut off or of a kind that GDCM does not "
            f"decode: {' '.join(str(error).split())[-160:]}"
        ) from error
    return array


def _stacked(files: Sequence[Path], path: Path) -> NDArray[Any]:
    """Read the files of `path` one by one, so that little more is held than what they become."""
    first = _pixels(files[0])
    if len(files) == 1:
        return first
    planes = len(first)
    array = np.empty((planes * len(files), *first.shape[1:]), _narrowed(first).dtype)
    for number, file in enumerate(files):
        part = _narrowed(_pixels(file) if number else first)
        if part.shape != first.shape:
            raise FileFormatError(f"{path}: its slices have several sizes")
        array = array.astype(np.promote_types(array.dtype, part.dtype), copy=False)
        array[number * planes : (number + 1) * planes] = part
    return array


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """`array` in the smallest of the types that are given."""
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype.itemsize == 1:
        return array
    low, high = int(array.min()), int(array.max())
    for kind in (np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind, copy=False)
    return array


def _reader(path: Path) -> Any:
    _require(path)
    import SimpleITK

    reader: Any = SimpleITK.ImageFileReader()  # type: ignore[no-untyped-call]
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    return reader


def _require(path: Path) -> None:
    try:
        import SimpleITK  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: DICOM files are read by SimpleITK, which is not installed; install it with "
            "pip install 'napari-samara[volumes]'"
        ) from error
