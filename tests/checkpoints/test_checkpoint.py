from __future__ import annotations

from pathlib import Path

from napari_samara.checkpoints.checkpoint import Checkpoint


def test_the_record_leaves_the_path_out():
    record = Checkpoint("n", Path("/x"), "vit_b", "ab", "MIT", "rev").to_dict()
    assert record == {
        "name": "n",
        "family": "vit_b",
        "sha256": "ab",
        "licence": "MIT",
        "revision": "rev",
    }
