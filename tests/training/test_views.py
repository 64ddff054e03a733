"""Tests of sources and of drawing from them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.training.miniature import square

from napari_samara.errors import ImageError, SettingsError
from napari_samara.training.data import LabelledImage
from napari_samara.training.views import Source, Views


def plain(value: int) -> LabelledImage:
    """An image that is one object, known by its id."""
    image = np.random.default_rng(0).integers(0, 255, (60, 60)).astype(np.uint8)
    return LabelledImage(str(value), "plain", image, np.full((60, 60), value, np.int32))


def test_source_without_images() -> None:
    with pytest.raises(ImageError, match="no images to train on"):
        Source([], 1.0)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_weight_is_positive(weight: float) -> None:
    with pytest.raises(SettingsError, match="positive number"):
        Source([square()], weight)


def test_nothing_to_draw_from() -> None:
    with pytest.raises(ImageError, match="nothing to train on"):
        Views([], 0.99)


def test_generated_views_alone() -> None:
    crop = Views([], 1.0).draw(np.random.default_rng(0), 32)
    assert crop.pixels.shape == (3, 32, 32)


def test_sources_are_drawn_by_weight_and_images_alike() -> None:
    views = Views([Source([plain(1), plain(2)], 3.0), Source([plain(3)], 1.0)], 0.0)
    rng = np.random.default_rng(0)
    drawn = [int(views.draw(rng, 32).labels.max()) for _ in range(400)]
    shares = [drawn.count(value) / len(drawn) for value in (1, 2, 3)]
    assert shares == pytest.approx([0.375, 0.375, 0.25], abs=0.08)


def test_share_of_phantoms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_samara.training.views.phantom", lambda rng, side: plain(9))
    views = Views([Source([plain(1)], 1.0)], 0.3)
    rng = np.random.default_rng(0)
    drawn = [int(views.draw(rng, 32).labels.max()) for _ in range(400)]
    assert drawn.count(9) / len(drawn) == pytest.approx(0.3, abs=0.08)


def test_seed_decides() -> None:
    views = Views([Source([square()], 1.0)], 0.5)
    for seed in range(6):
        one, two = (views.draw(np.random.default_rng(seed), 32) for _ in range(2))
        assert np.array_equal(one.pixels, two.pixels)
        assert np.array_equal(one.labels, two.labels)
