"""The Measure dock in a real viewer: a table of objects, CSV, labels put in order."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.ui.conftest import disk

from napari_samara.ui.widgets.measure import MeasureWidget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.gui

SHAPE = (60, 80)
SIZES = {3: 5, 7: 9, 9: 3}  # radii by label
PLACES = {3: (12, 14), 7: (30, 50), 9: (50, 20)}


def plane_of_disks() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint16)
    for label, radius in SIZES.items():
        labels[disk(SHAPE, *PLACES[label], radius)] = label
    return labels


@pytest.fixture
def dock_of(make_napari_viewer: Callable[..., Any]) -> Callable[..., MeasureWidget]:
    """The dock in a viewer with the given labels and, if any, an image."""

    def make(labels: np.ndarray, image: np.ndarray | None = None, **kwargs: Any) -> MeasureWidget:
        viewer = make_napari_viewer()
        if image is not None:
            viewer.add_image(image, name="cells", **kwargs)
        viewer.add_labels(labels, name="disks", **kwargs)
        return shown(viewer)

    return make


def shown(viewer: Any) -> MeasureWidget:
    dock = MeasureWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Measure")
    return dock


def press(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for(said: Callable[[], bool]) -> None:
    QTest.qWait(1)
    for _ in range(500):
        if said():
            return
        QTest.qWait(10)
    raise AssertionError("what was waited for did not happen")


def measured(dock: MeasureWidget) -> None:
    press(dock.start)
    wait_for(lambda: dock.line.text().endswith("its object."))


def cells(dock: MeasureWidget, name: str) -> list[str]:
    """A column of the table, as it is shown."""
    count = dock.model.columnCount()
    titles = [dock.model.headerData(at, Qt.Orientation.Horizontal) for at in range(count)]
    column = titles.index(name)
    return [dock.model.index(row, column).data() for row in range(dock.model.rowCount())]


def test_objects_in_units_of_the_scale(dock_of: Callable[..., MeasureWidget]) -> None:
    dock = dock_of(plane_of_disks(), np.arange(60 * 80).reshape(SHAPE), scale=(0.5, 0.5))
    measured(dock)
    assert cells(dock, "label") == ["3", "7", "9"]
    pixels = [int(disk(SHAPE, *PLACES[label], r).sum()) for label, r in SIZES.items()]
    assert cells(dock, "pixels") == [str(count) for count in pixels]
    assert [float(area) for area in cells(dock, "area")] == [count / 4 for count in pixels]
    assert cells(dock, "mean intensity")[0] == f"{12 * 80 + 14}"


def test_a_click_on_a_title_sorts_and_a_row_leads_to_its_object(
    dock_of: Callable[..., MeasureWidget],
) -> None:
    dock = dock_of(plane_of_disks())
    measured(dock)
    dock.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert cells(dock, "label") == ["7", "3", "9"]
    dock.table.selectRow(2)
    assert dock.viewer.layers["disks"].selected_label == 9


def test_a_row_leads_to_the_slice_of_its_object(dock_of: Callable[..., MeasureWidget]) -> None:
    volume = np.zeros((9, *SHAPE), np.uint8)
    volume[6:9, 20:40, 30:50] = 4
    dock = dock_of(volume)
    dock.everywhere.setChecked(True)
    measured(dock)
    assert cells(dock, "pixels") == ["1200"]
    dock.viewer.dims.set_point(0, 0)
    dock.table.selectRow(0)
    assert dock.viewer.dims.current_step[0] == 7


def test_one_slice_of_a_volume(dock_of: Callable[..., MeasureWidget]) -> None:
    volume = np.zeros((4, *SHAPE), np.uint8)
    volume[1], volume[2, :5, :5] = plane_of_disks(), 200
    dock = dock_of(volume)
    assert dock.everywhere.isVisibleTo(dock)
    dock.viewer.dims.set_point(0, 2)
    measured(dock)
    assert cells(dock, "label") == ["200"]


def test_the_table_is_saved_whole(dock_of: Callable[..., MeasureWidget], tmp_path: Path) -> None:
    dock = dock_of(plane_of_disks())
    assert not dock.save.isEnabled()
    measured(dock)
    assert dock.save.isEnabled()
    dock.ask().fileSelected.emit(str(tmp_path / "t.csv"))
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["3", "7", "9"]
    assert {"bbox-0", "centroid-1", "solidity"} <= rows[0].keys()
    dock.write(str(tmp_path / "none" / "t.csv"))
    assert "none" in dock.line.text()
    assert not (tmp_path / "none").exists()


def test_labels_of_nobody_get_an_ordered_copy(dock_of: Callable[..., MeasureWidget]) -> None:
    labels = plane_of_disks()
    dock = dock_of(labels, scale=(2.0, 2.0))
    assert not dock.cleanup.apply.isEnabled()  # nothing is asked for yet
    dock.cleanup.widgets["smallest"].setValue(40)
    dock.cleanup.widgets["relabel"].setChecked(True)
    press(dock.cleanup.apply)
    wait_for(lambda: "new layer" in dock.line.text())
    made = dock.viewer.layers["disks, put in order"]
    assert np.unique(made.data).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(made.data > 0, np.isin(labels, (3, 7)))
    np.testing.assert_array_equal(made.scale, (2, 2))
    np.testing.assert_array_equal(dock.viewer.layers["disks"].data, plane_of_disks())


def test_labels_of_an_annotation_change_in_one_step(
    make_napari_viewer: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    viewer = make_napari_viewer()
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE), name="cells"))
    for place in ((12, 14), (30, 50)):
        annotator.points.add(place)
        annotator.accept()
    annotator.labels.data_setitem((np.array([55]), np.array([70])), np.array([9]))
    dock = shown(viewer)
    assert dock.labels.currentData() is annotator.labels
    before = annotator.labels.data.copy()
    dock.cleanup.widgets["smallest"].setValue(5)
    press(dock.cleanup.apply)
    wait_for(lambda: "Undo" in dock.line.text())
    assert np.unique(annotator.labels.data).tolist() == [0, 1, 2]
    annotator.undo()
    np.testing.assert_array_equal(annotator.labels.data, before)
    measured(dock)
    assert cells(dock, "score") == ["0.9", "0.9", ""]


def test_labels_painted_meanwhile_are_not_overwritten(
    make_napari_viewer: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    viewer = make_napari_viewer()
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE)))
    annotator.points.add((12, 14))
    annotator.accept()
    dock = shown(viewer)
    dock.cleanup.widgets["smallest"].setValue(1000)
    press(dock.cleanup.apply)
    annotator.points.add((40, 50))
    annotator.accept()  # before the thread has told what it found
    wait_for(lambda: "changed" in dock.line.text())
    assert np.unique(annotator.labels.data).tolist() == [0, 1, 2]


def test_what_cannot_be_measured_says_so(dock_of: Callable[..., MeasureWidget]) -> None:
    dock = dock_of(np.zeros((2, 3, 4, *SHAPE), np.uint8))
    assert not dock.everywhere.isVisibleTo(dock)
    press(dock.start)
    wait_for(lambda: dock.line.text().startswith("0 objects"))
    dock.viewer.layers.clear()
    QApplication.processEvents()
    assert not dock.start.isEnabled()
    assert dock.labels.currentText() == "(no labels)"
