"""Tests of windows that show objects at the size a model knows."""

from __future__ import annotations

import pytest

from napari_samara.engine.fitting_windows import (
    CLOSEST,
    FARTHEST,
    LARGE,
    SMALL,
    WANTED,
    fitting_windows,
)


@pytest.mark.parametrize("size", [SMALL, (SMALL + LARGE) / 2, LARGE])
def test_all_of_the_image_where_objects_are_seen_well(size):
    assert fitting_windows((300, 400), 512, size) == [(0, 0, 300, 400)]


def test_small_objects_are_brought_to_the_wanted_size():
    windows = fitting_windows((300, 400), 512, 14)
    side = windows[0][2] - windows[0][0]
    assert 14 * 400 / side == pytest.approx(WANTED[0], rel=0.02)
    assert len(windows) > 1


def test_a_size_seen_in_a_part_of_the_image():
    windows = fitting_windows((900, 1200), 512, 14, span=400)
    assert windows[0][2] == fitting_windows((300, 400), 512, 14)[0][2]
    same = fitting_windows((900, 1200), 512, SMALL, span=400)
    assert same[0][2] == 400
    assert fitting_windows((900, 1200), 512, 300, span=400)[0][2] == 400


def test_no_closer_than_the_closest():
    side = fitting_windows((256, 256), 512, 1)[0][2]
    assert side == round(512 / CLOSEST)
    assert fitting_windows((64, 64), 512, 1) == [(0, 0, 64, 64)]


def test_large_objects_are_seen_from_farther_away():
    (window,) = fitting_windows((300, 400), 512, 90)
    assert window[2] == window[3]
    assert 90 * 400 / window[3] == pytest.approx(WANTED[1], rel=0.02)
    assert fitting_windows((300, 400), 512, 500)[0][3] == round(400 * FARTHEST)
