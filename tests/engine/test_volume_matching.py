"""A mask follows what moves, and gives way where its neighbours move in."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_samara.engine.volume_matching import Sight, matched, places_in, window_of
from napari_samara.geometry import Frame

SIZE = 48
TEXTURE = gaussian_filter(np.random.default_rng(0).normal(size=(3, SIZE, SIZE)), (0, 1.5, 1.5))


def disk(row: int, col: int, radius: float) -> np.ndarray:
    rows, cols = np.indices((SIZE, SIZE))
    return np.asarray(np.hypot(rows - row, cols - col) <= radius)


def sight(data: np.ndarray, moved: int = 0, fine: bool = True) -> Sight:
    """Bright where the object is; feature maps of its texture, at the size of the slice."""
    grey = np.where(data, 180, 60).astype(np.uint8)
    maps = np.roll(TEXTURE, moved, axis=2) * 20 + 3.0 * data
    features = {"fine": maps.astype(np.float32)} if fine else {}
    features["coarse"] = np.full((4, 2, 2), np.nan, np.float32)  # never looked at
    embedding = SimpleNamespace(features=features, frame=Frame(SIZE, SIZE, SIZE))
    return Sight(embedding, grey)


def test_nothing_changes() -> None:
    data = disk(20, 20, 8)
    assert np.array_equal(matched(sight(data), sight(data), data) > 0, data)


@pytest.mark.parametrize("fine", [True, False])
def test_what_moves_is_followed(fine: bool) -> None:
    before, now = disk(20, 20, 8), disk(20, 22, 8)
    found = matched(sight(before, fine=fine), sight(now, 2, fine), before) > 0
    assert np.count_nonzero(found ^ now) < np.count_nonzero(before ^ now) / 3


def test_what_shrinks_gives_way() -> None:
    before, now = disk(20, 20, 8), disk(20, 20, 6)
    found = matched(sight(before), sight(now), before) > 0
    assert np.count_nonzero(found & ~now) < np.count_nonzero(before & ~now) / 2
    assert np.count_nonzero(found & now) > 0.9 * np.count_nonzero(now)


def test_large_objects_are_compared_in_steps() -> None:
    data = np.zeros((300, 300), bool)
    data[40:240, 50:260] = True
    grey = np.where(data, 180, 60).astype(np.uint8)
    seen = Sight(SimpleNamespace(features={}, frame=Frame(300, 300, 64)), grey)
    found = matched(seen, seen, data)
    assert found.shape == data.shape
    assert np.count_nonzero((found > 0) ^ data) < 0.05 * np.count_nonzero(data)


def test_far_away_it_cannot_be() -> None:
    data = disk(10, 10, 4)
    found = matched(sight(data), sight(data), data)
    assert found[40, 40] == found.min() < -4


def test_windows_end_at_the_edge() -> None:
    rows, cols = window_of(disk(2, 44, 6))
    assert (rows.start, cols.stop) == (0, SIZE)
    assert len(places_in((slice(0, 5), slice(2, 9)), 2)) == 3 * 4


def test_maps_are_read_at_the_middle_of_pixels() -> None:
    ramp = np.tile(np.arange(SIZE, dtype=np.float32), (1, SIZE, 1))
    places = np.array([[3, 7], [0, 0], [47, 47]])
    read = sight(disk(20, 20, 8)).sampled(ramp, places)
    assert read[:, 0] == pytest.approx(places[:, 1], abs=1e-4)


def test_a_slice_of_a_few_pixels_says_nothing() -> None:
    data = np.array([[1, 0], [1, 1], [1, 1]], bool)
    seen = Sight(SimpleNamespace(features={}, frame=Frame(3, 2, 64)), np.eye(3, 2, dtype=np.uint8))
    found = matched(seen, seen, data)
    assert found.shape == data.shape
    assert not found.any()
