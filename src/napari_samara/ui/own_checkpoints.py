"""Weights of the user that the widget offers: where they lie, kept for the next start."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path

from psygnal import Signal

from napari_samara.checkpoints.cache import cache_dir
from napari_samara.errors import OutputError
from napari_samara.output import whole_file

_VERSION, _MOST = 1, 20
_CONFIG = "config.json"
_lock = threading.Lock()


class _Events:
    """Tells every list of checkpoints that there is another one."""

    made = Signal(object)


events = _Events()
"""``made(offer)``, in the main thread: an `Offer` that is new or whose figures have changed."""


def own_checkpoints() -> tuple[Path, ...]:
    """Files and folders that were chosen, those that are still there.

    Returns
    -------
    tuple of Path
        In the order they were chosen first.
    """
    return tuple(path for path in _read() if path.exists())


def keep_own(path: Path) -> None:
    """Offer a file or folder at the next start, too; call it in a worker.

    Parameters
    ----------
    path : Path
        One that is kept already stays where it is.
    """
    with _lock:
        kept = _read()
        if path in kept:
            return
        data = {"version": _VERSION, "paths": [str(item) for item in [*kept, path][-_MOST:]]}
        with contextlib.suppress(OSError, OutputError):
            _file().parent.mkdir(parents=True, exist_ok=True)
            with whole_file(_file()) as part:
                part.write_text(json.dumps(data, indent=1), encoding="utf-8")


def own_source(path: Path) -> Path:
    """Return what to load for a file that was picked.

    Parameters
    ----------
    path : Path
        Weights, or the ``config.json`` of a folder with weights.

    Returns
    -------
    Path
        The file, or its folder, absolute.
    """
    path = path.expanduser().absolute()
    return path.parent if path.name == _CONFIG else path


def _file() -> Path:
    return cache_dir() / "own-checkpoints.json"


def _read() -> list[Path]:
    """Everything that is kept, also what is not there at the moment."""
    try:
        data = json.loads(_file().read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            return []
        return [Path(item) for item in data["paths"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
