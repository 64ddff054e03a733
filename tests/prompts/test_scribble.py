"""Tests of scribble prompts and how points are taken from them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_samara.errors import PromptError
from napari_samara.prompts import Prompt, scribble
from napari_samara.prompts.scribble import MOST_POINTS, sampled


def _points(path: object, shape: tuple[int, int] = (100, 100)) -> list[list[float]]:
    return scribble(path).inputs(shape).points.tolist()


def test_ends_and_corners_are_kept() -> None:
    found = _points([(0, 0), (0, 10), (0, 40), (30, 40), (60, 10)])
    for place in ([0, 0], [0, 40], [30, 40], [60, 10]):
        assert place in found
    assert len(found) <= MOST_POINTS


def test_a_straight_line_is_filled_evenly() -> None:
    found = np.array(_points([(5, 0), (5, 80)]))
    assert (found[:, 0] == 5).all()
    assert np.diff(found[:, 1]).max() <= 10
    assert np.diff(found[:, 1]).min() > 0


def test_a_short_line_gets_few_points() -> None:
    assert _points([(5, 5), (5, 9)]) == [[5, 5], [5, 9]]


@pytest.mark.parametrize("path", [[(5, 6)], [(5, 6), (5, 6)], [(5, 6)] * 9])
def test_a_dot_is_one_point(path: list) -> None:
    assert _points(path) == [[5, 6]]


def test_a_closed_loop_comes_back() -> None:
    angle = np.linspace(0, 2 * math.pi, 300)
    path = np.stack([50 + 40 * np.sin(angle), 50 + 40 * np.cos(angle)], axis=1)
    found = np.array(_points(path))
    assert 8 <= len(found) <= MOST_POINTS
    np.testing.assert_allclose(np.hypot(*(found - 50).T), 40, atol=1)
    quarters = {(row > 50, col > 50) for row, col in found}
    assert len(quarters) == 4


def test_a_trembling_hand_makes_no_corners() -> None:
    rng = np.random.default_rng(0)
    along = np.linspace(5, 90, 2000)
    path = np.stack([50 + rng.normal(0, 0.3, 2000), along], axis=1)
    found = np.array(_points(path))
    assert len(found) <= MOST_POINTS
    assert np.diff(found[:, 1]).max() < 20
    assert np.abs(found[:, 0] - 50).max() < 2


def test_a_long_zigzag_stays_within_the_limit() -> None:
    path = [(20 + 60 * (i % 2), i) for i in range(100)]
    assert len(_points(path)) == MOST_POINTS
    assert len(sampled(np.array(path, float), most=5)) == 5


def test_points_lie_on_the_path_in_drawing_order() -> None:
    found = np.array(_points([(10, 10), (10, 60), (50, 60)]))
    on_first, on_second = found[:, 0] == 10, found[:, 1] == 60
    assert (on_first | on_second).all()
    assert (np.diff(found.sum(axis=1)) > 0).all()


def test_only_the_part_inside_counts() -> None:
    found = np.array(_points([(50, -1000), (50, 1000)]))
    assert len(found) >= 5
    assert found[:, 1].min() >= -0.5
    assert found[:, 1].max() <= 99.5
    assert (found[:, 0] == 50).all()


@pytest.mark.parametrize("path", [[(200, 200)], [(-5, 0), (-5, 90)], [(-90, 50), (50, -90)]])
def test_a_scribble_outside_is_refused(path: list) -> None:
    with pytest.raises(PromptError, match=r"scribble .* outside the plane of shape \(100, 100\)"):
        _points(path)


@pytest.mark.parametrize(
    "path", [[], [(1, 2, 3)], [(1, math.nan)], [(1, 2), (3,)], "line", None, 3, [("a", "b")]]
)
def test_bad_paths(path: object) -> None:
    with pytest.raises(PromptError):
        scribble(path)


def test_sign_and_plain_form() -> None:
    made = scribble(np.array([(1, 2), (3, 4.5)]), positive=False, index=5)
    data = {
        "kind": "scribble",
        "axis": 0,
        "index": 5,
        "path": [[1, 2], [3, 4.5]],
        "positive": False,
    }
    assert made.to_dict() == data
    assert Prompt.from_dict(data) == made
    assert hash(made) == hash(Prompt.from_dict(data))
    assert not made.inputs((9, 9)).positive.any()
