"""Tests of the training loop."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.training.miniature import SHORT, SIZE, make_config, make_model, make_trainer, square

from napari_samara.errors import CheckpointError, ImageError, OutputError, SettingsError
from napari_samara.model.sam import SamModel
from napari_samara.training import loop, run_log
from napari_samara.training.crops import Crop
from napari_samara.training.data import LabelledImage
from napari_samara.training.loop import Recipe, Source, Trainer, initialise
from napari_samara.training.state import read_state

if TYPE_CHECKING:
    from pathlib import Path


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of everything a model keeps."""
    return copy.deepcopy(model.state_dict())


def assert_same(found: Any, expected: Any) -> None:
    """Equal bit for bit, through dicts and lists."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected)
    else:
        assert found == expected


def everything(trainer: Trainer) -> dict[str, Any]:
    """What a later step depends on."""
    return {
        "step": trainer.step,
        "model": weights(trainer.model),
        "average": weights(trainer.average),
        "optimiser": copy.deepcopy(trainer.optimiser.state_dict()),
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, float]], Trainer]:
    """Losses of five steps, and where they lead."""
    torch.set_num_threads(1)
    trainer = make_trainer(tmp_path_factory.mktemp("unbroken"))
    return [trainer.train_step() for _ in range(5)], trainer


@pytest.mark.parametrize("stop", [1, 3])
def test_resumed_run_is_the_unbroken_one(
    tmp_path: Path, unbroken: tuple[list[dict[str, float]], Trainer], stop: int
) -> None:
    losses, whole = unbroken
    broken = make_trainer(tmp_path)
    first = [broken.train_step() for _ in range(stop)]
    broken.save()
    broken.train_step()  # a step after the last save is lost, and done again
    resumed = make_trainer(tmp_path, seed=99)  # whatever it starts from
    assert resumed.resume()
    assert resumed.step == stop
    rest = [resumed.train_step() for _ in range(5 - stop)]
    assert first + rest == losses
    assert_same(everything(resumed), everything(whole))


def test_nothing_to_resume(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    before = everything(trainer)
    assert not trainer.resume()
    assert_same(everything(trainer), before)


def test_state_of_another_model(tmp_path: Path) -> None:
    make_trainer(tmp_path).save()
    other = SamModel(make_config(mlp_dim=48))
    trainer = Trainer(other, [Source([square()], 1.0)], Recipe(**SHORT), tmp_path)
    with pytest.raises(CheckpointError, match="another model"):
        trainer.resume()


def test_failing_save_leaves_the_previous_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path)
    trainer.train_step()
    trainer.save()
    before = everything(trainer)
    trainer.train_step()

    def fail(state: object, part: Path) -> None:
        part.write_bytes(b"half of it")
        raise RuntimeError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OutputError, match="disk full"):
        trainer.save()
    other = make_trainer(tmp_path, seed=5)
    assert other.resume()
    assert_same(everything(other), before)


def test_entries_of_the_state_file(tmp_path: Path) -> None:
    """Runs that are under way are continued by later versions: the names stay."""
    trainer = make_trainer(tmp_path)
    trainer.save()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert set(state) == {"step", "model", "average", "optimiser", "fine_edges"}
    assert set(state["model"]) == set(state["average"]) == set(trainer.model.state_dict())
    assert [group["weight_decay"] for group in state["optimiser"]["param_groups"]] == [0.03, 0.0]


def test_start_from_another_run(tmp_path: Path) -> None:
    first = make_trainer(tmp_path / "first")
    for _ in range(3):
        first.train_step()
    first.save()
    second = make_trainer(tmp_path / "second", seed=1)
    second.start_from(tmp_path / "first" / "state.pt")
    assert second.step == 0
    average = weights(first.average)
    assert_same(weights(second.model), average)
    assert_same(weights(second.average), average)
    with pytest.raises(CheckpointError, match="no training run was saved"):
        second.start_from(tmp_path / "gone.pt")


def test_learns_one_phantom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model()
    initialise(model)
    changes = {"phantoms": 1.0, "large_share": 0.0, "second_round": 0.0, "batch": 1}
    trainer = Trainer(model, [], Recipe(**SHORT | changes), tmp_path)
    view = trainer.preparation.views.draw(np.random.default_rng(7), SIZE // 2)
    monkeypatch.setattr(trainer.preparation.views, "draw", lambda rng, side: view)
    losses = [trainer.train_step()["loss"] for _ in range(40)]
    assert np.mean(losses[-8:]) < 0.7 * np.mean(losses[:8])


def test_average_follows_the_weights(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    name = "mask_decoder.mask_tokens.weight"
    start = trainer.model.get_parameter(name).detach().clone()
    trainer.train_step()
    now = trainer.model.get_parameter(name).detach()
    # early in a run the past counts for little: 1 / 10 at the first step
    torch.testing.assert_close(trainer.average.get_parameter(name), 0.1 * start + 0.9 * now)
    assert not trainer.average.training
    assert trainer.model.training
    mean, var = (
        trainer.average.state_dict()[f"image_encoder.{key}"] for key in _norm_keys(trainer)
    )
    assert torch.isfinite(mean).all()
    assert (var > 0).all()


def _norm_keys(trainer: Trainer) -> tuple[str, str]:
    names = [n for n in trainer.model.image_encoder.state_dict() if n.endswith("running_mean")]
    return names[0], names[0].replace("mean", "var")


EMPTY = LabelledImage("x", "x", np.eye(40, dtype=np.uint8) * 255, np.zeros((40, 40), np.int32))
FULL = LabelledImage("x", "x", EMPTY.image, np.full((40, 40), 7, np.int32))
DOTS = LabelledImage("x", "x", EMPTY.image, np.eye(40, dtype=np.int32))
DARK = LabelledImage("x", "x", np.zeros((40, 40), np.uint8), DOTS.labels)
SPECK = LabelledImage("x", "x", np.zeros((1, 1), np.uint8), np.ones((1, 1), np.int32))


@pytest.mark.parametrize("large_share", [0.0, 1.0])
@pytest.mark.parametrize(
    "image", [EMPTY, FULL, DOTS, DARK, SPECK], ids=["empty", "full", "dots", "dark", "speck"]
)
def test_odd_images_do_no_harm(tmp_path: Path, image: LabelledImage, large_share: float) -> None:
    changes = {"phantoms": 0.0, "smallest": 1, "second_round": 1.0, "third_round": 1.0}
    recipe = Recipe(**SHORT | changes | {"large_share": large_share})
    trainer = Trainer(make_model(), [Source([image], 1.0)], recipe, tmp_path)
    for _ in range(3):
        assert np.isfinite(trainer.train_step()["loss"])
    assert all(torch.isfinite(v).all() for v in trainer.model.state_dict().values())


def test_generated_images_alone(tmp_path: Path) -> None:
    trainer = Trainer(make_model(), [], Recipe(**SHORT | {"phantoms": 1.0}), tmp_path)
    assert np.isfinite(trainer.train_step()["loss"])


def test_sam_itself_can_be_trained(tmp_path: Path, tiny_sam: SamModel) -> None:
    model = copy.deepcopy(tiny_sam)
    recipe = Recipe(**SHORT | {"side": SIZE})
    trainer = Trainer(model, [Source([square()], 1.0)], recipe, tmp_path)
    before = weights(model)
    for _ in range(2):
        assert np.isfinite(trainer.train_step()["loss"])
    name = "image_encoder.patch_embed.proj.weight"
    assert not torch.equal(before[name], model.state_dict()[name])


def test_loss_that_is_not_finite_changes_no_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path)
    before = {k: v.detach().clone() for k, v in trainer.model.named_parameters()}
    nothing = float("nan")
    monkeypatch.setattr(loop, "dense_loss", lambda maps, *_: (maps.inside.sum() * nothing, None))
    assert np.isnan(trainer.train_step()["loss"])
    assert_same(dict(trainer.model.named_parameters()), before)
    assert trainer.step == 1


@pytest.mark.parametrize(
    ("sources", "changes", "error", "message"),
    [
        ([], {}, ImageError, "nothing to train on"),
        (None, {"side": 40}, SettingsError, "multiple of 16"),
        (None, {"side": 128}, SettingsError, "at most 64"),
    ],
)
def test_what_cannot_be_trained(
    tmp_path: Path,
    sources: list[Source] | None,
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    given = [Source([square()], 1.0)] if sources is None else sources
    with pytest.raises(error, match=message):
        Trainer(make_model(), given, Recipe(**SHORT | changes), tmp_path)


def _record_views(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Leave out all learning; collect the side of each view and whether it is generated."""
    seen: list[tuple[int, bool]] = []
    crop = Crop(np.zeros((3, SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.int32))

    def draw(rng: np.random.Generator, side: int) -> Crop:
        seen.append((side, bool(rng.random() < trainer.recipe.phantoms)))
        return crop

    monkeypatch.setattr(trainer.preparation.views, "draw", draw)
    monkeypatch.setattr(trainer, "_loss", lambda *_: torch.zeros(()))
    monkeypatch.setattr(trainer, "_descend", lambda _: None)
    monkeypatch.setattr(trainer, "_update_average", lambda: None)
    return seen


def test_large_views_are_generated_as_often_as_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path, phantoms=0.2, large_share=0.25, batch=2)
    seen = _record_views(trainer, monkeypatch)
    for _ in range(600):
        trainer.train_step()
    large = [generated for side, generated in seen if side == SIZE]
    small = [generated for side, generated in seen if side < SIZE]
    assert len(large) / 600 == pytest.approx(0.25, abs=0.06)
    assert len(small) == 2 * (600 - len(large))
    assert np.mean(large) == pytest.approx(0.2, abs=0.1)
    assert np.mean(small) == pytest.approx(0.2, abs=0.06)


