"""Fetch one file: resumed where it stopped, checked, and only then given its name."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from napari_samara.checkpoints.cache import offline
from napari_samara.checkpoints.digest import file_digest
from napari_samara.checkpoints.transfer import Reporter, Source, fetch, note_path
from napari_samara.errors import CancelledError, ChecksumError, DownloadError, OfflineError
from napari_samara.file_lock import FileBusyError, locked

if TYPE_CHECKING:
    from pathlib import Path


def download(source: Source, folder: Path, reporter: Reporter | None = None) -> Path:
    """Fetch `source` into `folder`.

    The bytes go to ``<filename>.part``, which a later call resumes with an HTTP range if the
    server still has the same file. Size and digests are checked before the file gets its name.

    Parameters
    ----------
    source : Source
        What to fetch.
    folder : Path
        Made if missing.
    reporter : Reporter or None
        Progress and cancellation.

    Returns
    -------
    Path
        The finished file.

    Raises
    ------
    OfflineError
        ``HF_HUB_OFFLINE`` is set, or the server cannot be reached.
    ChecksumError
        The bytes are not those of `source`; they are kept as ``<filename>.bad``.
    DownloadError
        Anything else: refused by the server, cut off repeatedly, disk full, busy.
    CancelledError
        The reporter asked to stop.
    """
    if offline():
        raise OfflineError(
            f"{source.filename} is not here and HF_HUB_OFFLINE forbids the network; "
            f"{source.by_hand(folder)}"
        )
    part = folder / f"{source.filename}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{source.filename}.lock"):
            target = folder / source.filename
            if target.exists():  # another process was faster
                return target
            fetch(source, part, reporter or Reporter())
            _check(source, part)
            os.replace(part, target)
            note_path(part).unlink(missing_ok=True)
            return target
    except FileBusyError as error:
        raise DownloadError(
            f"another process is downloading {source.filename} into {folder}; wait for it"
        ) from error
    except (DownloadError, CancelledError):
        raise
    except OSError as error:
        raise DownloadError(_disk_problem(error, source, folder)) from error


def _disk_problem(error: OSError, source: Source, folder: Path) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"no space left in {folder} for {source.filename}; free some and call again (the part "
            "that is here is resumed) or set SAMARA_CACHE to a larger disk"
        )
    return f"cannot write {source.filename} into {folder}: {error}; {source.by_hand(folder)}"


def _check(source: Source, part: Path) -> None:
    problems = []
    size = part.stat().st_size
    if source.size is not None and size != source.size:
        problems.append(f"size {size}, expected {source.size}")
    for algorithm, expected in (("sha256", source.sha256), ("md5", source.md5)):
        if expected and not problems:
            found = file_digest(part, algorithm)
            if found != expected:
                problems.append(f"{algorithm} {found}, expected {expected}")
    if not problems:
        return
    bad = part.with_name(f"{source.filename}.bad")
    os.replace(part, bad)
    raise ChecksumError(
        f"{source.url} is not the file it should be: {problems[0]}. What came was kept as {bad}; "
        f"{source.by_hand(part.parent)}"
    )
