"""Embeddings on disk: a zarr v3 directory that can be copied, with several writers at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.embedding import Embedding, EmbeddingKey
from napari_samara.errors import OutputError, StoreError
from napari_samara.geometry import Frame
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT, VERSION = "samara-embeddings", 1
"""What the attributes of a store say."""

# Folders of writers that did not come to their end are removed after this many seconds.
_ABANDONED = 24 * 3600.0


class ZarrStore:
    """One zarr group for each embedding, named by the digest of its key.

    A group is written under another name and renamed when it is whole; each array carries a
    checksum, since zarr reads a lost chunk as zeros.

    Parameters
    ----------
    path : path-like
        Folder; made when the first embedding is put.
    precision : str
        ``"float16"`` (half the size; single maps that do not fit stay in 32 bits) or
        ``"float32"``.

    Raises
    ------
    StoreError
        If there is something else at `path`, or the precision is neither of the two.
    """

    def __init__(self, path: str | os.PathLike[str], precision: str = "float16") -> None:
        self.path = Path(path)
        if precision not in ("float16", "float32"):
            raise StoreError(f"a store keeps float16 or float32, got {precision!r}")
        self._type = np.dtype(precision)
        self._check()

    def __repr__(self) -> str:
        """Return the path."""
        return f"ZarrStore({str(self.path)!r}, {str(self._type)!r})"

    @property
    def nbytes(self) -> int:
        """Bytes of all files of the store."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """Return the embedding of a key.

        Parameters
        ----------
        key : EmbeddingKey
            Of the plane, contrast and checkpoint.

        Returns
        -------
        Embedding or None
            None where there is none, or one that is damaged or only half there.
        """
        import zarr  # slow to import, and not needed in a session without a store

        folder = self._folder(key)
        if not (folder / "zarr.json").is_file():
            return None
        try:
            group = zarr.open_group(str(folder), mode="r", zarr_format=3)
            about: Any = group.attrs["samara"]
            if EmbeddingKey.from_dict(about["key"]) != key:
                return None
            features = {name: _read(group, name, crc) for name, crc in about["crc32"].items()}
            return Embedding(features, Frame(*about["frame"]), key)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError):
            return None  # a copy that is not whole, or of a later version

    def put(self, embedding: Embedding) -> None:
        """Write an embedding; where its key is there already, nothing is written.

        Parameters
        ----------
        embedding : Embedding
            With a key.

        Raises
        ------
        StoreError
            If it has no key, or the disk is full or must not be written to.
        """
        if embedding.key is None:
            raise StoreError("an embedding without a key cannot be stored; embed it with its key")
        if embedding.key in self:
            return
        part = self.path / f".part-{uuid.uuid4().hex}"
        try:
            self._begin()
            self._write(part, embedding)
            self._publish(part, self._folder(embedding.key))
        except (OSError, RuntimeError) as error:
            raise StoreError(f"cannot write to the store {self.path}: {error}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry that can be read."""
        return isinstance(key, EmbeddingKey) and self.get(key) is not None

    def _folder(self, key: EmbeddingKey) -> Path:
        return self.path / key.digest()

    def _check(self) -> None:
        """Refuse a folder that holds something else."""
        about = self.path / "zarr.json"
        if self.path.is_dir() and not any(self.path.iterdir()):
            return
        if not self.path.exists():
            return
        try:
            attributes = json.loads(about.read_text(encoding="utf-8"))["attributes"]
            found = attributes["format"], attributes["version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self.path} is no store of embeddings; give a new or empty folder"
            ) from error
        if found != (FORMAT, VERSION):
            raise StoreError(f"{self.path} holds {found}; this release reads {(FORMAT, VERSION)}")

    def _begin(self) -> None:
        """Make the folder and clear away what writers that were killed left behind."""
        self.path.mkdir(parents=True, exist_ok=True)
        about = self.path / "zarr.json"
        if not about.is_file():
            attributes = {"format": FORMAT, "version": VERSION}
            text = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
            with contextlib.suppress(OutputError), whole_file(about) as part:
                part.write_text(json.dumps(text), encoding="utf-8")
        for old in self.path.glob(".part-*"):
            with contextlib.suppress(OSError):
                if time.time() - old.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(old, ignore_errors=True)

    def _write(self, part: Path, embedding: Embedding) -> None:
        import zarr

        assert embedding.key is not None  # `put` has looked
        frame = embedding.frame
        kept = {name: self._kept(array) for name, array in embedding.features.items()}
        about: dict[str, Any] = {
            "key": embedding.key.to_dict(),
            "frame": [frame.rows, frame.cols, frame.input_size],
            "crc32": {name: zlib.crc32(array.tobytes()) for name, array in kept.items()},
        }
        group = zarr.open_group(str(part), mode="w", zarr_format=3, attributes={"samara": about})
        for name, array in kept.items():
            group.create_array(name, data=array, chunks=array.shape, compressors=None)

    def _kept(self, array: NDArray[np.float32]) -> NDArray[Any]:
        """`array` in the type of the store, where its numbers fit."""
        with np.errstate(over="ignore"):
            small = array.astype(self._type)
        return small if np.isfinite(small).all() else array

    def _publish(self, part: Path, folder: Path) -> None:
        """Give a whole entry its name, in the place of a damaged one if need be."""
        try:
            os.rename(part, folder)
        except OSError:
            if folder.is_dir():  # another writer was first, or what is there is damaged
                if not (folder / "zarr.json").is_file() or self._damaged(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    os.rename(part, folder)
                return
            raise

    def _damaged(self, folder: Path) -> bool:
        """Whether no embedding can be read from a folder."""
        try:
            about = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
            key = EmbeddingKey.from_dict(about["attributes"]["samara"]["key"])
        except (OSError, ValueError, KeyError, TypeError):
            return True
        return self.get(key) is None


def _read(group: Any, name: str, crc: int) -> NDArray[np.float32]:
    """Feature map of a group, checked."""
    array = np.ascontiguousarray(group[name][...])
    if zlib.crc32(array.tobytes()) != crc:
        raise ValueError(f"feature map {name} is damaged")
    return array.astype(np.float32, copy=False)
