"""Tests of the recipe of the shipped checkpoint."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from tests.training.miniature import SHORT, make_config, make_trainer, square

from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.errors import CheckpointError, FileFormatError
from napari_samara.model.config import SamConfig
from napari_samara.training import run_log, samara_tiny
from napari_samara.training.curve import read_log
from napari_samara.training.run_lock import sole_run
from napari_samara.training.samara_tiny import export, main, sources
from napari_samara.training.state import read_state
from napari_samara.training.validation import Judge
from napari_samara.training.views import Source

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = (
    ("dsb2018", "dsb2018/images/n.png", "dsb2018/labels/n.png"),
    ("dsb2018", "dsb2018/images/stained.png", "dsb2018/labels/stained.png"),
    ("usiigaci", "usiigaci/images/c.png", "usiigaci/labels/c.png"),
    ("axon_sem", "axon_sem/images/a.png", "axon_sem/labels_axon/a.png"),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder laid out as that of the evaluation images."""
    root = tmp_path / "data"
    lines = ["part\tdataset\timage\tlabels"]
    labels = square().labels.astype(np.uint8)
    for dataset, image, ids in PAIRS:
        pixels = 255 - square().image // 4 if "stained" in image else square().image // 4
        for name, array in ((image, pixels), (ids, labels)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / name)
        lines += [f"{part}\t{dataset}\t{image}\t{ids}" for part in ("train", "val")]
    (root / "axon_sem" / "labels_fibre").mkdir()
    Image.fromarray(np.ones_like(labels)).save(root / "axon_sem" / "labels_fibre" / "a.png")
    (root / "fibsem_medulla").mkdir()
    volume = np.zeros((204, 8, 8), np.uint8)
    volume[200:] = 255  # the slices for validation
    for name in ("raw", "neuron_labels"):
        path = root / "fibsem_medulla" / f"{name}.ome.tif"
        tifffile.imwrite(path, volume, metadata={"axes": "ZYX"})
    (root / "MANIFEST.tsv").write_text("\n".join(lines) + "\n")
    return root


def test_sources_are_the_training_parts(data: Path) -> None:
    found = sources(data)
    assert [len(source.images) for source in found] == [1, 1, 1, 1, 1, 50 + 2 + 2]
    assert sum(source.weight for source in found) == pytest.approx(1)
    assert [source.images[0].image.mean() > 100 for source in found[:2]] == [False, True]  # stained
    assert found[4].images[0].labels.all()  # the axon with its myelin
    assert not found[3].images[0].labels.all()
    assert all(not image.labels.any() and not image.image.any() for image in found[5].images)


@pytest.mark.parametrize(
    "name", ["MANIFEST.tsv", "axon_sem/labels_fibre/a.png", "fibsem_medulla/raw.ome.tif"]
)
def test_incomplete_folder(data: Path, name: str) -> None:
    (data / name).unlink()
    with pytest.raises(FileFormatError, match=name.rpartition("/")[2]):
        sources(data)


def saved_run(folder: Path) -> None:
    """A run of two steps, whose average is not its last weights."""
    trainer = make_trainer(folder)
    trainer.train_step()
    trainer.train_step()
    trainer.save()


def test_export_is_the_averaged_model(tmp_path: Path) -> None:
    saved_run(tmp_path / "run")
    state = tmp_path / "run" / "state.pt"
    folder = export(state, tmp_path / "out", "# A model\n", make_config())
    assert folder == tmp_path / "out"
    assert (folder / "README.md").read_text() == "# A model\n"
    loaded = load_checkpoint(folder)
    expected = read_state(state)["average"]
    other = read_state(state)["model"]
    name = "mask_decoder.mask_tokens.weight"
    for key, value in loaded.model.state_dict().items():
        torch.testing.assert_close(value.float(), expected[key].half().float())
    assert not torch.equal(other[name].half(), expected[name].half())
    assert loaded.preprocess.per_image
    assert loaded.preprocess.pad_size == 64
    assert json.loads((folder / "config.json").read_text())["torch_dtype"] == "float16"


def test_export_without_a_card(tmp_path: Path) -> None:
    saved_run(tmp_path)
    folder = export(tmp_path / "state.pt", tmp_path / "out", config=make_config())
    assert not (folder / "README.md").exists()


