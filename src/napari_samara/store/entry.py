"""One embedding as a folder: a zarr v3 group that says what it is and whether it is whole.

Its arrays are the simplest that zarr v3 has, one chunk of plain bytes each, and are written and
read here without the library: that takes a tenth of its time, and importing it takes a second.
Arrays of another layout are left to the library.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.embedding import Embedding, EmbeddingKey
from napari_samara.errors import StoreError
from napari_samara.geometry import Frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

# What reading a damaged folder raises, in zarr, json and here; StoreError is an OSError.
_DAMAGE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, IndexError)


Narrowed: TypeAlias = "Callable[[NDArray[np.float32]], NDArray[Any] | None]"

# What stands between the parts of the name of the one chunk of an array, c.0.0.0: a file beside the
# description. Entries of the first releases have three folders more for each array.
_SEPARATOR, _FOLDERS = ".", "/"


@dataclass(frozen=True)
class Entry:
    """What is known of an entry without reading its numbers.

    Attributes
    ----------
    name : str
        Of its folder.
    key : EmbeddingKey or None
        What it depends on; None where that cannot be read.
    nbytes : int
        Of its files.
    modified : float
        When it was written, in seconds since 1970.
    """

    name: str
    key: EmbeddingKey | None
    nbytes: int
    modified: float


def write_entry(folder: Path, embedding: Embedding, narrowed: Narrowed) -> None:
    """Write an embedding into a new folder.

    Parameters
    ----------
    folder : Path
        Not there yet.
    embedding : Embedding
        With a key.
    narrowed : callable
        Gives the numbers of a feature map as they are kept; None where they do not fit, which
        stay in 32 bits.

    Raises
    ------
    OSError
        What the disk raises.
    """
    assert embedding.key is not None  # the store has looked
    frame = embedding.frame
    kept = {name: _kept(array, narrowed) for name, array in embedding.features.items()}
    about: dict[str, Any] = {
        "key": embedding.key.to_dict(),
        "frame": [frame.rows, frame.cols, frame.input_size],
        "crc32": {name: zlib.crc32(array.data) for name, array in kept.items()},
    }
    about["check"] = _check_of(about)
    folder.mkdir()
    for name, array in kept.items():
        (folder / name).mkdir()
        array.tofile(_chunk(folder / name, _SEPARATOR))
        _write_json(folder / name, _array_metadata(array.shape, array.dtype, _SEPARATOR))
    group = {"attributes": {"samara": about}, "zarr_format": 3, "node_type": "group"}
    _write_json(folder, group)


def read_entry(folder: Path) -> Embedding:
    """Read the embedding in a folder.

    Parameters
    ----------
    folder : Path
        As `write_entry` made it.

    Returns
    -------
    Embedding
        Whose key is the one that the folder is named after.

    Raises
    ------
    StoreError
        If it is damaged, half there, or of a later version.
    """
    try:
        key, about = _about(folder)
        features = {name: _read(folder / name, crc) for name, crc in about["crc32"].items()}
        return Embedding(features, Frame(*about["frame"]), key)
    except _DAMAGE as error:
        raise StoreError(f"the entry {folder.name} is damaged: {_short(error)}") from error


def entry_of(folder: Path) -> Entry:
    """Describe a folder without reading its numbers.

    Parameters
    ----------
    folder : Path
        Of an entry, damaged or not.

    Returns
    -------
    Entry
        With no key where it cannot be read.
    """
    try:
        key: EmbeddingKey | None = _about(folder)[0]
    except _DAMAGE:
        key = None
    try:
        modified = folder.stat().st_mtime
    except OSError:
        modified = 0.0
    return Entry(folder.name, key, size_of(folder), modified)


def size_of(folder: Path) -> int:
    """Count the bytes of all files under a folder; others may be writing and deleting there.

    Parameters
    ----------
    folder : Path
        May be missing.

    Returns
    -------
    int
        Of what is there.
    """
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue
    return total


def _about(folder: Path) -> tuple[EmbeddingKey, dict[str, Any]]:
    """Key and description of an entry, checked."""
    text = (folder / "zarr.json").read_text(encoding="utf-8")
    about: dict[str, Any] = json.loads(text)["attributes"]["samara"]
    key = EmbeddingKey.from_dict(about["key"])
    if key.digest() != folder.name:
        raise StoreError("its key is not the one it is named after")
    # Entries of the first release have no check.
    if "check" in about and about["check"] != _check_of(about):
        raise StoreError("what it says of itself was changed")
    return key, about


def _check_of(about: dict[str, Any]) -> int:
    said = {name: about[name] for name in ("key", "frame", "crc32")}
    return zlib.crc32(json.dumps(said, sort_keys=True).encode())


def _kept(array: NDArray[np.float32], narrowed: Narrowed) -> NDArray[Any]:
    """`array` in the byte order and the type of the store, where its numbers fit."""
    found = narrowed(array)
    kept: NDArray[Any] = array if found is None else found
    return kept.astype(kept.dtype.newbyteorder("<"), copy=False)


def halved(array: NDArray[np.float32]) -> NDArray[np.float16] | None:
    """Return numbers in 16 bits, None where one of them is too large.

    Parameters
    ----------
    array : ndarray of float32
        Any.
    """
    try:
        with np.errstate(over="raise"):
            return array.astype(np.float16)
    except FloatingPointError:
        return None


def _chunk(folder: Path, separator: str) -> Path:
    """Path of the one chunk of an array of three axes."""
    return folder / separator.join("c000")


def _array_metadata(shape: tuple[int, ...], dtype: np.dtype[Any], separator: str) -> dict[str, Any]:
    """Return what zarr v3 says of an array of one chunk without compression."""
    return {
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shape)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": separator}},
        "fill_value": 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {},
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def _read(folder: Path, crc: int) -> NDArray[np.float32]:
    """Feature map in a folder, checked: a chunk that is lost would be zeros to zarr."""
    said = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
    shape, dtype = tuple(said["shape"]), np.dtype(said["data_type"])
    for separator in (_SEPARATOR, _FOLDERS):
        if said == _array_metadata(shape, dtype, separator):
            chunk = _chunk(folder, separator)
            array = np.fromfile(chunk, dtype.newbyteorder("<")).reshape(shape)
            break
    else:
        array = _read_by_library(folder)
    if zlib.crc32(array.data) != crc:
        raise StoreError(f"the numbers of the feature map {folder.name} were changed or lost")
    return array.astype(np.float32, copy=False)


def _read_by_library(folder: Path) -> NDArray[Any]:
    import zarr  # slow to import, and seldom needed

    array: Any = zarr.open_array(str(folder), mode="r", zarr_format=3)
    return np.ascontiguousarray(array[...])


def _write_json(folder: Path, data: dict[str, Any]) -> None:
    (folder / "zarr.json").write_text(json.dumps(data), encoding="utf-8")


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:200] if isinstance(error, StoreError) else f"{type(error).__name__} {text[:200]}"
