"""Points as prompts: what a hand does is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_samara.ui.layers.signs import NEGATIVE, POSITIVE, SIGN

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


@pytest.fixture
def loop(make_napari_viewer: Callable[..., Any], begin: Any, hands: Any) -> tuple[Any, Any]:
    """An annotation whose next click adds a point, and a user."""
    viewer = make_napari_viewer(show=True)
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE, np.uint8)))
    annotator.layers.select_points()
    return annotator, hands(viewer)


def test_each_click_is_one_step_and_one_decoding(loop: Any, disk_predictor: Any) -> None:
    annotator, user = loop
    told: list[int] = []
    annotator.layers.drawn.connect(lambda: told.append(1))
    user.click(40, 50)
    user.click(60, 70, Qt.KeyboardModifier.ControlModifier)
    assert len(told) == 2
    assert [len(given["points"]) for given in disk_predictor.asked] == [1, 2]
    annotator.undo()
    assert len(annotator.points.data) == 1
    annotator.undo()
    assert not annotator.session.can_undo


def test_a_drag_is_decoded_when_the_button_is_let_go(loop: Any, disk_predictor: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    annotator.points.mode = "select"
    annotator.points.selected_data = set()
    asked = len(disk_predictor.asked)
    start = user.pixel(annotator.points.data[0])
    QTest.mouseMove(user.native, start)
    QTest.mousePress(user.native, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        at = start + QPoint(4 * step, 2 * step)
        QTest.mouseMove(user.native, at)
        QApplication.processEvents()
        assert len(disk_predictor.asked) == asked
    QTest.mouseRelease(user.native, Qt.MouseButton.LeftButton, pos=at)
    QApplication.processEvents()
    assert len(disk_predictor.asked) == asked + 1
    assert np.allclose(annotator.session.prompts[0].at, annotator.points.data[0])
    assert not np.allclose(annotator.points.data[0], (40, 50), atol=2)


def test_a_sign_changed_in_the_table_is_decoded(loop: Any, disk_predictor: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    user.click(60, 70)
    features = annotator.points.features.copy()
    features[SIGN] = [True, False]
    annotator.points.features = features
    assert list(disk_predictor.asked[-1]["positive"]) == [True, False]
    assert [str(symbol) for symbol in annotator.points.symbol] == [
        POSITIVE.symbol,
        NEGATIVE.symbol,
    ]


def test_event_that_counts_too_many_new_points(loop: Any) -> None:
    """As that of napari 0.6.0, which counts the coordinates of the one point that was added."""
    annotator, user = loop
    user.click(40, 50)
    annotator.positive = False
    with annotator.points.events.data.blocker():
        annotator.points.add([60, 70])
    annotator.points.events.data(action="added", data_indices=(-2, -1))
    assert list(annotator.points.features[SIGN]) == [True, False]


def test_look_that_is_right_is_left_alone(loop: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    redrawn: list[Any] = []
    for name in ("face_color", "symbol"):
        getattr(annotator.points.events, name, annotator.points.events.set_data).connect(
            redrawn.append
        )
    annotator.layers.points.dress()
    assert redrawn == []


def test_what_is_drawn_next_looks_as_its_sign_from_the_start(loop: Any) -> None:
    annotator, user = loop
    points, shapes = annotator.points, annotator.shapes
    for positive, look in ((False, NEGATIVE), (True, POSITIVE), (False, NEGATIVE)):
        annotator.positive = positive
        for colour in (points.current_face_color, shapes.current_edge_color):
            assert colour[:7] == look.hex
        assert str(points.current_symbol) == look.symbol
        user.click(40, 50)
        points.selected_data = {0}
    annotator.positive = True
    assert points.face_color[0] == pytest.approx(NEGATIVE.rgba, abs=1e-2)  # selected, and as it was
    annotator.session.clear()
    assert points.current_face_color[:7] == POSITIVE.hex
