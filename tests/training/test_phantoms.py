"""Tests of generated images."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.training import phantoms
from napari_samara.training.phantoms import phantom


@pytest.mark.parametrize("side", [32, 51, 128])
@pytest.mark.parametrize("seed", range(12))
def test_image_with_objects_numbered_without_gaps(side: int, seed: int) -> None:
    found = phantom(np.random.default_rng(seed), side)
    assert found.image.shape == found.labels.shape == (side, side)
    ids = set(np.unique(found.labels).tolist()) - {0}
    assert ids == set(range(1, len(ids) + 1))
    assert len(ids) <= 120
    assert (found.labels == 0).any()
    assert found.image.min() < 20
    assert found.image.max() > 235


def test_seed_decides() -> None:
    one, same, other = (phantom(np.random.default_rng(s), 64) for s in (1, 1, 2))
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.labels, same.labels)
    assert not np.array_equal(one.image, other.image)


def test_styles_differ() -> None:
    counts = {int(phantom(np.random.default_rng(s), 96).labels.max()) for s in range(20)}
    assert len(counts) > 4


@pytest.mark.parametrize("kind", ["_blobs", "_organs", "_tissue"])
def test_every_kind_is_drawn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    real = getattr(phantoms, kind)
    monkeypatch.setattr(phantoms, kind, lambda rng, side: drawn.append(side) or real(rng, side))
    for seed in range(30):
        phantom(np.random.default_rng(seed), 32)
    assert 3 < len(drawn) < 27


def test_objects_that_leave_no_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantoms, "_star", lambda rng, y, x, radius: np.ones_like(y, bool))
    for seed in range(20):
        labels = phantom(np.random.default_rng(seed), 24).labels
        ids = set(np.unique(labels).tolist())
        assert ids | {0} == set(range(len(ids | {0})))
