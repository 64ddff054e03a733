"""Tests of adapting a checkpoint, with the miniature model and small images."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_samara import api
from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.errors import ImageError, OutputError, TrainingError
from napari_samara.settings import FinetuneSettings
from napari_samara.training.examples import examples, split
from napari_samara.training.finetune import Finetuner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.finetune_progress import Progress

SHORT = {"steps": 3, "minutes": 10.0, "views": 4, "objects": 3}


def state(predictor: Predictor) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in predictor.model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    """First parts of the names of weights that differ."""
    assert before.keys() == after.keys()
    return {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make every look at the held-out objects better than the one before, and due at each step."""
    monkeypatch.setattr("napari_samara.training.finetune._LOOK_SHARE", 0.0)
    monkeypatch.setattr("napari_samara.training.finetune._LOOK_STEPS", 1)
    scores = [0.1]

    def ious(*_: Any) -> dict[str, list[float]]:
        scores.append(scores[-1] + 0.1)
        return {"box": [scores[-1]], "point": [scores[-1]]}

    monkeypatch.setattr("napari_samara.training.finetune.one_prompt_ious", ious)
    return scores


@pytest.mark.parametrize(
    ("mode", "parts"),
    [
        ("decoder", {"mask_decoder", "prompt_encoder"}),
        ("lora", {"mask_decoder", "prompt_encoder", "image_encoder"}),
        ("full", {"mask_decoder", "prompt_encoder", "image_encoder"}),
    ],
)
def test_what_learns(
    predictor: Predictor, disks: Disks, looks: list[float], tmp_path: Path, mode: str,
    parts: set[str],
) -> None:  # fmt: skip
    before = state(predictor)
    settings = FinetuneSettings(mode=mode, **SHORT)
    found = api.finetune(disks.image, disks.labels, predictor, tmp_path / "new", settings)
    assert changed(before, state(predictor)) == set()  # what was given stays as it is
    loaded = load_checkpoint(tmp_path / "new")
    after = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    assert changed(before, after) == parts
    assert changed(after, found.model.state_dict()) == set()
    if mode == "lora":  # additions go into the attention and nowhere else
        names = {n for n in before if not torch.equal(before[n], after[n])}
        inside = {n for n in names if n.startswith("image_encoder")}
        assert inside
        assert all(n.endswith(("qkv.weight", "proj.weight")) for n in inside)
    assert [at.step for at in found.history] == [0, 1, 2, 3]
    assert found.best.step == 3
    card = (tmp_path / "new" / "README.md").read_text()
    assert "held-out objects" in card
    assert json.loads((tmp_path / "new" / "finetune.json").read_text())["best"]["step"] == 3


def test_the_same_seed_gives_the_same_weights(predictor: Predictor, disks: Disks) -> None:
    def run(seed: int) -> dict[str, torch.Tensor]:
        planes = split(examples(disks.image, disks.labels), 0.3)
        settings = FinetuneSettings(seed=seed, **SHORT)
        trainer = Finetuner(predictor, planes, settings)
        trainer.run()
        return dict(trainer.model.state_dict())

    one = run(1)
    assert changed(one, run(1)) == set()
    assert changed(one, run(2)) != set()


def test_held_out_objects_are_not_learned_from(disks: Disks) -> None:
    (plane,) = examples(disks.image, disks.labels)
    parts = split([plane], 0.25, seed=3)
    train = set(np.unique(parts.train[0].labels)) - {0}
    held = set(np.unique(parts.held_out[0].labels)) - {0}
    assert not train & held
    assert train | held == set(range(1, 13))
    assert parts.counts == (9, 3)
    whole = split([plane, plane, plane, plane], 0.25)
    assert (len(whole.train), len(whole.held_out)) == (3, 1)


def test_the_best_is_kept_not_the_last(
    predictor: Predictor, disks: Disks, looks: list[float], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    figures = iter([0.5, 0.6, 0.7, 0.2, 0.1])

    def ious(*_: Any) -> dict[str, list[float]]:
        figure = next(figures)
        return {"box": [figure], "point": [figure]}

    monkeypatch.setattr("napari_samara.training.finetune.one_prompt_ious", ious)
    settings = FinetuneSettings(patience=2, **{**SHORT, "steps": 50})
    found = api.finetune(disks.image, disks.labels, predictor, tmp_path / "new", settings)
    assert (found.best.step, found.best.box, found.stopped) == (2, 0.7, "no gain for a while")


def test_cancel_keeps_the_best_so_far(
    predictor: Predictor, disks: Disks, looks: list[float], tmp_path: Path
) -> None:
    seen: list[Progress] = []
    found = api.finetune(
        disks.image,
        disks.labels,
        predictor,
        tmp_path / "new",
        FinetuneSettings(**{**SHORT, "steps": 100}),
        seen.append,
        lambda: len(seen) >= 3,
    )
    assert found.stopped == "cancelled"
    assert found.best.step == 3
    assert load_checkpoint(tmp_path / "new").checkpoint.sha256


def test_no_gain_writes_nothing(
    predictor: Predictor, disks: Disks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "napari_samara.training.finetune.one_prompt_ious",
        lambda *_: {"box": [0.5], "point": [0.5]},
    )
    with pytest.raises(TrainingError, match="no step was better"):
        api.finetune(
            disks.image, disks.labels, predictor, tmp_path / "new", FinetuneSettings(**SHORT)
        )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.zeros((128, 160), int), TrainingError, "0 objects of at least"),
        (np.eye(128, 160, dtype=int) * 0 + 1, TrainingError, "1 object of at least"),
        (np.ones((100, 160), int), ImageError, r"\(128, 160\) and its labels \(100, 160\)"),
        (np.ones((2, 128, 160), int), ImageError, "shape"),
        ([np.ones((128, 160), int)] * 2, ImageError, "1 images and 2 label images"),
    ],
)
def test_what_cannot_be_learned_from(
    predictor: Predictor, disks: Disks, labels: Any, error: type[Exception], message: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(error, match=message):
        api.finetune(disks.image, labels, predictor, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_volume_is_learned_from_slice_by_slice(disks: Disks) -> None:
    volume = np.stack([disks.image] * 3)
    labels = np.stack([disks.labels, np.zeros_like(disks.labels), disks.labels])
    found = examples(volume, labels)
    assert [plane.image.shape for plane in found] == [(128, 160)] * 2


def test_nothing_is_overwritten(predictor: Predictor, disks: Disks, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="nothing is overwritten"):
        api.finetune(disks.image, disks.labels, predictor, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_full_disk_keeps_what_was_written(
    predictor: Predictor, disks: Disks, looks: list[float], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from napari_samara.training import finetune_files

    real, calls = finetune_files.save_pretrained, []

    def save(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise OutputError(f"cannot write: {OSError(errno.ENOSPC, 'No space left on device')}")
        return real(*args, **options)

    monkeypatch.setattr(finetune_files, "save_pretrained", save)
    with pytest.raises(OutputError, match="No space left"):
        api.finetune(
            disks.image, disks.labels, predictor, tmp_path / "new", FinetuneSettings(**SHORT)
        )
    assert load_checkpoint(tmp_path / "new").checkpoint.sha256
