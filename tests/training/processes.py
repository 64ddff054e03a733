"""What the tests run in processes of their own: ``python -m tests.training.processes``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.multiprocessing.spawn import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

STEPS = 10

ROOT = Path(__file__).resolve().parents[2]


def started(*arguments: str | Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process of `tests.training.processes`; end it before the block does."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.processes", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout)


def wait_for_ever(_: int) -> None:
    """What a worker does that waits for another one."""
    from napari_samara.training.workers import end_with_parent

    end_with_parent()
    print(os.getpid(), flush=True)
    while True:
        time.sleep(60)


def train(folder: Path) -> None:
    """Train the miniature; every step is logged, printed and saved."""
    from tests.training.miniature import make_trainer

    from napari_samara.training import run_log

    torch.set_num_threads(1)
    run_log.SECONDS = -1.0
    trainer = make_trainer(folder, steps=STEPS)
    trainer.resume()
    trainer.run(1000, save_every=-1.0, report=lambda row: print(json.dumps(row), flush=True))


def hold(folder: Path) -> None:
    """Hold the folder of a run."""
    from napari_samara.training.run_lock import sole_run

    with sole_run(folder):
        print("held", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    # as in the background of a shell: then torch's own signal to orphans does nothing
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.argv[1] == "wait":
        spawn(wait_for_ever, nprocs=2)
    else:
        {"train": train, "hold": hold}[sys.argv[1]](Path(sys.argv[2]))
