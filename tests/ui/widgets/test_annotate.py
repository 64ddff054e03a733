"""The dock widget: every part does what it says, and lets go in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow, QVBoxLayout, QWidget
from tests.ui.conftest import RADII, disk

from napari_samara.engine.crops import CROPS
from napari_samara.masks import Mask
from napari_samara.session import InlineRunner, Status
from napari_samara.ui import open_annotators
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.options import ENCODE
from napari_samara.ui.widgets.prompting import PromptForm
from napari_samara.ui.widgets.status import StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_samara.engine.predictor import Predictor

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


@pytest.fixture
def dock(make_napari_viewer: Callable[..., Any], qtbot: Any) -> tuple[Any, AnnotateWidget]:
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    widget = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Annotate")
    qtbot.waitUntil(lambda: widget.source.checkpoint.count() > 0, timeout=20_000)
    return viewer, widget


def _inline(_: Any) -> InlineRunner:
    return InlineRunner()


@pytest.fixture
def running(dock: Any, disk_predictor: Any) -> Iterator[tuple[AnnotateWidget, Annotator]]:
    """The widget, and an annotation with the model that draws disks."""
    viewer, widget = dock
    annotator = open_annotators.register(
        viewer,
        lambda: Annotator(
            viewer, viewer.layers[0], disk_predictor, runner=lambda _: InlineRunner()
        ),
    )
    yield widget, annotator
    annotator.close()


def test_start_loads_in_a_thread_and_begins(
    dock: Any, qtbot: Any, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock
    monkeypatch.setattr("napari_samara.api.load", lambda name, reporter: predictor)
    widget.source.start.click()
    assert widget.source.start.text() == "Cancel loading"
    qtbot.waitUntil(lambda: widget.annotator is not None, timeout=20_000)
    assert widget.source.start.text() == "Stop annotating"
    assert "cpu" in widget.source.device.text()
    assert viewer.layers.selection.active is widget.annotator.points
    widget.annotator.points.add([[40.0, 50.0]])
    qtbot.waitUntil(lambda: len(widget.annotator.session.candidates) == 3, timeout=20_000)
    widget.source.start.click()
    assert widget.annotator is None
    assert widget.source.start.text() == "Start annotating"


def test_own_layers_are_annotated_in(
    dock: Any, qtbot: Any, disk_predictor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels of the user are gone on with, and her points are prompts at once."""
    viewer, widget = dock
    data = np.zeros(SHAPE, np.int32)
    data[80:90, 100:110] = 4
    labels, points = viewer.add_labels(data, name="mine"), viewer.add_points([[40.0, 50.0]])
    for kind in ("labels", "points"):
        widget.source.layers.combos[kind].setCurrentIndex(1)
    monkeypatch.setattr("napari_samara.api.load", lambda name, reporter: disk_predictor)
    widget.source.start.click()
    qtbot.waitUntil(lambda: widget.annotator is not None, timeout=20_000)
    annotator = widget.annotator
    assert annotator.labels is labels
    assert annotator.points is points
    assert widget.source.layers.isHidden()
    qtbot.waitUntil(lambda: len(annotator.session.candidates) == 3, timeout=20_000)
    annotator.accept()
    qtbot.waitUntil(lambda: set(np.unique(labels.data)) == {0, 4, 5}, timeout=20_000)
    widget.source.start.click()
    assert labels in viewer.layers
    assert not widget.source.layers.isHidden()
    assert widget.source.layers.given.labels is labels


