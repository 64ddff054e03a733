"""Where downloads are kept, and whether the network may be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CACHE_VARIABLE = "SAMARA_CACHE"
"""Environment variable that moves the cache, for instance away from a small home directory."""

_FOLDER = "napari-samara"


def cache_dir() -> Path:
    """Return the folder for downloads and other files that can be made again.

    Returns
    -------
    Path
        ``$SAMARA_CACHE`` where it is set, else the cache folder of the platform:
        ``$LOCALAPPDATA`` on Windows, ``~/Library/Caches`` on macOS, ``$XDG_CACHE_HOME`` or
        ``~/.cache`` elsewhere, each with ``napari-samara`` below it. It may not exist yet.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / _FOLDER


def models_dir() -> Path:
    """Return the folder that holds one sub-folder for each downloaded checkpoint.

    Returns
    -------
    Path
        It may not exist yet.
    """
    return cache_dir() / "models"


def offline() -> bool:
    """Tell whether the user forbade network use with ``HF_HUB_OFFLINE``.

    Returns
    -------
    bool
        Read anew at each call: huggingface_hub itself only looks once, when it is imported.
    """
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "ON", "YES", "TRUE"}
