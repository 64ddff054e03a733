"""Tests of the picture of a result."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.cli.overlay import draw_overlay
from napari_samara.prompts import PromptSet, box, mask, point, polygon, scribble

GREY = np.full((50, 100, 3), 100, np.uint8)


def drawn(labels: np.ndarray, *prompts: object) -> np.ndarray:
    return np.asarray(draw_overlay(GREY, labels, PromptSet(prompts)))  # type: ignore[arg-type]


def test_small_images_are_enlarged_by_a_whole_factor() -> None:
    found = drawn(np.zeros((50, 100), np.int32))
    assert found.shape == (500, 1000, 3)
    assert (found == 100).all()


def test_objects_are_coloured_where_they_are() -> None:
    labels = np.zeros((50, 100), np.int32)
    labels[20:40, 30:60] = 1
    labels[20:40, 60:90] = 2
    found = drawn(labels)
    assert (found[:150] == 100).all()
    first, second = found[300, 450], found[300, 750]
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, [100] * 3)
    assert found[300, 305].max() == 255  # the outline, in full colour


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        (point(20, 30), (205, 305)),
        (point(49, 99), (495, 995)),
        (box(10, 20, 30, 40), (200, 200)),
        (scribble([(10, 20), (10, 60)]), (105, 405)),
        (polygon([(10, 20), (10, 60), (30, 40)]), (105, 405)),
    ],
)
def test_prompts_are_white(prompt: object, place: tuple[int, int]) -> None:
    assert drawn(np.zeros((50, 100), np.int32), prompt)[place].tolist() == [255, 255, 255]


def test_negative_points_are_red_and_masks_left_out() -> None:
    labels = np.zeros((50, 100), np.int32)
    red, green, _ = drawn(labels, point(20, 30, positive=False))[205, 305]
    assert red > 200 > 100 > green
    assert (drawn(labels, mask(np.ones((50, 100), bool))) == 100).all()
