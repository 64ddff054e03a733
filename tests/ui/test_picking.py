"""One object per prompt: seen apart, picked by clicks, undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.ui.conftest import disk

from napari_samara.ui.layers.batch_preview import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.ui.annotator import Annotator

pytestmark = pytest.mark.gui

SHAPE = (96, 128)
PLACES = [[20.0, 20.0], [20.0, 34.0], [60.0, 90.0]]
"""The first two disks touch."""


@pytest.fixture
def three(make_napari_viewer: Callable[..., Any], begin: Any, hands: Any) -> tuple[Annotator, Any]:
    """An annotation with three candidates, and a user."""
    viewer = make_napari_viewer(show=True)
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE, np.uint8)))
    annotator.each = True
    annotator.points.add(PLACES)
    return annotator, hands(viewer)


def at(annotator: Annotator, place: int) -> int:
    """Value of the preview in the middle of a disk."""
    row, col = PLACES[place]
    return int(annotator.preview.data[int(row), int(col)])


def test_touching_candidates_are_told_apart(three: Any) -> None:
    annotator, _ = three
    truth = np.any([disk(SHAPE, *place) for place in PLACES], axis=0)
    assert ((annotator.preview.data > 0) == truth).all()
    assert at(annotator, 0) != at(annotator, 1)
    assert LEFT_OUT not in annotator.preview.data


def test_a_click_leaves_one_out_and_another_takes_it_in(three: Any) -> None:
    annotator, user = three
    before = at(annotator, 1), at(annotator, 2)
    annotator.picking.begin()
    assert annotator.viewer.layers.selection.active is annotator.preview
    user.click(60, 90)
    assert annotator.session.picked == (0, 1)
    assert (at(annotator, 1), at(annotator, 2)) == (before[0], LEFT_OUT)
    user.click(80, 20)  # beside all of them
    assert annotator.session.picked == (0, 1)
    user.click(60, 90)
    assert annotator.session.picked == (0, 1, 2)
    assert (at(annotator, 1), at(annotator, 2)) == before
    user.click(20, 18)
    user.key("Control+Z")
    assert annotator.session.picked == (0, 1, 2)
    user.key("Control+Shift+Z")
    user.key("W")
    assert not annotator.labels.data[20, 18]
    assert sorted(annotator.session.objects) == [1, 2]
    assert len(annotator.points.data) == 0
    assert not annotator.preview.data.any()


def test_undo_brings_all_back(three: Any) -> None:
    annotator, user = three
    annotator.picking.toggle(60, 90)
    shown = annotator.preview.data.copy()
    user.key("W")
    user.key("Control+Z")
    assert not annotator.labels.data.any()
    assert np.array_equal(annotator.points.data, PLACES)
    assert np.array_equal(annotator.preview.data, shown)
    assert annotator.session.picked == (0, 1)


def test_prompts_are_undone_one_by_one(three: Any, disk_predictor: Any) -> None:
    annotator, user = three
    annotator.points.add([[80.0, 40.0]])
    asked = len(disk_predictor.asked)
    user.key("Control+Z")
    assert np.array_equal(annotator.points.data, PLACES)
    assert len(annotator.session.batch) == 3
    user.key("K")
    assert len(annotator.points.data) == 0
    assert not annotator.preview.data.any()
    user.key("Control+Z")
    assert np.array_equal(annotator.points.data, PLACES)
    assert len(disk_predictor.asked) == asked


def test_undo_goes_back_to_one_object_and_redo_to_many(
    make_napari_viewer: Callable[..., Any], begin: Any
) -> None:
    viewer = make_napari_viewer()
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE, np.uint8)))
    told: list[bool] = []
    annotator.each_switched.connect(told.append)
    annotator.points.add(PLACES[:1])
    mask = annotator.preview.data.copy()
    annotator.each = True
    annotator.points.add(PLACES[1:])
    for _ in range(3):  # two points, the first seed, the change of mode
        annotator.undo()
    assert not annotator.each
    assert np.array_equal(annotator.points.data, PLACES[:1])
    assert np.array_equal(annotator.preview.data, mask)
    for _ in range(3):
        annotator.redo()
    assert annotator.each
    assert told == [True, False, True]
    assert np.array_equal(annotator.points.data, PLACES)
    assert len(annotator.session.batch) == 3
    annotator.each = False
    assert len(annotator.session.prompts) == 3
    assert set(np.unique(annotator.preview.data)) == {0, 1}


def test_many_are_shown_on_their_plane_alone(
    make_napari_viewer: Callable[..., Any], begin: Any
) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_image(np.zeros((3, *SHAPE), np.uint8))
    viewer.dims.set_point(0, 0)
    annotator = begin(viewer, layer)
    annotator.each = True
    annotator.points.add([[0.0, 20.0, 20.0], [0.0, 60.0, 90.0]])
    shown = annotator.preview.data.copy()
    assert shown.any()
    viewer.dims.set_point(0, 1)
    assert not annotator.preview.data.any()
    viewer.dims.set_point(0, 0)
    assert np.array_equal(annotator.preview.data, shown)


def test_reopening_ends_it(three: Any) -> None:
    annotator, user = three
    user.key("W")
    annotator.points.add(PLACES[:1])
    annotator.selected = 2
    user.key("U")
    assert not annotator.each
    assert np.allclose(annotator.points.data, PLACES[1:2])
    assert annotator.session.open_label == 2
