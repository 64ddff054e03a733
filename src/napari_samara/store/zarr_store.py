"""Embeddings on disk: a zarr v3 directory that can be copied, with several writers at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.embedding import EmbeddingKey
from napari_samara.errors import OutputError, StoreError
from napari_samara.output import whole_file
from napari_samara.store.entry import (
    Entry,
    Narrowed,
    entry_of,
    halved,
    read_entry,
    size_of,
    write_entry,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.embedding import Embedding

FORMAT, VERSION = "samara-embeddings", 1
"""What the attributes of a store say."""

# Folders of writers that did not come to their end are removed after this many seconds.
_ABANDONED = 24 * 3600.0

# How often an entry is given its name while other processes replace the same damaged one.
_TRIES = 5


class ZarrStore:
    """One zarr group for each embedding, named by the digest of its key.

    A group is written under another name and renamed when it is whole; each array carries a
    checksum, since zarr reads a lost chunk as zeros.  Nothing in it depends on the machine: the
    folder can be copied, and several processes may write to it at once.

    Parameters
    ----------
    path : path-like
        Folder; made when the first embedding is put.
    precision : str
        ``"float16"`` (half the size; single maps that do not fit stay in 32 bits) or
        ``"float32"``.  What it changes in masks is in the documentation of volumes.

    half : callable
        Gives numbers in 16 bits, or None where one of them is too large; numpy's way is slow.

    Raises
    ------
    StoreError
        If there is something else at `path`, or the precision is neither of the two.
    """

    def __init__(
        self, path: str | os.PathLike[str], precision: str = "float16", half: Narrowed = halved
    ) -> None:
        self.path = Path(path)
        if precision not in ("float16", "float32"):
            raise StoreError(f"a store keeps float16 or float32, got {precision!r}")
        self._type, self._half = np.dtype(precision), half
        self._check()

    def __repr__(self) -> str:
        """Return the path."""
        return f"ZarrStore({str(self.path)!r}, {str(self._type)!r})"

    @property
    def nbytes(self) -> int:
        """Bytes of all files of the store."""
        return size_of(self.path)

    @property
    def itemsize(self) -> int:
        """Bytes of a number as it is kept."""
        return self._type.itemsize

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
        folder = self._folder(key)
        if not (folder / "zarr.json").is_file():
            return None
        with contextlib.suppress(StoreError):
            return read_entry(folder)
        return None

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
            write_entry(part, embedding, self._half if self.itemsize == 2 else np.asarray)
            self._publish(part, self._folder(embedding.key))
        except (OSError, RuntimeError) as error:
            raise StoreError(f"cannot write to the store {self.path}: {error}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry that can be read."""
        return isinstance(key, EmbeddingKey) and self.get(key) is not None

    def entries(self) -> Iterator[Entry]:
        """Describe the entries, damaged ones too, in order of their names.

        Yields
        ------
        Entry
            Without its numbers, which are not read.
        """
        for folder in self.folders():
            if folder.is_dir():  # another process may have removed it meanwhile
                yield entry_of(folder)

    def folders(self) -> list[Path]:
        """Return the folders of all entries, those of writers at work left out."""
        if not self.path.is_dir():
            return []
        inside = sorted(self.path.iterdir())
        return [folder for folder in inside if folder.is_dir() and folder.name[:1] != "."]

    def remove(self, name: str) -> None:
        """Remove an entry; others see it whole or not at all.

        Parameters
        ----------
        name : str
            As in `Entry.name`.

        Raises
        ------
        StoreError
            If the store must not be written to.
        """
        try:
            self._discard(self.path / name)
        except OSError as error:
            raise StoreError(f"cannot remove from the store {self.path}: {error}") from error

    def _folder(self, key: EmbeddingKey) -> Path:
        return self.path / key.digest()

    def _check(self) -> None:
        """Refuse a folder that holds something else."""
        about = self.path / "zarr.json"
        if not self.path.exists():
            return
        if self.path.is_dir() and all(_is_part(inside.name) for inside in self.path.iterdir()):
            return  # empty, or another process is just making it
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

    def _publish(self, part: Path, folder: Path) -> None:
        """Give a whole entry its name, in the place of a damaged one if need be."""
        for attempt in range(1, _TRIES + 1):
            try:
                os.rename(part, folder)
                return
            except OSError:
                if not folder.is_dir() and attempt == _TRIES:
                    raise
            with contextlib.suppress(StoreError):
                read_entry(folder)
                return  # another writer was first
            # Moved away before it is deleted: another process may be replacing it as well.
            with contextlib.suppress(FileNotFoundError):
                self._discard(folder)
        raise StoreError(f"the damaged entry {folder.name} cannot be replaced; remove it")

    def _discard(self, folder: Path) -> None:
        gone = self.path / f".part-{uuid.uuid4().hex}"
        os.rename(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def _is_part(name: str) -> bool:
    """Whether a file or folder is one that a writer has not come to the end of."""
    return name.startswith(".") and (".part-" in name or name.endswith(".part"))
