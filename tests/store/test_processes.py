"""Several processes write to one store at the same time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.conftest import REPOSITORY
from tests.store.contract import KEY, embedding_of, same

from napari_samara.store import ZarrStore, damaged_entries

if TYPE_CHECKING:
    from pathlib import Path

# Puts 30 entries in an order of its own; waits at the start for the others.
WRITER = """
import sys, time
from dataclasses import replace
from pathlib import Path
import numpy as np
from tests.store.contract import KEY, embedding_of
from napari_samara.store import ZarrStore
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
embedding_of(KEY); import zarr
(folder / f"ready{seed}").touch()
while len(list(folder.glob("ready*"))) < 2:
    time.sleep(0.001)
store = ZarrStore(folder / "v.zarr")
for n in np.random.default_rng(seed).permutation(int(sys.argv[3])):
    store.put(embedding_of(replace(KEY, pixels=f"{n:064x}"), seed=int(n)))
"""
COUNT = 30


@pytest.mark.parametrize("damaged", [False, True], ids=["new store", "all entries damaged"])
def test_nothing_is_lost(tmp_path: Path, damaged: bool) -> None:
    keys = [replace(KEY, pixels=f"{n:064x}") for n in range(COUNT)]
    if damaged:
        store = ZarrStore(tmp_path / "v.zarr")
        for key in keys:
            store.put(embedding_of(key))
            (tmp_path / "v.zarr" / key.digest() / "high_res_0" / "zarr.json").unlink()
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [
        subprocess.Popen([*command, str(seed), str(COUNT)], cwd=REPOSITORY, stderr=subprocess.PIPE)
        for seed in range(2)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said
        assert b"Traceback" not in said
    store = ZarrStore(tmp_path / "v.zarr")
    for number, key in enumerate(keys):
        assert same(embedding_of(key, seed=number), store.get(key))
    assert damaged_entries(store) == {}
    assert len(store.folders()) == COUNT
    assert list(store.path.glob(".part-*")) == []
