"""The folder of an image on the disk: which to show, how large its store is, and emptying that.

All of it reads the disk: a window calls it in a thread.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from napari_samara.errors import StoreError
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from pathlib import Path


def store_size(folder: Path) -> int:
    """Return the bytes of a store; 0 where there is none or it cannot be read."""
    try:
        return ZarrStore(folder).nbytes
    except (StoreError, OSError):
        return 0


def delete_store(folder: Path) -> None:
    """Delete a store, and nothing that is no store.

    Parameters
    ----------
    folder : Path
        Of the store; entries that are made anew meanwhile may stay.

    Raises
    ------
    StoreError
        If it is something else.
    """
    ZarrStore(folder)
    shutil.rmtree(folder, ignore_errors=True)


def nearest(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    return next((path for path in (folder, *folder.parents) if path.is_dir()), folder)
