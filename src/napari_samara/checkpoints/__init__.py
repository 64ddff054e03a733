"""Weights on disk: what there is, how it gets here, and how it is read and written.

Nothing here imports torch; `load.load_checkpoint`, `save.save_pretrained` and `save.save_meta` do.
"""

from __future__ import annotations

from napari_samara.checkpoints.catalog import (
    CheckpointInfo,
    fetch_checkpoint,
    find_checkpoint,
    list_checkpoints,
    verify_checkpoint,
)

__all__ = [
    "CheckpointInfo",
    "fetch_checkpoint",
    "find_checkpoint",
    "list_checkpoints",
    "verify_checkpoint",
]
