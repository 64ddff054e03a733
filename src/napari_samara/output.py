"""Output files: each appears whole, under its name, or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from napari_samara.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file under a temporary name beside `path` and rename it at the end.

    Parameters
    ----------
    path : path-like
        Where the file is to appear; a file that is there is replaced.

    Yields
    ------
    Path
        Name to write to, in the same folder; removed if anything goes wrong.

    Raises
    ------
    OutputError
        If the folder is missing or may not be written to, or the disk is full.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # the disk that failed may fail here again
            part.unlink(missing_ok=True)


def require_folder(path: str | os.PathLike[str]) -> None:
    """Check that a file can be written at `path`, before hours are spent on what goes into it.

    Parameters
    ----------
    path : path-like
        Of the file to be written.

    Raises
    ------
    OutputError
        If its folder is missing or may not be written to, or `path` is a folder.
    """
    path = Path(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {folder}")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; give the name of a file")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {path}: no permission to write in {folder}")
