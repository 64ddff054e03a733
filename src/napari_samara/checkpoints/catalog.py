"""The checkpoints known by name: where they come from, under which licence, and their digests.

A digest stands here only where the publisher, or several independent users of the very file,
state it. Where none is stated, the digest of the first download is written beside the file and
enforced from then on.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.checkpoints.cache import models_dir
from napari_samara.checkpoints.digest import file_digest, folder_digest
from napari_samara.checkpoints.download import download
from napari_samara.checkpoints.entries import ENTRIES, Entry
from napari_samara.errors import (
    CheckpointNotFoundError,
    ChecksumError,
    DownloadError,
)

if TYPE_CHECKING:
    from napari_samara.checkpoints.transfer import Reporter, Source

SHIPPED_FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
_SHIPPED = Path(__file__).parent / "data"


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint of the catalog, and whether it is here.

    Attributes
    ----------
    name : str
        What `load` takes.
    family : str
        As in `Checkpoint.family`.
    size_mb : float
        Approximate size of the download, 10**6 bytes.
    licence : str
        SPDX identifier of the weights.
    sha256 : str or None
        Published, or recorded at the first download; None if neither.
    path : Path or None
        The file (the folder for a shipped checkpoint) on this machine, None if it is not here.
    description : str
        What it was trained for.
    sources : tuple of Source
        Where it can be had, in the order they are tried; empty for shipped ones.
    unscaled : bool
        Whether it was trained on values in 0..1 without SAM's mean and standard deviation.
    """

    name: str
    family: str
    size_mb: float
    licence: str
    sha256: str | None
    path: Path | None
    description: str
    sources: tuple[Source, ...] = ()
    unscaled: bool = False

    @property
    def folder(self) -> Path:
        """Folder where this checkpoint is looked for."""
        return _folder(self.name, self.sources)


def list_checkpoints() -> tuple[CheckpointInfo, ...]:
    """Return the whole catalog; no network is used, no downloaded file is read in full.

    Returns
    -------
    tuple of CheckpointInfo
        Shipped ones first.
    """
    return tuple(_info(entry) for entry in ENTRIES)


def find_checkpoint(name: str) -> CheckpointInfo:
    """Look one checkpoint up.

    Parameters
    ----------
    name : str
        Catalog name; case and ``_`` for ``-`` do not matter.

    Returns
    -------
    CheckpointInfo
        With its present path.

    Raises
    ------
    CheckpointNotFoundError
        No such name; the message lists the names.
    """
    wanted = name.lower().replace("_", "-")
    for entry in ENTRIES:
        if entry.name == wanted:
            return _info(entry)
    names = ", ".join(entry.name for entry in ENTRIES)
    raise CheckpointNotFoundError(
        f"no checkpoint called {name!r}, and no file or folder of that path; known: {names}"
    )


def fetch_checkpoint(name: str, reporter: Reporter | None = None) -> Path:
    """Return the local path of a checkpoint, downloading it if it is not here.

    Parameters
    ----------
    name : str
        Catalog name.
    reporter : Reporter or None
        Progress and cancellation of the download.

    Returns
    -------
    Path
        File, or folder of a shipped checkpoint.

    Raises
    ------
    CheckpointNotFoundError
        Unknown name, or a shipped checkpoint whose files are missing.
    DownloadError
        The download failed (`OfflineError`, `ChecksumError` among others); all addresses were
        tried.
    """
    info = find_checkpoint(name)
    if info.path is not None:
        return info.path
    if not info.sources:
        raise CheckpointNotFoundError(
            f"{info.name} is part of napari-samara but {info.folder} lacks "
            f"{_missing(info.folder)}; install the package again"
        )
    failures: list[DownloadError] = []
    for source in info.sources:
        try:
            path = download(source, info.folder, reporter)
        except DownloadError as error:
            failures.append(error)
        else:
            if source.sha256 is None:
                _pin(path, source)
            return path
    raise type(failures[0])("; or ".join(str(f) for f in failures)) from failures[-1]


def verify_checkpoint(name: str) -> str:
    """Compare the local files of a checkpoint with its digest.

    Parameters
    ----------
    name : str
        Catalog name.

    Returns
    -------
    str
        The digest. Where none was known before, it is recorded and enforced from now on.

    Raises
    ------
    CheckpointNotFoundError
        Unknown name, or not on this machine.
    ChecksumError
        The file changed; it is left where it is.
    """
    info = find_checkpoint(name)
    if info.path is None:
        raise CheckpointNotFoundError(
            f"{info.name} is not on this machine; looked in {info.folder}"
        )
    if not info.sources:
        return folder_digest(info.path, SHIPPED_FILES)
    found = file_digest(info.path)
    if info.sha256 is not None:
        _expect("sha256", found, info.sha256, info.path)
        return found
    source = next(s for s in info.sources if s.filename == info.path.name)
    if source.md5 is not None:
        _expect("md5", file_digest(info.path, "md5"), source.md5, info.path)
    _pin(info.path, source)
    return found


def _expect(algorithm: str, found: str, expected: str, path: Path) -> None:
    if found != expected:
        raise ChecksumError(
            f"{path} has {algorithm} {found}, expected {expected}: it changed or was cut off; "
            "move it away to download it again"
        )


def _info(entry: Entry) -> CheckpointInfo:
    folder = _folder(entry.name, entry.sources)
    info = CheckpointInfo(
        name=entry.name,
        family=entry.family,
        size_mb=entry.size_mb,
        licence=entry.licence,
        sha256=next((s.sha256 for s in entry.sources), None),
        path=None,
        description=entry.description,
        sources=entry.sources,
        unscaled=entry.unscaled,
    )
    if not entry.sources:
        return info if _missing(folder) else _shipped(info, folder)
    for source in entry.sources:
        path = folder / source.filename
        if path.is_file():
            return replace(info, path=path, sha256=source.sha256 or _pinned(path))
    return info


def _shipped(info: CheckpointInfo, folder: Path) -> CheckpointInfo:
    nbytes = sum((folder / name).stat().st_size for name in SHIPPED_FILES)
    digest = folder_digest(folder, SHIPPED_FILES)
    return replace(info, path=folder, size_mb=round(nbytes / 1e6, 1), sha256=digest)


def _folder(name: str, sources: tuple[Source, ...]) -> Path:
    return models_dir() / name if sources else _SHIPPED / name


def _missing(folder: Path) -> str:
    return ", ".join(name for name in SHIPPED_FILES if not (folder / name).is_file())


def _pin_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256.json")


def _pinned(path: Path) -> str | None:
    """Digest recorded beside a file, if there is one."""
    note: Any = None
    with contextlib.suppress(OSError, ValueError):
        note = json.loads(_pin_path(path).read_text(encoding="utf-8"))
    digest = note.get("sha256") if isinstance(note, dict) else None
    return digest if isinstance(digest, str) else None


def _pin(path: Path, source: Source) -> None:
    """Record the digest of a file beside it."""
    note = {"sha256": file_digest(path), "size": path.stat().st_size, "url": source.url}
    temporary = _pin_path(path).with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(note, indent=1), encoding="utf-8")
        os.replace(temporary, _pin_path(path))
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DownloadError(f"cannot record the digest beside {path}: {error}") from error