def test_learning_rate_is_that_of_the_recipe(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, warmup=10, learning_rate=1.0)
    trainer.train_step()
    trainer.train_step()
    assert [group["lr"] for group in trainer.optimiser.param_groups] == [0.2, 0.2]


def test_runs_to_the_end_of_the_recipe_and_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "SECONDS", -1.0)
    trainer = make_trainer(tmp_path, steps=3)
    rows: list[dict[str, float]] = []
    trainer.run(1000, report=rows.append)
    assert [row["step"] for row in rows] == [1, 2, 3]
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in logged] == [1, 2, 3]
    assert logged[0]["loss"] == pytest.approx(rows[0]["loss"], abs=1e-3)
    assert read_state(tmp_path / "state.pt")["step"] == 3
    trainer.run(1000)  # done: nothing more happens
    assert trainer.step == 3


@pytest.mark.parametrize(
    ("seconds", "save_every", "steps", "saves"), [(0.0, 9.0, 0, 1), (60.0, -1.0, 2, 3)]
)
def test_stops_in_time_and_saves_on_the_way(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    save_every: float,
    steps: int,
    saves: int,
) -> None:
    trainer = make_trainer(tmp_path, steps=2)
    saved: list[int] = []
    monkeypatch.setattr(trainer, "save", lambda: saved.append(trainer.step))
    trainer.run(seconds, save_every)
    assert trainer.step == steps
    assert len(saved) == saves


