"""Labels in an OME-Zarr folder, written box by box: for volumes larger than memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_samara.errors import FileFormatError, ImageError, OutputError
from napari_samara.formats.ome_metadata import label_attributes, listed_labels, version_beside
from napari_samara.formats.ome_zarr import is_zarr, open_ome_zarr
from napari_samara.formats.stored_labels import StoredLabels
from napari_samara.volumes import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


SUFFIX = ".zarr"
"""How the name of such a folder ends; of one in the group `labels` of an image it may not."""

# Of a chunk along plane, row and column: planes are painted one by one, in boxes.
_CHUNK = (8, 256, 256)


def is_label_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether labels under a name are written as OME-Zarr.

    Parameters
    ----------
    path : path-like
        Ends in ``.zarr``, or lies in the group ``labels`` of an OME-Zarr image.
    """
    path = Path(path)
    return path.suffix.lower() == SUFFIX or _in_image(path)


def open_labels(path: str | os.PathLike[str]) -> StoredLabels:
    """Open labels that are there, to be changed in place.

    Parameters
    ----------
    path : path-like
        Of an OME-Zarr label image, or a plain zarr array.

    Returns
    -------
    StoredLabels
        Of its finest level.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    FileFormatError
        If it is no label image.
    OutputError
        If it must not be written to.
    """
    import zarr

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no labels {path}")
    if not is_zarr(path):
        raise FileFormatError(f"{path} is no zarr folder; labels are changed in place in those")
    found = open_ome_zarr(path)
    view, axes = found.view()
    if axes and view.ndim != len(found.array.shape):
        raise FileFormatError(
            f"{path} has axes {found.axes} of one place (shape {found.array.shape}); give labels "
            f"of the axes {axes} alone"
        )
    if np.dtype(found.array.dtype).kind not in "iu":
        raise FileFormatError(f"{path} holds {found.array.dtype}; labels are whole numbers")
    folder = Path(found.array.store.root)
    if not os.access(folder, os.W_OK):
        raise OutputError(f"no permission to write the labels {path}")
    try:
        array = zarr.open_array(str(folder / found.array.path), mode="r+")
    except OSError as error:
        raise OutputError(f"cannot write the labels {path}: {error}") from error
    return StoredLabels(array, path)


def create_labels(
    path: str | os.PathLike[str],
    shape: Sequence[int],
    grid: Grid | None = None,
    dtype: Any = np.int32,
) -> StoredLabels:
    """Make an OME-Zarr label image of zeros, which take no room.

    Parameters
    ----------
    path : path-like
        Where there is nothing yet; in the group ``labels`` of an OME-Zarr image it is listed
        there and has the version of the image, elsewhere it is version 0.5.
    shape : sequence of int
        Of two to four axes: (t, z, y, x), the first ones left out.
    grid : Grid, optional
        Spacing of z, y and x, unit and place.
    dtype : data type
        Of whole numbers.

    Returns
    -------
    StoredLabels
        Open for writing.

    Raises
    ------
    ImageError
        If there are more axes.
    OutputError
        If there is something, or nothing can be written there.
    """
    path = Path(path)
    labels = _created(path, shape, grid, dtype)
    if _in_image(path):
        listed_labels(path, labels.array.metadata.zarr_format)
    return labels


def _in_image(path: Path) -> bool:
    return path.parent.name == "labels" and is_zarr(path.parent.parent)


def _created(path: Path, shape: Sequence[int], grid: Grid | None, dtype: Any) -> StoredLabels:
    """Make labels that no image knows of yet."""
    import zarr

    shape = tuple(int(size) for size in shape)
    if not 2 <= len(shape) <= 4:
        raise ImageError(f"labels of OME-Zarr have two to four axes, got shape {shape}")
    if path.exists():
        raise OutputError(f"cannot make the labels {path}: there is something of that name")
    version, axes = version_beside(path), "tzyx"[-len(shape) :]
    kind: Literal[2, 3] = 2 if version == "0.4" else 3
    chunk = tuple(min(a, b) for a, b in zip(shape, (1, *_CHUNK)[-len(shape) :], strict=True))
    options: dict[str, Any] = {"dimension_names": list(axes)} if kind == 3 else {}
    try:
        if _in_image(path):
            path.parent.mkdir(exist_ok=True)
        attributes = label_attributes(path, version, axes, grid or Grid())
        group = zarr.create_group(str(path), zarr_format=kind, attributes=attributes)
        array = group.create_array(
            "0",
            shape=shape,
            dtype=np.dtype(dtype),
            chunks=chunk,
            fill_value=0,
            chunk_key_encoding={
                "name": "v2" if kind == 2 else "default",
                "separator": "/",
            },
            **options,
        )
    except OSError as error:
        raise OutputError(f"cannot make the labels {path}: {error.strerror or error}") from error
    return StoredLabels(array, path, highest=0)


@contextlib.contextmanager
def whole_labels(
    path: str | os.PathLike[str],
    shape: Sequence[int],
    grid: Grid | None = None,
    dtype: Any = np.int32,
) -> Iterator[StoredLabels]:
    """Write an OME-Zarr label image under another name, and rename it at the end.

    Parameters
    ----------
    path : path-like
        Where it is to appear; a label image that is there is replaced, anything else is not.
    shape, grid, dtype
        As for `create_labels`.

    Yields
    ------
    StoredLabels
        Zeros, to be written to; after the end they lie at `path`.

    Raises
    ------
    ImageError, OutputError
        As for `create_labels`.
    """
    path = Path(path)
    require_label_folder(path)
    mark = uuid.uuid4().hex[:12]
    part = path.with_name(f".{path.name}.{mark}.part{SUFFIX}")
    old = path.with_name(f".{path.name}.{mark}.old")
    try:
        labels = _created(part, shape, grid, dtype)
        yield labels
        if path.exists():
            os.replace(path, old)
        os.replace(part, path)
        opened = open_labels(path)
        labels.array, labels.path = opened.array, path
        if _in_image(path):
            listed_labels(path, labels.array.metadata.zarr_format)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for left in (part, old):
            shutil.rmtree(left, ignore_errors=True)


def require_label_folder(path: str | os.PathLike[str]) -> None:
    """Check that labels can be written to a folder, before hours are spent on them.

    Parameters
    ----------
    path : path-like
        Of the folder to be written.

    Raises
    ------
    OutputError
        If there is something else than labels, or the folder above may not be written to.
    """
    path = Path(path)
    if path.exists() and not _holds_labels(path):
        raise OutputError(f"{path} is there and holds no labels; give another name")
    above = path.absolute().parent
    if above.name == "labels" and not above.exists():  # made with the first labels of an image
        above = above.parent
    if not above.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {above}")
    if not os.access(above, os.W_OK):
        raise OutputError(f"cannot write {path}: no permission to write in {above}")


def _holds_labels(path: Path) -> bool:
    import zarr

    try:
        attributes = dict(zarr.open_group(str(path), mode="r").attrs)
    except (OSError, ValueError, KeyError):
        return False
    inner = attributes.get("ome")
    return "image-label" in (inner if isinstance(inner, dict) else attributes)
