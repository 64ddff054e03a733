"""Evidence in numbers, doubt in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_samara.engine.consistency import Evidence, compare, doubt_of, joined, look_at
from napari_samara.engine.slice_opinion import Tones, depth_opinion
from napari_samara.engine.volume_fronts import passed_gap

SURE = Evidence(iou=0.95, area=1.0, shift=0.02, score=0.95)


def square(row: int, col: int, side: int) -> np.ndarray:
    data = np.zeros((40, 40), bool)
    data[row : row + side, col : col + side] = True
    return data


def test_no_doubt_about_the_same() -> None:
    assert doubt_of(SURE) == (0.0, "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": 0.3}, "unsure"),
        ({"iou": 0.1}, "little in common"),
        ({"area": 0.1}, "falls"),
        ({"area": 4.0}, "jumps"),
        ({"shift": 2.0}, "middle"),
        ({"brightness": 3.0}, "brightness"),
        ({"contrast": 0.0}, "stands out"),
        ({"waist": 3.0}, "grows again"),
        ({"length": 5.0}, "long for its width"),
        ({"seen": 0.5}, "shows badly"),
    ],
)
def test_every_reason_is_told(change: dict[str, float], words: str) -> None:
    doubt, reason = doubt_of(replace(SURE, **change))
    assert doubt > 0.3
    assert words in reason


def test_who_looked_ahead_needs_the_rules_less() -> None:
    faded = replace(SURE, contrast=0.2)
    assert doubt_of(faded)[0] > 0.7
    assert 0 < doubt_of(replace(faded, seen=1.0))[0] < 0.1
    jumped = replace(SURE, area=4.0)  # which it has not seen to be wrong
    assert doubt_of(replace(jumped, seen=1.0)) == doubt_of(jumped)
    doubts = [doubt_of(replace(SURE, seen=iou))[0] for iou in (1.0, 0.9, 0.7, 0.5)]
    assert doubts[0] == doubts[1] == 0 < doubts[2] < doubts[3]


def test_doubts_join() -> None:
    doubt, words = joined([(0.5, "one"), (0.5, "two"), (0.6, "three"), (0.01, "none")])
    assert doubt == pytest.approx(1 - 0.5 * 0.5 * 0.4 * 0.99)
    assert words == "three; two"


def test_what_is_compared() -> None:
    pixels = np.where(square(10, 10, 10), 200, 50).astype(np.uint8)
    look = look_at(pixels, square(10, 10, 10))
    assert (look.inside, look.outside) == (200, 50)
    evidence = compare(square(10, 10, 10), square(12, 10, 10), 0.9, look, look)
    assert evidence.area == 1
    assert evidence.iou == pytest.approx(80 / 120)
    assert evidence.contrast == 1
    faded = np.where(square(10, 10, 10), 100, 50).astype(np.uint8)
    assert look_at(faded, square(10, 10, 10)).left_of(look) == pytest.approx(1 / 3)
    assert look.left_of(look_at(np.full((40, 40), 50, np.uint8), square(10, 10, 10))) == 1


def test_tones_are_silent_where_all_is_alike() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(90, 110, (40, 40)).astype(np.uint8)
    data, ring = square(10, 10, 12), square(6, 6, 20) & ~square(10, 10, 12)
    quiet = Tones.of(noise, data, ring)
    assert not quiet.telling
    assert quiet.likeness(noise, data) == 1
    bright = np.where(data, 200, noise).astype(np.uint8)
    loud = Tones.of(bright, data, ring)
    assert loud.telling
    assert loud.likeness(bright, data) == pytest.approx(1)
    assert loud.likeness(bright, ring) < 0


def test_depth_grows_inwards_and_ends() -> None:
    depth = depth_opinion(square(10, 10, 10), 2.0)
    assert depth[15, 15] == 2
    assert depth[10, 15] == pytest.approx(0.25)
    assert depth[9, 15] == pytest.approx(-0.25)
    assert depth[39, 39] == -8


@pytest.mark.parametrize(
    ("path", "gap"),
    [
        ([(5, 1.0, 100), (6, 0.9, 95), (7, 0.8, 90)], None),
        ([(5, 1.0, 100), (6, 0.7, 70), (7, 0.75, 70), (8, 0.95, 90)], 6),
        ([(5, 1.0, 100), (6, 0.7, 98), (7, 0.95, 99)], None),
        ([(5, 1.0, 100), (4, 0.5, 98), (3, 0.8, 99)], 4),
    ],
)
def test_gaps(path: list[tuple[int, float, int]], gap: int | None) -> None:
    assert passed_gap(path) == gap
