"""A lock between processes that dies with its holder."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


OPEN_STAYS = sys.platform == "win32"
"""Whether a file that is open cannot be removed."""

_BUSY = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


class FileBusyError(OSError):
    """Another process, or another thread of this one, holds the lock."""


@contextlib.contextmanager
def locked(path: Path, remove: bool = False) -> Iterator[None]:
    """Hold an exclusive lock on `path` inside a with block.

    Parameters
    ----------
    path : Path
        Lock file, which is made.
    remove : bool
        Whether it is removed at the end, where all that lock it ask for the same; else it is left
        behind. A process that is killed leaves it behind in any case, unlocked.

    Raises
    ------
    FileBusyError
        The lock is held elsewhere.
    """
    stream = _opened(path)
    try:
        yield
    finally:
        if remove and not OPEN_STAYS:
            _removed(path)  # while it is held: see `_opened`
        stream.close()
        if remove and OPEN_STAYS:
            _removed(path)


def _removed(path: Path) -> None:
    """Remove a lock file; where that cannot be done, or another has opened it, it stays."""
    with contextlib.suppress(OSError):
        path.unlink()


def _opened(path: Path) -> BinaryIO:
    """Open and lock a file; closing it releases the lock.

    Between opening and locking, its last holder may have removed it. What is locked then is nothing
    that anybody else would find, so that it is opened again.
    """
    while True:
        stream = path.open("a+b")
        try:
            _acquire(stream.fileno())
        except OSError as error:
            if error.errno in _BUSY:
                stream.close()
                raise FileBusyError(f"{path} is locked") from error
            return stream  # some network file systems know no locks: go on without one
        with contextlib.suppress(FileNotFoundError):
            if OPEN_STAYS or os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return stream
        stream.close()


if sys.platform == "win32":
    import msvcrt

    def _acquire(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
