"""Tests of going on with a fine-tuning run that was killed."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_samara import api
from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.errors import CheckpointError, OutputError, TrainingError
from napari_samara.settings import FinetuneSettings
from napari_samara.training import finetune_state
from napari_samara.training.finetune_state import FILENAME, can_resume, saved_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.finetune_progress import Finetuned

SHORT = {"steps": 6, "minutes": 10.0, "views": 4, "objects": 3, "seed": 4}


class Killed(Exception):
    """Stands for the end of the process, between two steps."""


@pytest.fixture(autouse=True)
def _looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the held-out objects every second step, whatever the clock says."""
    monkeypatch.setattr("napari_samara.training.finetune._LOOK_SHARE", 0.0)
    monkeypatch.setattr("napari_samara.training.finetune._LOOK_STEPS", 2)


def run(disks: Disks, predictor: Predictor, out: Path, asked: int = 0, **changes: Any) -> Finetuned:
    """One run, killed when it asks for the `asked`-th time whether it is cancelled."""
    asks: list[int] = []

    def cancelled() -> bool:
        asks.append(1)
        if len(asks) == asked:
            raise Killed
        return False

    resume = changes.pop("resume", False)
    settings = FinetuneSettings(**SHORT | changes)
    given = disks.image, disks.labels, predictor, out, settings, None, cancelled
    return api.finetune(*given, resume=resume)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(folder).model.state_dict())


@pytest.mark.parametrize("mode", ["decoder", "lora", "full"])
@pytest.mark.parametrize("asked", [2, 4, 5])
def test_a_killed_run_ends_like_an_unbroken_one(
    predictor: Predictor, disks: Disks, tmp_path: Path, mode: str, asked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    better = {0: 0.1, 2: 0.2, 4: 0.4, 6: 0.3}  # the best is neither the first nor the last
    from napari_samara.training import finetune

    real = finetune.Finetuner._look

    def look(trainer: Any, *args: Any) -> Any:
        from dataclasses import replace

        seen = real(trainer, *args)
        return replace(seen, box=better[seen.step] + seen.box / 1e3, point=better[seen.step])

    monkeypatch.setattr(finetune.Finetuner, "_look", look)
    whole = run(disks, predictor, tmp_path / "whole", mode=mode)
    with pytest.raises(Killed):
        run(disks, predictor, tmp_path / "broken", asked, mode=mode)
    assert can_resume(tmp_path / "broken")
    again = run(disks, predictor, tmp_path / "broken", mode=mode, resume=True)

    def figures(found: Finetuned) -> list[tuple[float, ...]]:
        return [(at.step, at.box, at.point) for at in found.history]

    assert [at.step for at in again.history] == [0, 2, 4, 6]
    assert np.allclose(figures(again), figures(whole), atol=1e-6)
    assert (again.best.step, again.stopped) == (4, whole.stopped)
    one, two = weights(tmp_path / "whole"), weights(tmp_path / "broken")
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)
    assert any(not torch.equal(one[n], v) for n, v in predictor.model.state_dict().items())
    assert not can_resume(tmp_path / "broken")  # it has come to its end


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 5}, "seed was 4 and is 5. Give"),
        ({"mode": "lora"}, "mode was 'decoder' and is 'lora'"),
        ({"learning_rate": 1e-5}, "learning_rate was 0.0003 and is 1e-05"),
    ],
)
def test_other_settings_are_refused(
    predictor: Predictor, disks: Disks, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Killed):
        run(disks, predictor, tmp_path / "new", 4)
    with pytest.raises(TrainingError, match=message):
        run(disks, predictor, tmp_path / "new", resume=True, **changes)
    assert can_resume(tmp_path / "new")


def test_other_data_or_weights_are_refused(
    predictor: Predictor, disks: Disks, tmp_path: Path, tiny_folder: Path
) -> None:
    with pytest.raises(Killed):
        run(disks, predictor, tmp_path / "new", 4)
    paler = disks._replace(image=disks.image // 2)
    with pytest.raises(TrainingError, match="images or labels are not the same"):
        run(paler, predictor, tmp_path / "new", resume=True)
    other = load_checkpoint(tiny_folder)
    with torch.no_grad():
        next(other.model.parameters()).add_(1.0)
    from napari_samara.engine.predictor import Predictor as Made

    with pytest.raises(TrainingError, match="the checkpoint is another"):
        run(disks, Made(other.model, other.preprocess), tmp_path / "new", resume=True)


def test_more_time_may_be_given_and_settings_left_out(
    predictor: Predictor, disks: Disks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter(np.arange(0.1, 0.9, 0.1))

    def ious(*_: Any) -> dict[str, list[float]]:
        score = float(next(scores))
        return {"box": [score], "point": [score]}

    monkeypatch.setattr("napari_samara.training.finetune.one_prompt_ious", ious)
    out = tmp_path / "new"
    with pytest.raises(Killed):
        run(disks, predictor, out, 4)
    assert saved_settings(out) == FinetuneSettings(**SHORT)
    found = run(disks, predictor, out, resume=True, steps=8, patience=5)
    assert [at.step for at in found.history] == [0, 2, 4, 6, 8]
    seconds = [at.seconds for at in found.history]
    assert seconds == sorted(seconds)
    with pytest.raises(TrainingError, match="has come to its end"):
        api.finetune(disks.image, disks.labels, predictor, out, resume=True)


def test_a_cancelled_run_can_be_gone_on_with(
    predictor: Predictor, disks: Disks, tmp_path: Path
) -> None:
    out, asks = tmp_path / "new", []

    def cancelled() -> bool:
        asks.append(1)
        return len(asks) > 3

    settings = FinetuneSettings(**SHORT)
    given = disks.image, disks.labels, predictor, out
    try:
        api.finetune(*given, settings, None, cancelled)
    except TrainingError as error:  # of random weights no step may be better
        assert "resuming goes on" in str(error)  # noqa: PT017
    assert can_resume(out)
    try:
        steps = [at.step for at in api.finetune(*given, resume=True).history]
    except TrainingError as error:
        assert "no step was better" in str(error)  # noqa: PT017
    else:
        assert steps[-1] == 6
    assert not can_resume(out)


def test_nothing_to_go_on_with(predictor: Predictor, disks: Disks, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no interrupted run is in"):
        run(disks, predictor, tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", [b"", b"not a state", None])
def test_a_damaged_state(
    predictor: Predictor, disks: Disks, tmp_path: Path, content: bytes | None
) -> None:
    if content is None:
        torch.save({"step": 1}, tmp_path / FILENAME)
    else:
        (tmp_path / FILENAME).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged|no run of this version"):
        run(disks, predictor, tmp_path, resume=True)


def test_a_full_disk_leaves_the_last_state(
    predictor: Predictor, disks: Disks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = finetune_state.write_state, []

    def write(path: Path, state: Any) -> None:
        calls.append(1)
        if len(calls) > 2:
            raise OutputError(f"cannot write: {OSError(errno.ENOSPC, 'No space left on device')}")
        real(path, state)

    monkeypatch.setattr(finetune_state, "write_state", write)
    with pytest.raises(OutputError, match="No space left"):
        run(disks, predictor, tmp_path / "new")
    monkeypatch.setattr(finetune_state, "write_state", real)
    state = finetune_state.read_run(tmp_path / "new")
    assert state["training"]["step"] == 2
