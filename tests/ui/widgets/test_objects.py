"""The table of objects: classes are typed, completed and passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QMainWindow

from napari_samara.prompts import PromptSet
from napari_samara.session import ObjectRecord
from napari_samara.ui.widgets.classes import class_combo, class_of, offer_classes
from napari_samara.ui.widgets.many import ManyForm
from napari_samara.ui.widgets.objects import CLASS, ObjectsTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.gui


def records(**classes: str | None) -> Mapping[int, ObjectRecord]:
    """Objects 1, 2, ... of area 10, 20, ... with these classes."""
    return {
        n: ObjectRecord(n, PromptSet(), (), 10 * n, klass)
        for n, klass in enumerate(classes.values(), start=1)
    }


@pytest.fixture
def table(qtbot: Any) -> Iterator[ObjectsTable]:
    window = QMainWindow()
    qtbot.addWidget(window)
    widget = ObjectsTable()
    window.setCentralWidget(widget)
    widget.show_records(records(a="cell", b=None, c="nucleus"))
    window.show()
    yield widget
    window.close()


def editor(table: ObjectsTable) -> QLineEdit:
    (found,) = table.table.viewport().findChildren(QLineEdit)
    return found


@pytest.mark.parametrize("way", ["double click", "F2"])
def test_a_class_is_typed(table: ObjectsTable, way: str, qtbot: Any) -> None:
    told: list[tuple[int, str]] = []
    table.classed.connect(lambda label, klass: told.append((label, klass)))
    inner = table.table
    if way == "F2":
        inner.setCurrentCell(1, 0)
        QTest.keyClick(inner, Qt.Key.Key_F2)
    else:
        place = inner.visualItemRect(inner.item(1, CLASS)).center()
        left = Qt.MouseButton.LeftButton
        QTest.mouseClick(inner.viewport(), left, pos=place)
        QTest.mouseDClick(inner.viewport(), left, pos=place)
    line = editor(table)
    completer = line.completer()
    assert completer is not None
    model = completer.model()
    offered = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert offered == ["cell", "nucleus"]
    QTest.keyClicks(line, "axon")
    QTest.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: told == [(2, "axon")], timeout=2000)


def test_other_columns_are_not_edited(table: ObjectsTable) -> None:
    for column in range(CLASS):
        item = table.table.item(0, column)
        assert item is not None
        assert not item.flags() & Qt.ItemFlag.ItemIsEditable


def test_filling_the_table_again_tells_nothing_and_keeps_the_editor(table: ObjectsTable) -> None:
    told: list[Any] = []
    table.classed.connect(lambda *given: told.append(given))
    table.table.editItem(table.table.item(0, CLASS))
    line = editor(table)
    table.show_records(records(a="cell", b=None, c="nucleus", d="x"))
    assert editor(table) is line
    assert told == []
    assert table.classes == ("cell", "nucleus", "x")
    rows = [table.table.item(row, 1).text() for row in range(table.table.rowCount())]
    assert rows == ["10", "20", "30", "40"]


def test_the_box_keeps_what_is_typed(qtbot: Any) -> None:
    combo = class_combo()
    qtbot.addWidget(combo)
    assert class_of(combo) is None
    combo.setEditText("  cell ")
    offer_classes(combo, ("axon", "cell"))
    assert class_of(combo) == "cell"
    assert [combo.itemText(row) for row in range(combo.count())] == ["axon", "cell"]


def test_the_score_that_is_needed(qtbot: Any) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    form = ManyForm()
    window.setCentralWidget(form)
    told: list[float] = []
    form.score_changed.connect(told.append)
    form.score.setValue(75)
    assert np.isclose(told, [0.75]).all()
    assert "0.75" in form.said.text()


STEPS = [
    ([1, 2, 3], [1, 2, 3, 4], [4]),
    ([1, 2, 3], [1, 3], []),
    ([1, 3], [1, 2, 3], [2]),
    ([1, 2, 3], [], []),
    ([2, 4, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]),
    ([1, 2, 3, 4, 5], [2, 5, 7], [2, 5, 7]),
]


@pytest.mark.parametrize(("before", "after", "written"), STEPS)
def test_only_rows_that_differ_are_written(
    table: ObjectsTable, before: list[int], after: list[int], written: list[int]
) -> None:
    every = {n: ObjectRecord(n, PromptSet(), (), 10 * n) for n in range(1, 9)}
    widget = table
    widget.show_records({n: every[n] for n in before})
    widget.select(before[-1:])
    told: list[Any] = []
    widget.jumped.connect(told.append)
    seen: list[int] = []
    inner = widget._set_row
    widget._set_row = lambda row, record: (seen.append(record.label), inner(row, record))
    widget.show_records({n: every[n] for n in after})
    assert seen == written
    shown = [
        [widget.table.item(row, column).text() for column in range(2)]
        for row in range(widget.table.rowCount())
    ]
    assert shown == [[str(n), str(10 * n)] for n in after]
    assert widget.selected == [n for n in before[-1:] if n in after]
    assert told == []
    seen.clear()
    widget.show_records({n: every[n] for n in after})
    assert seen == []


def test_a_class_that_is_not_taken_is_put_back(table: ObjectsTable) -> None:
    told = records(a="cell", b=None, c="nucleus")
    table.show_records(told)
    table.table.item(0, CLASS).setText("  cell ")  # taken as the one it has
    table.show_records(told)
    assert table.table.item(0, CLASS).text() == "cell"
