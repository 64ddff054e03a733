"""SHA-256 of weights, which is what a checkpoint is known by."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK = 1 << 20


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file.

    Parameters
    ----------
    path : Path
        File to read.
    algorithm : str
        A name that hashlib knows.

    Returns
    -------
    str
        Lower-case hex. Remembered while path, size and modification time stay the same.
    """
    status = path.stat()
    return _remembered(str(path.absolute()), status.st_size, status.st_mtime_ns, algorithm)


@lru_cache(maxsize=64)
def _remembered(path: str, size: int, modified_ns: int, algorithm: str) -> str:
    del size, modified_ns  # part of the key only
    digest = hashlib.new(algorithm, usedforsecurity=algorithm == "sha256")
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def folder_digest(folder: Path, names: Iterable[str]) -> str:
    """Digest of several files of one folder.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    names : iterable of str
        Names inside `folder`, such as ``config.json`` and ``model.safetensors``.

    Returns
    -------
    str
        SHA-256, in hex, of one line ``<digest of the file>  <name>`` a file, sorted by name: what
        ``sha256sum $(ls) | sha256sum`` prints for a folder with only these files.
    """
    lines = [f"{file_digest(folder / name)}  {name}\n" for name in sorted(set(names))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
