"""Tests of judging a run while it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.training.miniature import make_model, square

from napari_samara.errors import FileFormatError
from napari_samara.training.data import LabelledImage
from napari_samara.training.validation import LEAST_GAIN, Judge, validation_images

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def named(dataset: str, side: int = 48) -> LabelledImage:
    picture = square(side)
    return LabelledImage("i", dataset, picture.image, picture.labels)


def test_means_over_data_sets() -> None:
    judge = Judge([named("one"), named("one"), named("two", 64)])
    model = make_model().eval()
    found = judge.judge(model)
    assert set(found) == {
        *("val_box", "val_box_one", "val_box_two"),
        *("val_point", "val_point_one", "val_point_two"),
    }
    for prompt in ("box", "point"):
        parts = [found[f"val_{prompt}_{name}"] for name in ("one", "two")]
        assert found[f"val_{prompt}"] == pytest.approx(np.mean(parts))
        assert 0 <= min(parts) <= max(parts) <= 1
    assert judge.judge(model) == found


def test_the_model_stays_as_it_is() -> None:
    """It is the average of a run: judged in the middle of training."""
    model = make_model().eval().requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Judge([named("one")]).judge(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        assert not value.is_inference()
    model.state_dict()["mask_decoder.mask_tokens.weight"].lerp_(torch.ones(()), 0.1)


def scores_of(judge: Judge, values: list[float], monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether it is exhausted after each look."""
    left = iter(values)
    monkeypatch.setattr(
        judge, "judge", lambda _: dict.fromkeys(("val_box", "val_point"), next(left))
    )
    found = []
    for _ in values:
        judge.look(make_model())
        found.append(judge.exhausted)
    return found


def test_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge([named("one")], seconds=0, patience=2)
    values = [0.5, 0.5 + LEAST_GAIN / 2, 0.6, 0.6, 0.55]
    assert scores_of(judge, values, monkeypatch) == [False, False, False, False, True]
    assert (judge.best, judge.since) == (0.6, 2)


def test_patience_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge([named("one")], seconds=0)
    assert not any(scores_of(judge, [0.5] * 9, monkeypatch))


def test_looks_now_and_then() -> None:
    clock, model = Clock(), make_model().eval()
    judge = Judge([named("one")], seconds=100, clock=clock)
    assert judge.look(model) == {}
    clock.now = 101
    assert judge.look(model)
    clock.now = 150
    assert judge.look(model) == {}


def test_a_resumed_run_keeps_its_patience(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    judge = Judge([named("one")], patience=2)
    judge.resume(log, 0)  # nothing there yet
    rows = [{"val_box": v, "val_point": v} for v in (0.5, 0.7, 0.6, 0.9)]
    rows.insert(1, {"loss": 1.0})
    log.write_text("".join(json.dumps({"step": n, **row}) + "\n" for n, row in enumerate(rows)))
    judge.resume(log, 3)  # the last line is of step 4, which was lost
    assert (judge.best, judge.since, judge.exhausted) == (0.7, 1, False)


def test_nothing_to_judge_by() -> None:
    empty = LabelledImage("e", "e", np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.int32))
    with pytest.raises(FileFormatError, match="no object of at least 25"):
        Judge([empty])


def test_images_of_the_evaluation_folder(data_root: Path) -> None:
    found = validation_images(data_root)
    assert [image.dataset for image in found] == ["dsb2018"] * 6 + ["usiigaci"] * 2 + ["axon_sem"]
    assert len({image.name for image in found}) == 9
    assert max(max(image.labels.shape) for image in found) == 512
    assert all(image.labels.any() for image in found)


def test_the_shipped_model_is_judged(data_root: Path) -> None:
    from napari_samara.api import load

    judge = Judge(validation_images(data_root))
    found = judge.judge(load("samara-tiny", device="cpu").model)
    assert found["val_box"] > 0.6
    assert found["val_point"] > 0.4
