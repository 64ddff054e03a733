"""Embedding stores: in memory and on disk, without torch."""

from __future__ import annotations

from napari_samara.store.base import EmbeddingStore
from napari_samara.store.memory import MemoryStore
from napari_samara.store.zarr_store import ZarrStore

__all__ = ["EmbeddingStore", "MemoryStore", "ZarrStore"]
