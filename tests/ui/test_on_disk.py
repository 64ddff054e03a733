"""Folders on the disk: only what is a store is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.ui.conftest import DiskPredictor

from napari_samara.errors import StoreError
from napari_samara.intensity import Contrast
from napari_samara.store import ZarrStore
from napari_samara.ui.on_disk import delete_store, nearest, store_size

if TYPE_CHECKING:
    from pathlib import Path


def test_size_and_delete(tmp_path: Path) -> None:
    folder = tmp_path / "e.zarr"
    assert store_size(folder) == 0
    ZarrStore(folder).put(DiskPredictor().embed_rgb(np.zeros((8, 9, 3), np.uint8), Contrast()))
    assert store_size(folder) == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    delete_store(folder)
    assert not folder.exists()
    delete_store(folder)


def test_something_else_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it", encoding="utf-8")
    assert store_size(tmp_path) == 0
    with pytest.raises(StoreError, match="no store"):
        delete_store(tmp_path)
    assert (tmp_path / "thesis.txt").is_file()


def test_nearest(tmp_path: Path) -> None:
    assert nearest(tmp_path) == tmp_path
    assert nearest(tmp_path / "a" / "b") == tmp_path
