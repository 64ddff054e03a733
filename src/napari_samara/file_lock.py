"""A lock between processes that dies with its holder."""

from __future__ import annotations

import contextlib
import errno
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_BUSY = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


class FileBusyError(OSError):
    """Another process, or another thread of this one, holds the lock."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` inside a with block.

    Parameters
    ----------
    path : Path
        Lock file; it is made and left behind, since removing it would let a third process lock
        a new file while a second still waits on the old one.

    Raises
    ------
    FileBusyError
        The lock is held elsewhere.
    """
    with path.open("a+b") as stream:
        try:
            _acquire(stream.fileno())
        except OSError as error:
            if error.errno in _BUSY:
                raise FileBusyError(f"{path} is locked") from error
            # Some network file systems know no locks: go on without one.
        yield  # closing the file releases the lock


if sys.platform == "win32":
    import msvcrt

    def _acquire(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
