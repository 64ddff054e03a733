"""Tests of the recipe."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from napari_samara.errors import SettingsError
from napari_samara.training.recipe import Recipe


def test_every_field_is_described() -> None:
    assert all(name in (Recipe.__doc__ or "") for name in asdict(Recipe()))


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"batch": -1},
        {"side": 32.0},
        {"prompts": True},
        {"smallest": 0},
        {"large_share": 1.1},
        {"phantoms": -0.1},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"weight_decay": -1e-3},
        {"warmup": "soon"},
        {"ema": 1.5},
        {"seed": -1},
        {"bfloat16": 1},
        {"dense_batch": 0},
    ],
    ids=str,
)
def test_number_out_of_range(changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(SettingsError, match=f"{name} of a recipe"):
        Recipe(**changes)


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.1), (4, 0.5), (9, 1), (30, 1), (50, 1), (75, 0.5), (100, 0), (200, 0)],
)
def test_rate_rises_stays_and_falls(step: int, share: float) -> None:
    recipe = Recipe(steps=100, warmup=10, decay_from=0.5, learning_rate=0.02)
    assert recipe.rate(step) == pytest.approx(0.02 * share)


@pytest.mark.parametrize(
    "changes", [{"warmup": 0}, {"decay_from": 1.0}, {"decay_from": 0, "steps": 1}]
)
def test_rate_without_warmup_or_fall(changes: dict[str, Any]) -> None:
    recipe = Recipe(**{"steps": 10, "warmup": 0, "learning_rate": 1.0} | changes)
    assert recipe.rate(0) == 1.0