def test_export_of_another_model(tmp_path: Path) -> None:
    saved_run(tmp_path)
    with pytest.raises(CheckpointError, match="another model"):
        export(tmp_path / "state.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """samara-tiny in miniature, trained on one square."""
    monkeypatch.setattr(SamConfig, "samara_tiny", make_config)
    monkeypatch.setattr(samara_tiny, "sources", lambda root: [Source([square()], 1.0)])
    monkeypatch.setattr(samara_tiny, "validation_images", lambda root: [square()])


RECIPE = json.dumps(SHORT | {"steps": 2})


@pytest.mark.usefixtures("tiny")
def test_train_continue_and_export(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--out", str(out), "--workers", "1"]
    main([*options, "--recipe", RECIPE])
    assert read_state(out / "state.pt")["step"] == 2
    assert json.loads((out / "recipe.json").read_text())["steps"] == 2
    main([*options, "--recipe", json.dumps(SHORT | {"steps": 3})])
    assert read_state(out / "state.pt")["step"] == 3
    card = tmp_path / "card.md"
    card.write_text("---\nlicense: bsd-3-clause\n---\n", encoding="utf-8")
    main([*options, "--export", str(tmp_path / "model"), "--card", str(card)])
    assert (tmp_path / "model" / "README.md").read_text(encoding="utf-8") == card.read_text()
    assert (tmp_path / "model" / "model.safetensors").is_file()


@pytest.mark.usefixtures("tiny")
def test_judged_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look is the best; two more without a gain end the run."""
    pytest.importorskip("matplotlib", reason="plots need the extra `plot`")
    monkeypatch.setattr(run_log, "SECONDS", -1.0)
    scores = iter([0.5, 0.5, 0.4, 0.9])
    names = "val_box", "val_point"
    monkeypatch.setattr(Judge, "judge", lambda *_: dict.fromkeys(names, next(scores)))
    options = ["--out", str(tmp_path), "--workers", "1", "--recipe", json.dumps(SHORT)]
    main([*options, "--judge-minutes", "1e-9", "--patience", "2"])
    assert read_state(tmp_path / "state.pt")["step"] == 3
    assert read_state(tmp_path / "best.pt")["step"] == 1
    rows = read_log(tmp_path / "log.jsonl")
    assert [row["val_box"] for row in rows] == [0.5, 0.5, 0.4]
    assert (tmp_path / "curve.png").is_file()
    main([*options, "--export", str(tmp_path / "model"), "--weights", "best.pt"])
    weights = load_checkpoint(tmp_path / "model").model.state_dict()
    name = "mask_decoder.mask_tokens.weight"
    best = read_state(tmp_path / "best.pt")["average"][name]
    torch.testing.assert_close(weights[name].float(), best.half().float())
    main([*options, "--judge-minutes", "1e-9", "--patience", "2"])  # still without patience
    assert read_state(tmp_path / "state.pt")["step"] == 3


@pytest.mark.usefixtures("tiny")
def test_folder_of_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sole_run(tmp_path), pytest.raises(SystemExit) as stop:
        main(["--out", str(tmp_path), "--workers", "1", "--recipe", RECIPE])
    assert stop.value.code == 1
    assert f"process {os.getpid()} trains into {tmp_path}" in capsys.readouterr().err
    assert not (tmp_path / "state.pt").exists()


@pytest.mark.usefixtures("tiny")
def test_start_from_another_run(tmp_path: Path) -> None:
    saved_run(tmp_path / "first")
    state = tmp_path / "first" / "state.pt"
    options = ["--workers", "1", "--minutes", "0", "--recipe", RECIPE]
    options += ["--start-from", str(state)]
    main([*options, "--out", str(tmp_path / "second")])
    found = read_state(tmp_path / "second" / "state.pt")
    name = "mask_decoder.mask_tokens.weight"
    assert found["step"] == 0
    assert torch.equal(found["model"][name], read_state(state)["average"][name])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--card", "card.md"], 2, "--export, which is not given"),
        (["--recipe", "{"], 2, "argument --recipe"),
        (["--recipe", "[1]"], 2, "argument --recipe"),
        (["--recipe", '{"stepz": 3}'], 2, "stepz"),
        (["--recipe", '{"steps": 0}'], 2, "steps of a recipe must be at least 1"),
        (["--export", "model", "--out", "gone"], 1, "no training run was saved"),
        (["--export", "model", "--card", "gone.md"], 1, "gone.md"),
        (["--data", "gone"], 1, "MANIFEST.tsv cannot be read"),
        (["--data", "gone", "--workers", "1"], 1, "MANIFEST.tsv cannot be read"),
    ],
)
def test_wrong_options_are_told_in_a_line(
    options: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(options)
    assert stop.value.code == code
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "model").exists()


def test_data_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(samara_tiny, "train", seen.append)
    monkeypatch.setenv("SAMARA_DATA", "/some/where")
    main(["--workers", "1"])
    assert str(seen[0].data) == "/some/where"
