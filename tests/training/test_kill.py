"""Tests of what is left when processes that train are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from random import Random
from typing import TYPE_CHECKING

import pytest
import torch
from tests.training.processes import STEPS, lines, started

from napari_samara.training.curve import read_log
from napari_samara.training.state import read_state

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(120)
def test_workers_end_when_their_parent_is_killed() -> None:
    with started("wait") as parent:
        said = lines(parent)
        workers = [int(next(said)), int(next(said))]
        try:
            parent.kill()
            assert list(said) == []  # ends when the last process that can write to it has ended
        finally:
            for worker in workers:
                with contextlib.suppress(OSError):
                    os.kill(worker, getattr(signal, "SIGKILL", signal.SIGTERM))


@pytest.mark.timeout(120)
def test_killed_run_goes_on_as_an_unbroken_one(tmp_path: Path) -> None:
    with started("train", tmp_path / "unbroken") as unbroken:
        assert len(list(lines(unbroken))) == STEPS
    moment = Random(5)
    for first, last in ((1, 3), (2, 5)):
        with started("train", tmp_path / "killed") as process:
            said = lines(process)
            for _ in range(moment.randint(first, last)):
                next(said)
            time.sleep(moment.random() / 50)  # a part of a step, or of saving it
            process.kill()
        assert process.returncode != 0
    with started("train", tmp_path / "killed") as process:
        process.communicate()
    assert process.returncode == 0
    expected = {row["step"]: figures(row) for row in read_log(tmp_path / "unbroken" / "log.jsonl")}
    log = tmp_path / "killed" / "log.jsonl"
    assert [row["step"] for row in read_log(log)] == list(range(1, STEPS + 1))
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(figures(row) == expected[row["step"]] for row in logged)  # those done twice as well
    states = [read_state(tmp_path / name / "state.pt") for name in ("unbroken", "killed")]
    for weights in ("model", "average"):
        for name, value in states[0][weights].items():
            assert torch.equal(value, states[1][weights][name]), name


def figures(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "seconds"}