def test_first_steps_teach_the_pixels_alone(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, dense_steps=2, dense_batch=3)
    decoder = trainer.model.mask_decoder
    before = weights(decoder)
    rows = [trainer.train_step() for _ in range(2)]
    changed = {k for k, v in weights(decoder).items() if not torch.equal(v, before[k])}
    assert {k.split(".")[0] for k in changed} == {"instance_head"}
    assert all(set(row) <= {"loss", "guess"} for row in rows)
    assert "guess" in rows[0]
    assert {"box", "point"} & trainer.train_step().keys()
    assert not torch.equal(weights(decoder)["mask_tokens.weight"], before["mask_tokens.weight"])


def test_the_encoder_may_compute_in_bfloat16(tmp_path: Path) -> None:
    exact, rough = (make_trainer(tmp_path / str(b), bfloat16=b) for b in (False, True))
    losses = [t.train_step()["loss"] for t in (exact, rough)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    assert all(p.dtype == torch.float32 for p in rough.model.parameters())


def test_only_the_part_around_an_object_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[tuple[int, ...], tuple[int, int]]] = []

    class Spy(loop.Rounds):
        def __init__(self, model: SamModel, features: Any, corners: Any, again: float) -> None:
            size = tuple(features.embedding.shape[-2:])
            seen.extend((size, corner) for corner in corners)
            super().__init__(model, features, corners, again)

    monkeypatch.setattr(loop, "Rounds", Spy)
    whole = make_trainer(tmp_path / "a", side=64, phantoms=1.0)
    part = make_trainer(tmp_path / "b", side=64, phantoms=1.0, region_share=1.0)
    for trainer in (whole, part):
        for _ in range(6):
            assert np.isfinite(trainer.train_step()["loss"])
        sizes = {size for size, _ in seen}
        if trainer is whole:
            assert sizes == {(4, 4)}
        else:
            assert (2, 2) in sizes  # half a side, but all of it for large objects
        for (rows, cols), (row, col) in seen:
            assert row + rows <= 4
            assert col + cols <= 4
        seen.clear()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_a_gpu_and_is_continued_on_the_cpu(tmp_path: Path) -> None:
    model = make_model().cuda()
    recipe = Recipe(**SHORT | {"second_round": 1.0, "bfloat16": True, "region_share": 0.5})
    trainer = Trainer(model, [Source([square()], 1.0)], recipe, tmp_path)
    for _ in range(5):
        assert np.isfinite(trainer.train_step()["loss"])
    trainer.save()
    next_ = make_trainer(tmp_path, second_round=1.0)
    assert next_.resume()
    assert np.isfinite(next_.train_step()["loss"])
