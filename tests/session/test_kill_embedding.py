"""A process that is killed while it encodes a volume: what was finished is never encoded again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.conftest import REPOSITORY

from napari_samara.store import ZarrStore, damaged_entries

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor

SLICES, KILLS = 40, 5

# Prints the store name of every slice that goes into the encoder, before it does.
SCRIPT = """
import sys
import numpy as np
import torch
from napari_samara.api import embed, load
from napari_samara.engine.encoding import BatchEncoder
from napari_samara.session.embed_settings import EmbedSettings

torch.set_num_threads(1)
encode = BatchEncoder._encode

def told(self, inputs):
    for given in inputs:
        print(given.key.digest(), flush=True)
    return encode(self, inputs)

BatchEncoder._encode = told
predictor = load(sys.argv[1], device="cpu")
volume = np.load(sys.argv[2], mmap_mode="r")
found = embed(volume, sys.argv[3], predictor, settings=EmbedSettings(batch=int(sys.argv[4])))
print("done", found.encoded, found.found, flush=True)
"""


def start(folder: Path, model: Path, batch: int) -> subprocess.Popen[str]:
    arguments = [str(model), str(folder / "v.npy"), str(folder / "v.zarr"), str(batch)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a volume ``v.npy``, uint16."""
    volume = np.random.default_rng(0).integers(0, 4000, (SLICES, 32, 32)).astype(np.uint16)
    np.save(tmp_path / "v.npy", volume)
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
@pytest.mark.parametrize("batch", [1, 3])
def test_killed_while_encoding(
    folder: Path, tiny_folder: Path, predictor: Predictor, batch: int
) -> None:
    rng, store = np.random.default_rng(batch), ZarrStore(folder / "v.zarr")
    finished: set[str] = set()
    for _ in range(KILLS):
        with start(folder, tiny_folder, batch) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            after = int(rng.integers(1, 7))
            encoded = {process.stdout.readline().strip() for _ in range(after)}
            process.send_signal(signal.SIGKILL)
            # not communicate: it does not see the lines that have been buffered with those above
            rest, said = process.stdout.read(), process.stderr.read()
        assert process.returncode == -signal.SIGKILL, said
        encoded |= set(rest.split())
        assert encoded.isdisjoint(finished)
        now = {path.name for path in store.folders()}
        assert finished <= now <= finished | encoded
        assert damaged_entries(store) == {}
        finished = now
    process = start(folder, tiny_folder, batch)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    *lines, last = out.splitlines()
    assert finished.isdisjoint(lines)
    assert last == f"done {SLICES - len(finished)} {len(finished)}"
    assert len(lines) == SLICES - len(finished)
    assert damaged_entries(store) == {}
    assert len(store.folders()) == SLICES


@pytest.mark.slow
def test_two_processes_at_once(folder: Path, tiny_folder: Path) -> None:
    processes = [start(folder, tiny_folder, batch) for batch in (1, 2)]
    for process in processes:
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        *lines, _ = out.splitlines()
        assert len(lines) == len(set(lines)) <= SLICES
    store = ZarrStore(folder / "v.zarr")
    assert len(store.folders()) == SLICES
    assert damaged_entries(store) == {}
