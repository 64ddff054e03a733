"""Tests of `napari-samara finetune`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
import tifffile

from napari_samara.checkpoints.load import load_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran
    from tests.conftest import Disks

FINETUNE = ["finetune", "--out", "new", "--device", "cpu", "--steps", "2", "--views", "2"]
FILES = ["--images", "i.tif", "--labels", "l.tif"]


@pytest.fixture
def labelled(work: Path, disks: Disks, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``i.tif`` with ``l.tif``, where every look is better than the one before."""
    tifffile.imwrite(work / "l.tif", disks.labels.astype("uint16"))
    scores = [0.1]

    def ious(*_: Any) -> dict[str, list[float]]:
        scores.append(scores[-1] + 0.1)
        return {"box": [scores[-1]], "point": [scores[-1]]}

    monkeypatch.setattr("napari_samara.training.finetune.one_prompt_ious", ious)
    return work


def test_before_and_after(run: Callable[..., Ran], labelled: Path) -> None:
    ran = run(*FINETUNE, *FILES)
    assert ran.status == 0
    _, before, after, _, out = ran.out.splitlines()
    assert before.split() == ["before", "0.20", "0.20"]
    assert after.split() == ["after", "0.30", "0.30"]
    assert out == "new"
    assert "step 2: loss" in ran.err
    assert load_checkpoint(labelled / "new").checkpoint.family == "vit"
    names = {path.name for path in (labelled / "new").iterdir()}
    assert {"README.md", "finetune.json", "model.safetensors"} <= names


def test_report_for_programs(run: Callable[..., Ran], labelled: Path) -> None:
    report = run(*FINETUNE, *FILES, "--json").report
    assert report["before"]["loss"] is None
    assert report["after"]["step"] == 2
    assert report["settings"]["mode"] == "decoder"


def test_ctrl_c_keeps_the_best(
    run: Callable[..., Ran], labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_samara.training.finetune import Finetuner

    real = Finetuner._train_step

    def step(trainer: Finetuner) -> None:
        real(trainer)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Finetuner, "_train_step", step)
    before = signal.getsignal(signal.SIGINT)
    ran = run(*FINETUNE, *FILES, "--steps", "1000", "--json")
    assert ran.status == 0
    assert (ran.report["stopped"], ran.report["after"]["step"]) == ("cancelled", 1)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --data FOLDER, or --images and --labels"),
        (["--images", "i.tif"], "give --data FOLDER, or --images and --labels"),
        (["--data", "out"], "no pairs of images and labels"),
        (["--images", "gone.tif", "--labels", "l.tif"], "gone.tif"),
        ([*FILES, "--out", "out/x/../../i.tif"], "is there already"),
        ([*FILES, "--mode", "all"], "invalid choice"),
    ],
)
def test_errors(run: Callable[..., Ran], labelled: Path, options: list[str], message: str) -> None:
    (labelled / "out" / "x").mkdir()
    ran = run(*FINETUNE, *options)
    assert ran.status in (1, 2)
    assert message in ran.err
    assert not (labelled / "new").exists()


def test_resume_after_ctrl_c(
    run: Callable[..., Ran], labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_samara.training.finetune import Finetuner

    real = Finetuner._train_step

    def step(trainer: Finetuner) -> None:
        real(trainer)
        signal.raise_signal(signal.SIGINT)

    assert "no interrupted run" in run(*FINETUNE, *FILES, "--resume").err
    with monkeypatch.context() as patch:
        patch.setattr(Finetuner, "_train_step", step)
        assert run(*FINETUNE, *FILES, "--seed", "3", "--objects", "5").status == 0
    other = run(*FINETUNE, *FILES, "--resume", "--seed", "4")
    assert "seed was 3 and is 4" in other.err
    ran = run(*FINETUNE, *FILES, "--resume", "--json")
    assert ran.status == 0, ran.err
    assert [at["step"] for at in ran.report["history"]] == [0, 1, 2]
    settings = ran.report["settings"]
    assert (settings["seed"], settings["objects"], settings["steps"]) == (3, 5, 2)
    assert "has come to its end" in run(*FINETUNE, *FILES, "--resume").err
