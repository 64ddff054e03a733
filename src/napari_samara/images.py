"""Image files and folders as arrays whose channels come last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_samara.errors import FileFormatError, ImageError, SamaraError
from napari_samara.formats.axis_view import AxisView
from napari_samara.formats.dicom import SUFFIXES as DICOM
from napari_samara.formats.dicom import is_dicom, read_dicom
from napari_samara.formats.ome_zarr import is_zarr, open_ome_zarr
from napari_samara.formats.picture import read_picture
from napari_samara.formats.tiff import read_tiff

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

# Letters that tifffile gives to axes of colours: channels of a detector, samples of a pixel.
_CHANNEL_AXES = "CS"


class ImageFile(NamedTuple):
    """Image of a file.

    Attributes
    ----------
    data : array
        Channels come last; that of a zarr folder or large TIFF is lazy.
    rgb : bool or None
        Whether the last axis holds channels; None where the file does not say.
    """

    data: Any
    rgb: bool | None = None


def read_image(
    path: str | os.PathLike[str],
    axes: str | None = None,
    channels: Sequence[int] | None = None,
) -> Any:
    """Image of a file or folder.

    Parameters
    ----------
    path : path-like
        ``.tif``, ``.tiff`` (OME-TIFF too), ``.png``, ``.jpg``, ``.jpeg``, ``.npy``, ``.nii`` or
        ``.nii.gz``; a folder of OME-Zarr or zarr, or one with the DICOM files of a series; a
        DICOM file, which stands for its series.  Of a TIFF with several images or resolutions the
        first and finest is read, and so of OME-Zarr unless the folder of another level is named
        (``image.ome.zarr/1``).  The axes of NIfTI are reversed: (planes, rows, cols) are
        (z, y, x).
    axes : str, optional
        One letter for each axis in the file, such as ``"ZCYX"``, where the file does not say or
        says it wrong.  Only C and S (channels) have a meaning here: that axis is moved to the end.
    channels : sequence of int, optional
        Channels to keep, in this order.

    Returns
    -------
    array, shape (rows, cols), (..., rows, cols) or either with channels at the end
        In the type of the file.  Of zarr, and of TIFF and NIfTI (``.nii``) over 1 GiB, only what is
        indexed is read; NPY files are mapped into memory; others are read whole.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no image in the folder.
    FileFormatError
        If it is cut off, of another format than its name says, or of one that is not read; if a
        folder holds several images, or slices that make no volume.
    ImageError
        If `axes` or `channels` do not fit the image.
    MissingExtraError
        If it is NIfTI or DICOM and the extra `volumes` is not installed.
    """
    return open_image(path, axes, channels).data


def open_image(
    path: str | os.PathLike[str],
    axes: str | None = None,
    channels: Sequence[int] | None = None,
) -> ImageFile:
    """Image of a file or folder, and whether its last axis holds channels.

    Parameters
    ----------
    path, axes, channels
        As for `read_image`.

    Returns
    -------
    ImageFile
        With the array that `read_image` returns.

    Raises
    ------
    FileNotFoundError, FileFormatError, ImageError, MissingExtraError
        As for `read_image`.
    """
    path = Path(path)
    reader = _reader_of(path)
    try:
        array, stored = reader(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is not None:  # the disk's complaint, which names the file
            raise
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    except SamaraError:
        raise
    except Exception as error:  # decoders of damaged files raise about anything
        raise FileFormatError(
            f"{path} cannot be read; it is cut off, damaged or of another format: {error}"
        ) from error
    if axes is not None:
        stored = axes.upper()
        if len(stored) != array.ndim or not stored.isalpha() or len(set(stored)) != len(stored):
            raise ImageError(
                f"axes {axes!r} need one letter, each once, for each axis of {path}, which has "
                f"shape {array.shape}"
            )
    return _arranged(array, stored, channels, path)


def _reader_of(path: Path) -> Callable[[Path], tuple[Any, str]]:
    """Return what reads a path, by what it is and how its name ends."""
    if path.is_dir():
        return _read_zarr if is_zarr(path) else read_dicom
    if not path.is_file():
        raise FileNotFoundError(f"no image file {path}")
    suffix = suffix_of(path)
    reader = _READERS.get(suffix)
    if reader is None and (suffix in DICOM or is_dicom(path)):
        reader = read_dicom
    if reader is None:
        raise FileFormatError(
            f"{path}: images are read from {', '.join(_READERS)} files, DICOM and OME-Zarr"
        )
    return reader


def suffix_of(path: Path) -> str:
    """Return what says the format of a file: the end of its name, in small letters.

    Parameters
    ----------
    path : Path
        Of a file.

    Returns
    -------
    str
        The last suffix, both of ``.nii.gz``.
    """
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _arranged(array: Any, axes: str, channels: Sequence[int] | None, path: Path) -> ImageFile:
    """`array` with the axis of channels at the end and only the chosen ones in it."""
    found = [axis for axis, letter in enumerate(axes) if letter in _CHANNEL_AXES]
    if len(found) > 1:
        raise ImageError(f"{path} has two axes of channels ({axes}); save it with one of them")
    if found:
        array = _moved_last(array, found[0])
    if channels is None:
        return ImageFile(array, bool(found) if axes else None)
    if array.ndim < 3 or (axes and not found):
        raise ImageError(
            f"{path} has no axis of channels (shape {array.shape}); leave channels out"
        )
    if min(channels, default=-1) < 0 or max(channels) >= array.shape[-1]:
        raise ImageError(f"channels {list(channels)} of {path}, which has {array.shape[-1]}")
    if isinstance(array, AxisView):
        return ImageFile(array.taking(channels), True)
    return ImageFile(array[..., list(channels)], True)


def _moved_last(array: Any, axis: int) -> Any:
    if not isinstance(array, AxisView):
        return np.moveaxis(array, axis, -1)
    order = array.order
    return AxisView(array.array, (*order[:axis], *order[axis + 1 :], order[axis]))


def _read_zarr(path: Path) -> tuple[AxisView, str]:
    return open_ome_zarr(path).view()


def _read_npy(path: Path) -> tuple[NDArray[Any], str]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of several arrays")
    return array, ""


def _read_nifti(path: Path) -> tuple[NDArray[Any], str]:
    from napari_samara.formats.nifti import read_nifti

    return read_nifti(path)


_READERS: dict[str, Callable[[Path], tuple[Any, str]]] = {
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".png": read_picture,
    ".jpg": read_picture,
    ".jpeg": read_picture,
    ".npy": _read_npy,
    ".nii": _read_nifti,
    ".nii.gz": _read_nifti,
}

READABLE = tuple(_READERS)
"""How the name of an image file may end."""
