"""One run at a time writes to a folder."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from napari_samara.errors import OutputError
from napari_samara.file_lock import FileBusyError, locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The number of the process has a file of its own: Windows lets no other process read a locked one.
_LOCK, _PROCESS = "run.lock", "run.pid"


@contextlib.contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Hold a folder for one run inside a with block.

    Parameters
    ----------
    folder : Path
        Made if missing.

    Raises
    ------
    OutputError
        Another process trains into it, which is named, or it cannot be written to.
    """
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / _LOCK))
            (folder / _PROCESS).write_text(f"{os.getpid()}\n", encoding="ascii")
        except FileBusyError as error:
            raise OutputError(
                f"{_holder(folder)} trains into {folder}; end it or choose another folder"
            ) from error
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
        yield


def _holder(folder: Path) -> str:
    """Who holds the lock, as far as it says."""
    try:
        return f"process {int((folder / _PROCESS).read_text(encoding='ascii'))}"
    except (OSError, ValueError):
        return "another process"
