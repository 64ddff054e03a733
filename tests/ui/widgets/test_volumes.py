"""The Volumes dock in a real viewer: objects followed, doubts reviewed, other planes and axes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.ui.volume_annotator import (
    BOXES,
    DECODER,
    ONE,
    TWO,
    SeeingPredictor,
    decoder,
    dice,
    phantom,
)

from napari_samara.prompts import box
from napari_samara.session import InlineRunner
from napari_samara.session.paced_runner import PacedRunner
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.open_annotators import register
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.volumes import VolumesWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.gui

Opened = tuple[VolumesWidget, Annotator]


@pytest.fixture(autouse=True)
def _decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DECODER, decoder)


@pytest.fixture
def open_(make_napari_viewer: Callable[..., Any]) -> Iterator[Callable[..., Opened]]:
    """A dock and an annotation of a volume, at slice 10; everything in the main thread."""
    made: list[Annotator] = []

    def make(data: np.ndarray | None = None, runner: Any = None, **kwargs: Any) -> Opened:
        viewer = make_napari_viewer()
        layer = viewer.add_image(phantom() if data is None else data, **kwargs)
        viewer.dims.set_point(layer.ndim - 3, 10 * layer.scale[-3])
        dock = VolumesWidget(viewer)
        viewer.window.add_dock_widget(dock, name="Volumes")
        inline = runner or (lambda _: InlineRunner())
        annotator = register(
            viewer, lambda: Annotator(viewer, layer, SeeingPredictor(), runner=inline)
        )
        made.append(annotator)
        settle(dock)
        return dock, annotator

    yield make
    for annotator in made:
        annotator.close()


def settle(dock: VolumesWidget) -> None:
    """Have the panels draw what has changed."""
    QApplication.processEvents()
    for panel in dock.panels:
        panel.refresh()


def draw_box(annotator: Annotator, label: int) -> None:
    """Draw a rectangle on slice 10, as a user would."""
    row0, col0, row1, col1 = BOXES[label]
    corners = [(10, row0, col0), (10, row0, col1), (10, row1, col1), (10, row1, col0)]
    annotator.shapes.add(np.array(corners, float))


def followed(annotator: Annotator) -> None:
    """Both objects, followed through all their slices."""
    for label in BOXES:
        draw_box(annotator, label)
        annotator.accept()
    annotator.following.begin(every=True)


def test_the_open_object_is_followed_by_a_key_and_undone_by_another(
    open_: Callable[..., Opened], hands: Any
) -> None:
    dock, annotator = open_()
    user = hands(annotator.viewer)
    assert not dock.following.follow.isEnabled()
    draw_box(annotator, 1)
    settle(dock)
    assert dock.following.follow.text().startswith("Follow the open object (")
    user.key("Shift+W")
    assert dice(annotator.labels.data, 1, ONE) > 0.9
    assert "undo" in dock.following.progress.line.text()
    user.key("Control+Z")
    assert not annotator.labels.data.any()
    assert len(annotator.session.prompts) == 1


def test_buttons_say_what_they_follow(open_: Callable[..., Opened]) -> None:
    dock, annotator = open_()
    for label in BOXES:
        draw_box(annotator, label)
        annotator.accept()
    settle(dock)
    assert dock.following.follow.text().startswith("Follow object 2")
    annotator.following.chosen = (1, 2)
    settle(dock)
    assert dock.following.follow.text().startswith("Follow objects 1, 2")
    assert dock.following.every.text() == "Follow all 2 objects"
    dock.following.every.click()
    assert dice(annotator.labels.data, 1, ONE) > 0.9
    assert dice(annotator.labels.data, 2, TWO) > 0.9


def test_what_was_followed_is_selected(open_: Callable[..., Opened]) -> None:
    dock, annotator = open_()
    draw_box(annotator, 1)
    annotator.accept()
    settle(dock)
    assert dock.following.every.text() == "Follow all objects"
    draw_box(annotator, 2)
    settle(dock)
    dock.following.follow.click()
    assert set(annotator.session.objects) == {1, 2}
    assert annotator.selected == 2


def test_settings_and_range_are_used(open_: Callable[..., Opened]) -> None:
    dock, annotator = open_()
    panel = dock.following
    panel.fields["method"].setCurrentText("interpolate")
    panel.fields["points"].setValue(3)
    assert annotator.following.settings.method == "interpolate"
    assert annotator.following.settings.points == 3
    panel.fields["method"].setCurrentText("model")
    panel.limited.setChecked(True)
    panel.first.setValue(8)
    panel.last.setValue(12)
    draw_box(annotator, 1)
    annotator.following.begin()
    assert np.flatnonzero(annotator.labels.data.any((1, 2))).tolist() == [8, 9, 10, 11, 12]


def test_spacing_is_that_of_the_layer(
    open_: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, annotator = open_(scale=(3, 0.5, 0.5))
    settle(dock)
    assert "3 × 0.5 × 0.5" in dock.following.spacing.text()
    given: list[Any] = []
    monkeypatch.setattr(annotator.session, "propagate", lambda *args: given.append(args))
    draw_box_at_scale = box(*BOXES[1], index=10)
    annotator.session.add(draw_box_at_scale)
    annotator.following.begin()
    assert given[0][4] == pytest.approx((3, 0.5, 0.5))


def test_the_list_leads_to_slices(open_: Callable[..., Opened], hands: Any) -> None:
    dock, annotator = open_()
    user = hands(annotator.viewer)
    followed(annotator)
    dock.review.at_least.setValue(0.0)
    settle(dock)
    model, table = dock.review.model, dock.review.table
    stakes = [one.at_stake for one in model.doubts]
    assert stakes == sorted(stakes, reverse=True)
    assert len(stakes) == len(annotator.session.doubts) > 10
    place = table.visualRect(model.index(2, 1)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert annotator.session.plane == model.doubts[2].plane
    assert annotator.selected == model.doubts[2].label
    user.key("N")
    assert annotator.session.plane == model.doubts[3].plane
    assert table.currentIndex().row() == 3
    user.key("Shift+N")
    user.key("Shift+N")
    assert annotator.session.plane == model.doubts[1].plane


def test_a_slice_that_is_fine_leaves_the_list_and_undo_brings_it_back(
    open_: Callable[..., Opened], hands: Any
) -> None:
    dock, annotator = open_()
    user = hands(annotator.viewer)
    followed(annotator)
    settle(dock)
    first, second = dock.review.model.doubts[:2]
    user.key("N")
    assert annotator.session.plane == first.plane
    user.key("H")
    settle(dock)
    assert first not in dock.review.model.doubts
    assert annotator.session.plane == second.plane
    assert (annotator.selected, annotator.review.here) == (second.label, second)
    user.key("Control+Z")
    settle(dock)
    assert dock.review.model.doubts[0] == first


def test_a_correction_changes_its_neighbourhood(open_: Callable[..., Opened], hands: Any) -> None:
    dock, annotator = open_()
    user = hands(annotator.viewer)
    followed(annotator)
    before = annotator.labels.data.copy()
    annotator.selected = 1
    annotator.viewer.dims.set_point(0, 13)
    settle(dock)
    dock.review.buttons["correct"].click()
    assert annotator.session.open_label == 1
    assert annotator.session.plane.index == 13
    row0, col0, row1, col1 = 12, 12, 20, 22  # smaller than it is
    corners = [(13, row0, col0), (13, row0, col1), (13, row1, col1), (13, row1, col0)]
    annotator.shapes.add(np.array(corners, float))
    settle(dock)
    assert dock.review.buttons["again"].isEnabled()
    user.key("Shift+W")
    after = annotator.labels.data
    assert (after[13] == 1).sum() == 80
    assert not np.array_equal(after[14], before[14])
    assert np.array_equal(after[:10], before[:10])
    assert np.array_equal(after == 2, before == 2)


def test_the_strip_marks_the_selected_object_and_leads_to_slices(
    open_: Callable[..., Opened],
) -> None:
    dock, annotator = open_()
    followed(annotator)
    annotator.selected = 1
    settle(dock)
    state = dock.slices.strip.state
    assert state.current == 10
    assert state.marks[10] == "given by you"
    assert {"followed", "doubtful"} <= set(state.marks.values())
    assert set(state.marks) == set(np.flatnonzero((annotator.labels.data == 1).any((1, 2))))
    strip = dock.slices.strip
    place = QPoint(round(strip.middle_of(15)), 14)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=place)
    settle(dock)
    assert annotator.session.plane.index == 15
    assert strip.state.current == 15


@pytest.mark.parametrize(("order", "axis"), [((1, 0, 2), 1), ((2, 1, 0), 2)])
def test_rolled_axes(open_: Callable[..., Opened], order: tuple[int, ...], axis: int) -> None:
    dock, annotator = open_()
    annotator.viewer.dims.order = order
    middle = {1: 16, 2: 18}[axis]
    annotator.viewer.dims.set_point(axis, middle)
    settle(dock)
    state = dock.slices.strip.state
    assert (len(state.states), state.current) == (ONE.shape[axis], middle)
    corners = {1: (4, 8, 17, 29), 2: (4, 7, 17, 26)}[axis]
    annotator.session.add(box(*corners, axis=axis, index=middle))
    annotator.following.begin()
    assert dice(annotator.labels.data, 1, ONE) > 0.85
    assert {one.plane.axis for one in annotator.session.doubts} == {axis}
    annotator.viewer.dims.order = (0, 1, 2)
    annotator.review.step(1)
    assert annotator.viewer.dims.order[0] == axis


def test_four_axes(open_: Callable[..., Opened]) -> None:
    film = np.stack([phantom(), np.full_like(phantom(), 40)])  # (t, z, y, x)
    dock, annotator = open_(film)
    assert dock.slices.along.count() == 2
    assert dock.slices.along.currentData() == 1
    annotator.session.add(box(*BOXES[1], axis=(0, 1), index=(0, 10)))
    annotator.following.begin()
    assert dice(annotator.labels.data[0], 1, ONE) > 0.9
    assert not annotator.labels.data[1].any()


def test_another_of_four_axes_can_be_gone_along(open_: Callable[..., Opened]) -> None:
    film = np.stack([np.full_like(phantom(), 40), phantom()], axis=1)  # (z, t, y, x)
    viewer_dock, annotator = open_(film)
    annotator.viewer.dims.set_point(0, 10)
    annotator.viewer.dims.set_point(1, 1)
    panel = viewer_dock.slices
    settle(viewer_dock)
    assert len(panel.strip.state.states) == 2
    panel.along.setCurrentIndex(panel.along.findData(0))
    panel.along.activated.emit(panel.along.currentIndex())
    assert len(panel.strip.state.states) == len(ONE)
    annotator.session.add(box(*BOXES[1], axis=(0, 1), index=(10, 1)))
    annotator.following.begin()
    assert dice(annotator.labels.data[:, 1], 1, ONE) > 0.9
    assert not annotator.labels.data[:, 0].any()


def test_windows_for_ct_can_be_chosen_in_either_dock(open_: Callable[..., Opened]) -> None:
    dock, annotator = open_()
    annotate = AnnotateWidget(annotator.viewer)
    annotator.viewer.window.add_dock_widget(annotate, name="Annotate")
    combo = dock.slices.contrast
    names = [combo.itemData(row) for row in range(combo.count())]
    assert [name for name in names if name.startswith("ct:")]
    combo.setCurrentIndex(combo.findData("ct:lung"))
    combo.activated.emit(combo.currentIndex())
    assert annotator.session.contrast.policy == "ct:lung"
    assert annotate.options.contrast.currentData() == "ct:lung"
    other = annotate.options.contrast
    other.setCurrentIndex(other.findData("ct:brain"))
    assert combo.currentData() == "ct:brain"


def test_a_2d_image_says_so(make_napari_viewer: Callable[..., Any]) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_image(phantom()[10])
    dock = VolumesWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Volumes")
    assert "Annotate" in dock.line.text()
    annotator = register(
        viewer, lambda: Annotator(viewer, layer, SeeingPredictor(), runner=lambda _: InlineRunner())
    )
    settle(dock)
    assert "no slices" in dock.slices.encode.estimate.text()
    assert not dock.following.follow.isEnabled()
    annotator.session.add(box(*BOXES[1]))
    annotator.attempt(annotator.following.begin)
    assert "no slices" in dock.line.text()
    annotator.close()
    assert "Annotate" in dock.line.text()


def test_stop_keeps_finished_slices(
    open_: Callable[..., Opened], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Semaphore(0), []

    def held(predictor: Any, settings: Any) -> Any:
        def decode(embedding: Any, prompts: Any) -> Any:
            asked.append(1)
            assert gate.acquire(timeout=20)
            return decoder(predictor, settings)(embedding, prompts)

        return decode

    monkeypatch.setattr(DECODER, held)
    dock, annotator = open_(runner=PacedRunner)
    draw_box(annotator, 1)
    qtbot.waitUntil(dock.following.follow.isEnabled, timeout=20_000)
    dock.following.follow.click()
    assert dock.following.follow.text().startswith("Stop")
    gate.release(2)
    qtbot.waitUntil(lambda: len(asked) >= 3, timeout=20_000)
    dock.following.follow.click()
    gate.release(50)
    qtbot.waitUntil(lambda: 1 in annotator.session.objects, timeout=20_000)
    found = np.flatnonzero(np.asarray(annotator.labels.data).any((1, 2)))
    assert 1 < len(found) < 8
    qtbot.waitUntil(lambda: "as far as" in dock.following.progress.line.text(), timeout=5000)


def test_closing_the_annotation_while_it_follows(
    open_: Callable[..., Opened], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Event(), []

    def held(predictor: Any, settings: Any) -> Any:
        def decode(embedding: Any, prompts: Any) -> Any:
            asked.append(threading.current_thread())
            assert gate.wait(20)
            return decoder(predictor, settings)(embedding, prompts)

        return decode

    monkeypatch.setattr(DECODER, held)
    dock, annotator = open_(runner=PacedRunner)
    draw_box(annotator, 1)
    qtbot.waitUntil(dock.following.follow.isEnabled, timeout=20_000)
    dock.following.follow.click()
    qtbot.waitUntil(lambda: bool(asked), timeout=20_000)
    annotator.close()
    gate.set()
    assert dock.annotator is None
    asked[0].join(10)
    assert not asked[0].is_alive()
    assert not np.asarray(annotator.labels.data).any()


def test_rows_of_the_objects_table_are_followed_together(open_: Callable[..., Opened]) -> None:
    dock, annotator = open_()
    annotate = AnnotateWidget(annotator.viewer)
    annotator.viewer.window.add_dock_widget(annotate, name="Annotate")
    for label in BOXES:
        draw_box(annotator, label)
        annotator.accept()
    annotate.objects.table.selectAll()
    settle(dock)
    assert dock.following.follow.text().startswith("Follow objects 1, 2")
    table = annotate.objects.table
    place = table.visualRect(table.model().index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settle(dock)
    assert dock.following.follow.text().startswith("Follow object 1 ")


def test_the_annotate_dock_leads_to_this_one(
    open_: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, annotator = open_()
    annotate = AnnotateWidget(annotator.viewer)
    annotator.viewer.window.add_dock_widget(annotate, name="Annotate")
    assert annotate.volumes.isVisibleTo(annotate)
    asked: list[Any] = []
    window = annotator.viewer.window
    monkeypatch.setattr(
        type(window), "add_plugin_dock_widget", lambda self, *names, **_: asked.append(names)
    )
    annotate.volumes.click()
    assert asked == [("napari-samara", "Volumes")]
    annotator.close()
    assert not annotate.volumes.isVisibleTo(annotate)


def test_the_camera_moves_only_where_it_must(open_: Callable[..., Opened], hands: Any) -> None:
    _, annotator = open_()
    viewer = annotator.viewer
    hands(viewer)  # waits until the canvas has its size
    followed(annotator)
    camera = getattr(viewer, "scene", viewer).camera
    viewer.reset_view()
    QApplication.processEvents()
    annotator.binding.layer.corner_pixels = np.array([[0, 0, 0], [19, 47, 55]])  # all is drawn
    before = tuple(camera.center)
    annotator.review.step(1)
    assert tuple(camera.center) == before
    annotator.binding.layer.corner_pixels = np.array([[0, 0, 0], [19, 5, 5]])
    annotator.review.go(annotator.review.listed[0])
    assert tuple(camera.center) != before