def test_a_layer_that_is_removed_while_the_model_loads(
    dock: Any, qtbot: Any, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock
    labels = viewer.add_labels(np.zeros(SHAPE, np.int32), name="mine")
    widget.source.layers.combos["labels"].setCurrentIndex(1)
    monkeypatch.setattr("napari_samara.api.load", lambda name, reporter: predictor)
    widget.source.start.click()
    viewer.layers.remove(labels)
    told = "The layer 'mine' was removed meanwhile."
    qtbot.waitUntil(lambda: widget.status.line.text() == told, timeout=20_000)
    assert widget.annotator is None


def test_a_checkpoint_that_cannot_be_loaded_says_why(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, reporter: object) -> None:
        raise OSError("the disk is gone")

    _, widget = dock
    monkeypatch.setattr("napari_samara.api.load", refuse)
    widget.source.start.click()
    qtbot.waitUntil(lambda: widget.status.line.text() == "the disk is gone", timeout=5000)
    assert widget.source.start.isEnabled()


def test_candidates_verbs_and_table(running: Any) -> None:
    widget, annotator = running
    annotator.points.add([[40.0, 50.0]])
    assert [button.text() for button in widget.prompting.candidates] == ["0.90", "0.80", "0.70"]
    widget.prompting.candidates[1].click()
    assert (annotator.preview.data == disk(SHAPE, 40, 50, RADII[1])).all()
    widget.verbs["undo"].click()
    assert widget.prompting.candidates[0].isChecked()
    widget.verbs["redo"].click()
    widget.verbs["accept"].click()
    table = widget.objects.table
    cells = [table.item(0, column).text() for column in range(4)]
    assert cells == ["1", str(disk(SHAPE, 40, 50, RADII[1]).sum()), "0.80", ""]
    assert not widget.verbs["accept"].isEnabled()
    table.selectRow(0)
    assert widget.objects.selected == [1]
    widget.objects.reopen.click()
    assert annotator.session.open_label == 1
    widget.verbs["clear"].click()
    assert annotator.session.open_label is None
    table.selectRow(0)
    widget.objects.delete.click()
    assert table.rowCount() == 0
    assert not annotator.labels.data.any()


def test_merging_two_rows(running: Any) -> None:
    widget, annotator = running
    for col in (30.0, 80.0):
        annotator.points.add([[40.0, col]])
        annotator.accept()
    widget.objects.table.selectAll()
    widget.objects.merge.click()
    assert sorted(annotator.session.objects) == [1]
    assert set(np.unique(annotator.labels.data)) == {0, 1}


def test_a_row_leads_to_its_object(running: Any) -> None:
    widget, annotator = running
    for at in ((20.0, 20.0), (70.0, 100.0)):
        annotator.points.add([at])
        annotator.accept()
    widget.objects.table.selectRow(0)
    camera = getattr(annotator.viewer, "scene", annotator.viewer).camera
    assert np.allclose(np.array(camera.center)[-2:], (20, 20))
    assert annotator.selected == 1


def test_sign_and_tools(running: Any) -> None:
    widget, annotator = running
    widget.prompting.negative.click()
    assert annotator.positive is False
    annotator.positive = True
    assert widget.prompting.positive.isChecked()
    modes = []
    for button in widget.prompting.tools:
        button.click()
        active = annotator.viewer.layers.selection.active
        modes.append((active in (annotator.points, annotator.shapes), str(active.mode)))
    assert modes == [
        (True, "add"),
        (True, "add_rectangle"),
        (True, "add_polygon_lasso"),
        (True, "add_path"),
    ]


def test_the_tool_in_use_is_shown_whoever_chose_it(running: Any) -> None:
    widget, annotator = running

    def shown() -> list[str]:
        return [button.text() for button in widget.prompting.tools if button.isChecked()]

    point, box, *_ = widget.prompting.tools
    point.click()
    assert shown() == ["Point"]
    point.click()  # again: it stays
    assert shown() == ["Point"]
    box.click()
    assert shown() == ["Box"]
    annotator.shapes.mode = "select"
    assert shown() == []
    annotator.shapes.mode = "add_path"
    assert shown() == ["Scribble"]
    annotator.viewer.layers.selection.active = annotator.labels
    assert shown() == []
    widget.prompting.each.click()
    widget.prompting.many.pick.setEnabled(True)
    widget.prompting.many.pick.click()
    assert widget.prompting.many.pick.isChecked()
    annotator.layers.select_points()
    assert (shown(), widget.prompting.many.pick.isChecked()) == (["Point"], False)


def test_the_reason_for_the_device_is_a_tooltip_while_it_runs(running: Any) -> None:
    widget, annotator = running
    device = annotator.session.predictor.device
    assert widget.source.device.text() == f"Device: {device.device}, {device.precision} encoder"
    assert widget.source.device.toolTip() == device.reason
    assert not widget.source.checkpoints.about.isVisibleTo(widget)


def test_options_reach_the_session(running: Any) -> None:
    widget, annotator = running
    options = widget.options
    options._fields["mask_threshold"].setValue(1.5)
    options._fields["fill_holes"].setChecked(True)
    options.mode.setCurrentIndex(1)
    settings = annotator.session.settings
    assert (settings.mask_threshold, settings.fill_holes) == (1.5, True)
    assert annotator.session.mode == "overwrite"


def test_changed_contrast_is_stale_until_encoded_anew(running: Any, disk_predictor: Any) -> None:
    widget, annotator = running
    annotator.points.add([[40.0, 50.0]])
    assert widget.options.stale.isHidden()
    annotator.binding.layer.contrast_limits = (0, 100)
    assert not widget.options.stale.isHidden()
    assert len(disk_predictor.encoded) == 1
    widget.options.encode.click()
    assert widget.options.stale.isHidden()
    widget.options.contrast.setCurrentIndex(widget.options.contrast.findData("minmax"))
    assert annotator.session.contrast.policy == "minmax"
    assert not widget.options.stale.isHidden()


def test_what_the_model_sees(running: Any, qtbot: Any) -> None:
    widget, annotator = running
    layers = annotator.viewer.layers
    widget.options.sees.setChecked(True)
    qtbot.waitUntil(lambda: any(layer.metadata.get("samara") for layer in layers), timeout=5000)
    (view,) = [layer for layer in layers if layer.metadata.get("samara")]
    assert np.array_equal(view.data, annotator.session.encoder_input())
    assert widget.source.image.count() == 1  # it is not offered as an image
    widget.options.sees.setChecked(False)
    assert view not in annotator.viewer.layers


def test_one_object_per_prompt(running: Any) -> None:
    widget, annotator = running
    widget.prompting.each.setChecked(True)
    annotator.points.add([[20.0, 20.0], [60.0, 60.0]])
    assert "2 found" in widget.prompting.each.text()
    widget.verbs["accept"].click()
    assert widget.objects.table.rowCount() == 2


def test_refusals_are_told(running: Any) -> None:
    widget, annotator = running
    annotator.accept()
    assert "no mask to accept" in widget.status.line.text()


def test_images_come_and_go_and_change_their_names(dock: Any) -> None:
    viewer, widget = dock
    combo = widget.source.image
    long = "a name that is longer than any dock is wide " * 3
    second = viewer.add_image(np.zeros((4, 8, 8)), name="stack")
    viewer.add_labels(np.zeros((4, 4), int))
    second.name = long
    assert [combo.itemText(row) for row in range(combo.count())] == ["cells", long]
    combo.setCurrentIndex(1)
    viewer.layers.remove(second)
    assert combo.currentText() == "cells"
    viewer.layers.clear()
    assert not widget.source.start.isEnabled()


def test_levels_are_offered_for_a_pyramid_only(dock: Any) -> None:
    viewer, widget = dock
    assert widget.source.level.isHidden()
    full = np.zeros((64, 64), np.uint8)
    viewer.add_image([full, full[::2, ::2]], multiscale=True, name="pyramid")
    widget.source.image.setCurrentIndex(1)
    assert not widget.source.level.isHidden()
    assert widget.source.level.count() == 3  # by zoom, and two levels


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status("encoding", "encoding plane", 0, 1, None), "Encoding plane"),
        (Status("encoding", "encoding plane", 0, 1, 12.0), "about 12 s left"),
        (Status("decoding", "decoding objects", 3, 9), "Decoding objects"),
        (Status("failed", "no memory"), "no memory"),
    ],
)
def test_status(dock: Any, status: Status, said: str) -> None:
    _, widget = dock
    widget.status.show_status(status)
    assert said in widget.status.line.text()
    if status.state != "failed":
        widget.status.show_status(Status())
        assert widget.status.line.text() == ""


