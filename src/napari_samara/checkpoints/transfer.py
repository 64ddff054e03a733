"""Bring the bytes of an address into a part file, going on where an earlier call stopped."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, TYPE_CHECKING, Any

from napari_samara.errors import CancelledError, ChecksumError, DownloadError, OfflineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from pathlib import Path

_BLOCK = 1 << 18
_TIMEOUT_S = 30.0
_ATTEMPTS = 4
_PAUSE_S = 0.5


@dataclass(frozen=True)
class Source:
    """One place a file can be had from, and what is known of the file.

    Attributes
    ----------
    url : str
        An http or https address.
    filename : str
        Name the file keeps on disk.
    size : int or None
        Exact bytes.
    sha256, md5 : str or None
        Published digests; None where the publisher gives none.
    """

    url: str
    filename: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None

    def by_hand(self, folder: Path) -> str:
        """Say how to put the file in place without this program.

        Parameters
        ----------
        folder : Path
            Folder the program looks into.

        Returns
        -------
        str
            Address, target and expected digest.
        """
        if self.sha256 or self.md5:
            check = f"sha256 {self.sha256}" if self.sha256 else f"md5 {self.md5}"
        else:
            check = "no digest is published"
        return f"to copy it by hand: {self.url} -> {folder / self.filename} ({check})"


@dataclass(frozen=True)
class Reporter:
    """What a long job tells its caller, and asks of it.

    Attributes
    ----------
    progress : callable or None
        Called as ``progress(done, total)`` in bytes; `total` is 0 while unknown.
    cancelled : callable or None
        Returns True once the user wants the job to stop.
    """

    progress: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None

    def tell(self, done: int, total: int) -> None:
        """Pass on how far the job is; raise `CancelledError` if it is to stop.

        Parameters
        ----------
        done, total : int
            Bytes.
        """
        if self.progress is not None:
            self.progress(done, total)
        if self.cancelled is not None and self.cancelled():
            raise CancelledError(f"stopped after {done} of {total} bytes; the rest can be resumed")


def fetch(source: Source, part: Path, reporter: Reporter) -> None:
    """Bring `part` to its full length, going on after broken connections.

    Parameters
    ----------
    source : Source
        What to fetch.
    part : Path
        Grows; what it holds from an earlier call is kept if the server still has that file.
    reporter : Reporter
        Progress and cancellation.

    Raises
    ------
    OfflineError
        The server cannot be reached.
    ChecksumError
        The server offers a file of another size.
    DownloadError
        The server refuses, or broke off too often.
    OSError
        The part cannot be written.
    CancelledError
        The reporter asked to stop.
    """
    failure: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_S * attempt)
        try:
            if _transfer(source, part, reporter):
                return
            failure = ConnectionError("the connection ended early")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:
                raise DownloadError(
                    f"{source.url} answered {error.code} {error.reason}; "
                    f"{source.by_hand(part.parent)}"
                ) from error
            failure = error
        except urllib.error.URLError as error:
            if not isinstance(error.reason, TimeoutError):
                raise OfflineError(
                    f"cannot reach {source.url} ({error.reason}); {source.by_hand(part.parent)}"
                ) from error
            failure = error
        except (HTTPException, ConnectionError, TimeoutError) as error:
            failure = error
    raise DownloadError(
        f"{source.url} broke off {_ATTEMPTS} times ({failure}); {source.by_hand(part.parent)}"
    ) from failure


def _transfer(source: Source, part: Path, reporter: Reporter) -> bool:
    """One request; True once the part is complete."""
    headers = {"User-Agent": "napari-samara", "Accept-Encoding": "identity"}
    resume = _resume_headers(source, part)
    request = urllib.request.Request(source.url, headers=headers | resume)
    if request.type not in {"http", "https"}:
        raise DownloadError(f"{source.url} is no http or https address")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not resume:
            raise
        error.close()
        part.unlink()  # the server's file is shorter than what we have: begin again
        return False
    with response:
        done = part.stat().st_size if response.status == 206 else 0
        total = _total(response, done)
        if total is None:
            part.unlink()  # it sends another range than was asked for: begin again
            return False
        _check_offer(source, total, part)
        _write_note(part, source, response, total)
        with part.open("r+b" if done else "wb") as stream:
            stream.seek(done)
            done = _copy(response, stream, total, reporter)
    return done == total or (total == 0 and done > 0)


def _copy(response: HTTPResponse, stream: IO[bytes], total: int, reporter: Reporter) -> int:
    done = stream.tell()
    reporter.tell(done, total)
    while block := _read(response):
        stream.write(block)
        done += len(block)
        reporter.tell(done, total)
    stream.flush()
    os.fsync(stream.fileno())
    return done


def _read(response: HTTPResponse) -> bytes:
    """Next bytes; whatever goes wrong is the connection's fault, not the disk's."""
    try:
        return response.read(_BLOCK)
    except (OSError, HTTPException) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error


def _total(response: HTTPResponse, done: int) -> int | None:
    """Full length of the file, 0 where it is not told, None where the range is a wrong one."""
    if response.status != 206:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else 0
    span, _, length = response.headers.get("Content-Range", "").partition("/")
    if not span.startswith(f"bytes {done}-"):
        return None
    return int(length) if length.isdigit() else 0


def _check_offer(source: Source, total: int, part: Path) -> None:
    if source.size and total and total != source.size:
        raise ChecksumError(
            f"{source.url} offers {total} bytes, {source.filename} has {source.size}: a changed "
            f"file or a login page; {source.by_hand(part.parent)}"
        )
    needed = (source.size or total) - (part.stat().st_size if part.exists() else 0)
    if needed > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, "the file does not fit")


def note_path(part: Path) -> Path:
    """Return where it is kept which file of the server a part belongs to.

    Parameters
    ----------
    part : Path
        The part file.

    Returns
    -------
    Path
        A json file beside it.
    """
    return part.with_name(f"{part.name}.json")


def _write_note(part: Path, source: Source, response: HTTPResponse, total: int) -> None:
    """Remember what identifies the server's file, for a later resume."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else ""
    note = {
        "url": source.url,
        "validator": validator or response.headers.get("Last-Modified", ""),
        "total": total,
    }
    note_path(part).write_text(json.dumps(note), encoding="utf-8")


def _resume_headers(source: Source, part: Path) -> dict[str, str]:
    """Headers that ask for what is missing, or none if the part cannot be trusted."""
    note: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        note = json.loads(note_path(part).read_text(encoding="utf-8"))
    have = part.stat().st_size if part.exists() else 0
    if not have or note.get("url") != source.url or not note.get("validator"):
        return {}
    if have >= note.get("total", 0) > 0:  # complete but never checked: let the server decide
        return {}
    return {"Range": f"bytes={have}-", "If-Range": str(note["validator"])}
