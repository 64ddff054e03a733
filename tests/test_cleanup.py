"""Labels put in order, each step by itself and all together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_samara.cleanup import border_objects, clean_up, split
from napari_samara.cleanup_settings import CleanupSettings
from napari_samara.errors import ImageError


def scene() -> np.ndarray:
    """1 at the border, 3 with a hole that holds 9, 5 in two pieces, 7 of one pixel."""
    labels = np.zeros((40, 50), np.uint8)
    labels[0:6, 10:16] = 1
    labels[10:20, 10:20] = 3
    labels[12:18, 12:18] = 0
    labels[14, 14] = 9
    labels[25:31, 10:20] = 5
    labels[33:35, 10:12] = 5
    labels[38, 45] = 7
    return labels


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, {1: 36, 3: 64, 5: 64, 7: 1, 9: 1}),
        ({"remove_border": True}, {3: 64, 5: 64, 7: 1, 9: 1}),
        ({"remove_border": True, "border": 1}, {3: 64, 5: 64, 9: 1}),
        ({"keep_largest": True}, {1: 36, 3: 64, 5: 60, 7: 1, 9: 1}),
        ({"fill_holes": True}, {1: 36, 3: 99, 5: 64, 7: 1, 9: 1}),
        ({"split_pieces": True}, {1: 36, 3: 64, 5: 60, 7: 1, 9: 1, 10: 4}),
        ({"smallest": 2}, {1: 36, 3: 64, 5: 64}),
        ({"largest": 40}, {1: 36, 7: 1, 9: 1}),
        ({"relabel": True}, {1: 36, 2: 64, 3: 64, 4: 1, 5: 1}),
        (
            {"remove_border": True, "keep_largest": True, "smallest": 2, "relabel": True},
            {1: 64, 2: 60},
        ),
        ({"split_pieces": True, "smallest": 5, "relabel": True}, {1: 36, 2: 64, 3: 60}),
    ],
    ids=lambda value: ",".join(map(str, value)) if value and isinstance(value, dict) else None,
)
def test_each_step(settings: dict[str, Any], sizes: dict[int, int]) -> None:
    labels = scene()
    found = clean_up(labels, CleanupSettings(**settings))
    assert found.dtype == labels.dtype
    assert np.array_equal(labels, scene())  # not changed
    numbers, counts = np.unique(found[found > 0], return_counts=True)
    assert dict(zip(numbers.tolist(), counts.tolist(), strict=True)) == sizes


def test_a_volume_has_its_border_on_all_sides() -> None:
    labels = np.zeros((5, 20, 20), np.int32)
    labels[0:3, 5:8, 5:8] = 1
    labels[1:4, 12:15, 12:15] = 2
    assert border_objects(labels).tolist() == [1]
    assert border_objects(labels, within=1).tolist() == [1, 2]
    assert border_objects(labels[2:3]).tolist() == []
    assert border_objects(np.zeros((4, 4), int)).tolist() == []


def test_a_dumbbell_falls_apart_at_its_neck() -> None:
    rows, cols = np.indices((30, 60))
    inside = (np.hypot(rows - 15, cols - 15) <= 10) | (np.hypot(rows - 15, cols - 42) <= 8)
    inside |= (abs(rows - 15) <= 1) & (cols > 15) & (cols < 42)
    found = split(inside)
    assert found.max() == 2
    assert found[15, 15] == 1  # the larger one
    assert found[15, 42] == 2
    assert np.array_equal(found > 0, inside)
    assert split(inside[:, :26]).max() == 1  # a disk stays whole


def test_pieces_come_apart_without_a_neck() -> None:
    inside = np.zeros((10, 20), bool)
    inside[1:4, 1:4] = inside[5:9, 10:19] = True
    found = split(inside)
    assert found[2, 2] == 2
    assert found[6, 12] == 1
    assert not split(np.zeros((4, 4), bool)).any()


def test_points_say_where_the_parts_are() -> None:
    inside = np.ones((10, 30), bool)
    found = split(inside, [(5, 4), (5, 15), (5, 25)])
    assert len({int(found[5, col]) for col in (4, 15, 25)}) == 3
    assert (found > 0).all()
    with pytest.raises(ImageError, match="outside"):
        split(inside, [(5, 40)])


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.zeros(4, int), np.full((2, 2), -1)])
def test_what_are_no_labels(labels: np.ndarray) -> None:
    with pytest.raises(ImageError, match="labels"):
        clean_up(labels)


def test_numbers_that_do_not_fit() -> None:
    labels = np.zeros((4, 8), np.uint8)
    labels[0, ::2] = 255
    with pytest.raises(ImageError, match="uint8"):
        clean_up(labels, CleanupSettings(split_pieces=True))