def test_the_widget_fits_a_narrow_dock(dock: Any) -> None:
    viewer, widget = dock
    viewer.layers[0].name = "coins of Pompeii " * 20
    QApplication.processEvents()
    assert widget.minimumSizeHint().width() <= 230


def test_reopening_the_dock_connects_once(dock: Any, qtbot: Any) -> None:
    viewer, first = dock
    before = len(viewer.layers.events.inserted.callbacks)
    for _ in range(3):
        widget = AnnotateWidget(viewer)
        qtbot.waitUntil(lambda w=widget: w.source.checkpoint.count() > 0, timeout=20_000)
        widget.deleteLater()
        qtbot.waitUntil(
            lambda: len(viewer.layers.events.inserted.callbacks) == before, timeout=5000
        )
    assert first.source.image.count() == 1


def test_what_lies_below_stays_where_it_is_while_something_is_said(qtbot: Any) -> None:
    window, line, below = QWidget(), StatusLine(), QLabel("below")
    layout = QVBoxLayout(window)
    layout.addWidget(line)
    layout.addWidget(below, 1)
    qtbot.addWidget(window)
    window.resize(300, 200)
    window.show()
    QApplication.processEvents()
    before = below.geometry()
    line.show_status(Status("encoding", "encoding plane", 0, 1, 3.0))
    QApplication.processEvents()
    assert line.bar.isVisible()
    assert below.geometry() == before
    line.say("")


def test_candidates_are_written_once(qtbot: Any) -> None:
    window, form = QMainWindow(), PromptForm()
    window.setCentralWidget(form)
    qtbot.addWidget(window)
    masks = tuple(Mask(np.ones((4, 4), bool), score) for score in (0.9, 0.5))
    form.set_candidates(masks, 0)
    form.candidates[0].setText("untouched")
    form.set_candidates(masks, 0)
    assert form.candidates[0].text() == "untouched"
    form.set_candidates(masks, 1)
    assert form.candidates[0].text() == "0.90"
    assert form.candidates[1].isChecked()


def test_what_is_encoded_is_chosen_and_explained(running: Any) -> None:
    widget, annotator = running
    combo = widget.options.crop
    assert annotator.session.crop == combo.currentData() == "auto"
    for name, title in ENCODE.items():
        combo.setCurrentIndex(combo.findData(name))
        assert annotator.session.crop == name
        assert combo.currentText() == title
        assert combo.toolTip() == CROPS[name]


def test_the_view_is_looked_at_when_a_prompt_is_drawn(running: Any) -> None:
    widget, annotator = running
    annotator.binding.layer.corner_pixels = np.array([[10, 20], [59, 79]])
    annotator.points.add([[30, 40]])
    assert annotator.session.view is None  # nothing asks for it
    widget.options.crop.setCurrentIndex(widget.options.crop.findData("view"))
    annotator.points.add([[32, 42]])
    assert annotator.session.view == (10, 20, 60, 80)


def test_find_similar_without_an_object_says_what_to_do(running: Any) -> None:
    widget, annotator = running
    told: list[str] = []
    annotator.message.connect(told.append)
    widget.prompting.similar.click()
    assert any("accept" in text for text in told)
