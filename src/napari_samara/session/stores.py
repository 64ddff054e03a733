"""Stores on disk as sessions and jobs open them: torch brings their numbers to 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray


def embedding_store(path: str | os.PathLike[str], precision: str = "float16") -> ZarrStore:
    """Return the store in a folder, which is written to several times as fast as by numpy alone.

    Parameters
    ----------
    path : path-like
        As `ZarrStore` takes it.
    precision : str
        Number format on disk.

    Raises
    ------
    StoreError
        As `ZarrStore` raises it.
    """
    return ZarrStore(path, precision, _halved)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float16] | None:
    from napari_samara.engine.maps import halved  # torch, which takes long to import

    return halved(values)
