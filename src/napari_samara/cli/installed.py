"""Whether installed files are still those that the installer recorded."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path

PACKAGE = "napari-samara"


def changed_files(folder: Path) -> list[str] | None:
    """Files of the package below a folder whose content is not what was installed.

    Parameters
    ----------
    folder : Path
        Inside the installed package.

    Returns
    -------
    list of str or None
        Names; None where nothing is recorded, as in an installation of a working copy.
    """
    try:
        recorded = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    found, seen = [], False
    for item in recorded:
        path = Path(item.locate())
        if item.hash is None or folder not in path.parents:
            continue
        seen = True
        if not path.is_file() or _digest(path, item.hash.mode) != item.hash.value:
            found.append(item.name)
    return found if seen else None


def _digest(path: Path, algorithm: str) -> str:
    """Digest in the form of a wheel's RECORD: base64 for URLs, without padding."""
    digest = hashlib.new(algorithm, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
