"""What an object looks like is learned on one slice and known again on another."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_samara.engine.volume_appearance import Appearance
from napari_samara.engine.volume_matching import Sight
from napari_samara.geometry import Frame

SIZE = 48
INSIDE = np.zeros((SIZE, SIZE), bool)
INSIDE[14:30, 12:32] = True
LATER = np.zeros_like(INSIDE)
LATER[16:28, 16:34] = True


def seen(data: np.ndarray, grey: tuple[int, int], feature: float, seed: int) -> Sight:
    """An object of one grey level in another, and a map in which it differs by some amount."""
    rng = np.random.default_rng(seed)
    pixels = np.where(data, *grey) + rng.normal(0, 8, data.shape)
    noise = gaussian_filter(rng.normal(size=(3, *data.shape)), (0, 1, 1)) * 3
    noise[1] += feature * data
    embedding = SimpleNamespace(
        features={"fine": noise.astype(np.float32)}, frame=Frame(SIZE, SIZE, SIZE)
    )
    return Sight(embedding, pixels.clip(0, 255).astype(np.uint8))


def right(odds: np.ndarray, data: np.ndarray) -> float:
    """Mean of the shares of both sides that are on the right one."""
    window = odds > odds.min()
    return float(((odds > 0)[data & window].mean() + (odds < 0)[~data & window].mean()) / 2)


def test_brightness_is_known_again() -> None:
    known = Appearance.of(seen(INSIDE, (150, 70), 0.0, 1), INSIDE)
    assert right(known.log_odds(seen(LATER, (150, 70), 0.0, 2), INSIDE), LATER) > 0.9


def test_features_are_known_again_where_the_brightness_says_nothing() -> None:
    known = Appearance.of(seen(INSIDE, (100, 100), 6.0, 1), INSIDE)
    assert right(known.log_odds(seen(LATER, (100, 100), 6.0, 2), INSIDE), LATER) > 0.85


def test_it_is_not_sure_where_all_looks_alike() -> None:
    known = Appearance.of(seen(INSIDE, (100, 100), 0.0, 1), INSIDE)
    other = seen(LATER, (100, 100), 0.0, 2)
    window = known.log_odds(other, INSIDE)[10:34, 8:36]
    telling = Appearance.of(seen(INSIDE, (150, 70), 6.0, 1), INSIDE)
    loud = telling.log_odds(seen(LATER, (150, 70), 6.0, 2), INSIDE)[10:34, 8:36]
    assert np.abs(window).mean() < 0.5 * np.abs(loud).mean()


def test_far_away_it_cannot_be() -> None:
    known = Appearance.of(seen(INSIDE, (150, 70), 0.0, 1), INSIDE)
    odds = known.log_odds(seen(LATER, (150, 70), 0.0, 2), INSIDE)
    assert odds[47, 47] == odds.min() == -6


def test_an_object_that_fills_the_slice() -> None:
    everything = np.ones_like(INSIDE)
    sight = seen(everything, (150, 70), 0.0, 1)
    assert not Appearance.of(sight, everything).log_odds(sight, everything).any()


def test_large_objects_are_learned_from_some_of_their_pixels() -> None:
    data = np.zeros((400, 400), bool)
    data[50:350, 60:340] = True
    pixels = np.where(data, 160, 60).astype(np.uint8)
    sight = Sight(SimpleNamespace(features={}, frame=Frame(400, 400, 64)), pixels)
    assert right(Appearance.of(sight, data).log_odds(sight, data), data) > 0.97


def test_a_slice_of_a_few_pixels_says_nothing() -> None:
    data = np.array([[1, 0], [1, 1], [1, 1]], bool)
    pixels = np.array([[200, 10], [190, 180], [170, 210]], np.uint8)
    tiny = Sight(SimpleNamespace(features={}, frame=Frame(3, 2, 64)), pixels)
    assert not Appearance.of(tiny, data).log_odds(tiny, data).any()
