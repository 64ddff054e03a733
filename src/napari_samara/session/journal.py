"""The journal: every lasting step is on the disk before it counts.

A folder holds ``session.samara.json``, whole at any time, and ``session.journal``, one JSON line
for each step since.  Lines carry rising numbers, and the session file says which it has: killed
between writing one and emptying the other, nothing is done twice.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.errors import FileFormatError, OutputError, SessionError
from napari_samara.file_lock import FileBusyError, locked
from napari_samara.output import whole_file
from napari_samara.session.log import Log
from napari_samara.session.record import SavedSession, read_session, sync_folder, write_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.held import Held

SESSION_FILE = "session.samara.json"
JOURNAL_FILE = "session.journal"
_LOCK_FILE = "session.lock"

# Lines after which the session file is written anew, so that resuming stays quick.
_COMPACT_AFTER = 2000


class Journal:
    """A folder that one session writes to.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    SessionError
        If another session writes to it.
    OutputError
        If it cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._log: Log | None = None
        self._lines = 0
        self._size = 0
        self._handle: int | None = None
        self._closed = False
        self._lock = contextlib.ExitStack()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.enter_context(locked(self.folder / _LOCK_FILE))
        except FileBusyError as error:
            raise SessionError(
                f"another session writes to {self.folder}; close it or choose another folder"
            ) from error
        except OSError as error:
            raise OutputError(f"cannot write to {self.folder}: {error.strerror}") from error

    @property
    def begun(self) -> bool:
        """Whether there is a session file to append to."""
        return self._log is not None

    def begin(self, saved: SavedSession) -> None:
        """Start with a session, in the place of what was in the folder.

        Parameters
        ----------
        saved : SavedSession
            Perhaps without a step.

        Raises
        ------
        OutputError
            If it cannot be written; the folder is as it was then.
        SessionError
            If the journal is closed.
        """
        if self._closed:
            raise SessionError(f"the annotation in {self.folder} is closed; open it again")
        if self._log is not None:  # killed before the next line, no line that is there counts
            saved = replace(saved, sequence=max(saved.sequence, self._log.sequence))
        write_session(self.folder / SESSION_FILE, saved)
        self._empty()
        self._log = Log.of(saved)

    def append(
        self, line: Mapping[str, Any], durable: bool = True, held: Held | None = None
    ) -> None:
        """Write a line; it is on the disk when this returns.

        Parameters
        ----------
        line : mapping
            As `Log.take` reads it, without its number.
        durable : bool
            Whether to wait for the disk; without, it outlives this process but perhaps not the
            machine.
        held : Held, optional
            What is not accepted yet from then on, where it need not be read from the line.

        Raises
        ------
        OutputError
            If the disk is full or gone; nothing is added then.
        SessionError
            If the journal is closed.
        """
        log = self._log
        if log is None or self._closed:
            raise SessionError(f"the annotation in {self.folder} is closed; open it again")
        numbered = {"seq": log.sequence + 1, **line}
        text = json.dumps(numbered, allow_nan=False, separators=(",", ":")) + "\n"
        try:
            self._write(text.encode(), durable)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._cut()
            raise OutputError(
                f"cannot write {self.folder / JOURNAL_FILE}: {error.strerror}"
            ) from error
        log.take(numbered, held)
        self._lines += 1

    @property
    def can_redo(self) -> bool:
        """Whether the folder holds a step that was undone last."""
        return self._log is not None and self._log.position < len(self._log.steps)

    @property
    def due(self) -> bool:
        """Whether there are so many lines that it is time to compact."""
        return self._lines >= _COMPACT_AFTER

    def compact(self) -> None:
        """Move the lines into the session file; where that fails they stay lines."""
        if self._log is not None and self._lines:
            with contextlib.suppress(OutputError):
                # An undone step can be redone as long as its line is there.
                if self._log.position == len(self._log.steps):
                    write_session(self.folder / SESSION_FILE, self._log.snapshot())
                    self._empty()

    def close(self) -> None:
        """Compact, and let others write to the folder."""
        self.compact()
        self._closed = True
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._lock.close()

    def _empty(self) -> None:
        """Put a journal without lines in the place of the one there is."""
        path = self.folder / JOURNAL_FILE
        with whole_file(path) as part:
            part.write_bytes(b"")
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        sync_folder(self.folder)
        self._size = self._lines = 0

    def _write(self, data: bytes, durable: bool) -> None:
        if self._handle is None:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self.folder / JOURNAL_FILE, flags, 0o644)
        self._cut()
        os.lseek(self._handle, self._size, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        if durable:
            os.fsync(self._handle)
        self._size += len(data)

    def _cut(self) -> None:
        """Take away what a write that failed has left behind the last line."""
        if self._handle is not None and os.fstat(self._handle).st_size != self._size:
            os.ftruncate(self._handle, self._size)


def recover(folder: str | os.PathLike[str]) -> SavedSession | None:
    """Return what the folder of a journal holds, after a crash too.

    Parameters
    ----------
    folder : path-like
        As given to a session as `journal`.

    Returns
    -------
    SavedSession or None
        All that was accepted; None where there is nothing to go on with.

    Raises
    ------
    FileFormatError
        If its files are damaged; a last line that was cut off is not damage.
    """
    folder = Path(folder)
    if not (folder / SESSION_FILE).is_file():
        return None
    log = Log.of(read_session(folder / SESSION_FILE))
    for line in _lines(folder / JOURNAL_FILE):
        if line["seq"] > log.sequence:
            log.take(line)
    saved = log.snapshot()
    return saved if saved.steps or saved.held.prompts else None


def _lines(path: Path) -> list[dict[str, Any]]:
    """Lines of a journal, without one that was being written when the process ended."""
    if not path.is_file():
        return []
    *texts, _ = path.read_bytes().split(b"\n")  # what follows the last line break is no line
    found = []
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
            found.append({**line, "seq": int(line["seq"])})
        except (ValueError, TypeError, KeyError) as error:
            raise FileFormatError(f"{path}, line {number} is damaged: {error}") from error
    return found
