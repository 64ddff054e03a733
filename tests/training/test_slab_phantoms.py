"""Tests of generated slices with the slice beside them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.training import slab_phantoms
from napari_samara.training.slab_phantoms import slab_phantom


@pytest.mark.parametrize("side", [25, 51, 128])
@pytest.mark.parametrize("seed", range(8))
def test_slice_with_the_one_beside_it(side: int, seed: int) -> None:
    found = slab_phantom(np.random.default_rng(seed), side)
    assert found.before is not None
    assert found.image.shape == found.labels.shape == found.before.shape == (side, side)
    assert found.before.dtype == np.int32
    assert found.image.min() < 20
    assert found.image.max() > 235
    assert not np.array_equal(found.labels, found.before)


def test_seed_decides() -> None:
    one, same, other = (slab_phantom(np.random.default_rng(s), 64) for s in (1, 1, 2))
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.labels, same.labels)
    assert not np.array_equal(one.image, other.image)


@pytest.mark.parametrize("kind", ["_nuclei", "_organs", "_tissue"])
def test_every_kind_is_drawn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    real = getattr(slab_phantoms, kind)
    monkeypatch.setattr(slab_phantoms, kind, lambda *a: drawn.append(a[1]) or real(*a))
    for seed in range(30):
        slab_phantom(np.random.default_rng(seed), 32)
    assert 3 < len(drawn) < 27


def test_objects_stay_where_they_are_or_end() -> None:
    gone, overlaps = [], []
    for seed in range(30):
        found = slab_phantom(np.random.default_rng(seed), 128)
        assert found.before is not None
        for number in np.unique(found.before)[1:]:
            earlier, now = found.before == number, found.labels == number
            if earlier.sum() < 24:
                continue
            gone.append(not now.any())
            if now.any():
                overlaps.append((earlier & now).sum() / min(earlier.sum(), now.sum()))
    assert 0.03 < np.mean(gone) < 0.4
    assert np.mean(overlaps) > 0.7


def test_what_has_just_ended_still_glows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blur along the axis: brighter than the ground, and less bright than what is there."""
    monkeypatch.setattr(slab_phantoms, "to_grey", lambda _, image: np.uint8(255 * image.clip(0, 1)))
    ended, there, ground = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        image, labels = slab_phantoms._nuclei(rng, 128, 3.0)
        if image[labels > 0].mean() < image[labels == 0].mean():
            continue
        shown = slab_phantoms._seen(image, 1.0, 1.0)
        middle = len(labels) // 2
        near = np.isin(labels[middle + 1], np.unique(labels[middle]), invert=True)
        edge = near & (labels[middle + 1] > 0) & (labels[middle] == 0)
        if edge.sum() > 20:
            ended.append(shown[edge].mean())
            there.append(shown[labels[middle] > 0].mean())
            ground.append(shown[(labels == 0).all(0)].mean())
    assert len(ended) > 10
    assert np.mean(ground) + 0.02 < np.mean(ended) < np.mean(there) - 0.02
