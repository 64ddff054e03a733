"""Embedding stores: in memory and on disk, without torch."""

from __future__ import annotations

from napari_samara.store.base import EmbeddingStore
from napari_samara.store.entry import Entry
from napari_samara.store.memory import MemoryStore
from napari_samara.store.upkeep import PruneRule, damaged_entries, prune
from napari_samara.store.zarr_store import ZarrStore

__all__ = [
    "EmbeddingStore",
    "Entry",
    "MemoryStore",
    "PruneRule",
    "ZarrStore",
    "damaged_entries",
    "prune",
]
