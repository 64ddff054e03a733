"""The accepted objects as a table; a row leads to its object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTableWidgetSelectionRange,
    QVBoxLayout,
    QWidget,
)

from napari_samara.ui.widgets.classes import ClassDelegate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QKeyEvent

    from napari_samara.session import ObjectRecord

COLUMNS = ("Id", "Area", "Score", "Class")

CLASS = COLUMNS.index("Class")
"""The column that is edited by a double click, or by F2 anywhere in its row."""


class ObjectsTable(QWidget):
    """Id, area, score and class of each object, and what can be done with them."""

    jumped = Signal(int)
    reopened = Signal(int)
    deleted = Signal(int)
    merged = Signal(int, int)
    classed = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self.table = _Table(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.table.setItemDelegateForColumn(CLASS, ClassDelegate(self.table, lambda: self.classes))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setMinimumSectionSize(24)
        self.table.setMinimumHeight(110)
        self.reopen, self.merge = QPushButton("Reopen"), QPushButton("Merge")
        self.delete = QPushButton("Delete")
        self.merge.setToolTip("Joins the two selected objects; the one with the lower id stays.")
        buttons = QHBoxLayout()
        for button in (self.reopen, self.merge, self.delete):
            button.setMinimumWidth(1)
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.table.itemChanged.connect(self._on_item)
        self.reopen.clicked.connect(lambda: self._tell(self.reopened))
        self.delete.clicked.connect(lambda: self._tell(self.deleted))
        self.merge.clicked.connect(lambda: self.merged.emit(*self.selected[:2]))
        self._labels: list[int] = []
        # What the rows show; None for one that has to be written anew.
        self._shown: list[ObjectRecord | None] = []
        self.classes: tuple[str, ...] = ()
        self._enable()

    @property
    def selected(self) -> list[int]:
        """Labels of the selected rows, in rising order."""
        rows = {index.row() for index in self.table.selectionModel().selectedRows()}
        return sorted(self._labels[row] for row in rows)

    def show_records(self, records: Mapping[int, ObjectRecord]) -> None:
        """Fill the table.

        Parameters
        ----------
        records : mapping of int to ObjectRecord
            By label.
        """
        chosen, new = self.selected, list(records.values())
        self.table.blockSignals(True)
        moved = self._fit_rows([record.label for record in new])
        for row, record in enumerate(new):
            if self._shown[row] is not record:
                self._shown[row] = record
                self._set_row(row, record)
        self.classes = tuple(sorted({one.klass for one in new if one.klass}))
        self.table.blockSignals(False)
        if moved:
            self.select([label for label in chosen if label in records])

    def select(self, labels: list[int]) -> None:
        """Select the rows of objects, without a jump.

        Parameters
        ----------
        labels : list of int
            Those without a row are passed over.
        """
        self.table.blockSignals(True)
        self.table.clearSelection()
        wanted = set(labels)
        for row, label in enumerate(self._labels):
            if label in wanted:
                whole = QTableWidgetSelectionRange(row, 0, row, len(COLUMNS) - 1)
                self.table.setRangeSelected(whole, True)
                self.table.scrollTo(self.table.model().index(row, 0))
        self.table.blockSignals(False)
        self._enable()

    def _fit_rows(self, labels: list[int]) -> bool:
        """Put rows in or take them out where labels have come or gone; the others stay."""
        old = self._labels
        if labels == old:
            return False
        both = min(len(old), len(labels))
        same = (one == other for one, other in zip(old, labels, strict=False))
        head = next((at for at, equal in enumerate(same) if not equal), both)
        ends = zip(reversed(old[head:]), reversed(labels[head:]), strict=False)
        tail = next((at for at, (one, other) in enumerate(ends) if one != other), both - head)
        del self._shown[head : len(old) - tail]
        self.table.model().removeRows(head, len(old) - tail - head)
        self.table.model().insertRows(head, len(labels) - tail - head)
        self._shown[head:head] = [None] * (len(labels) - tail - head)
        self._labels = labels
        return True

    def _set_row(self, row: int, record: ObjectRecord) -> None:
        score = "" if record.score is None else f"{record.score:.2f}"
        texts = (str(record.label), str(record.area), score, record.klass or "")
        for column, text in enumerate(texts):
            self._set_cell(row, column, text)

    def _set_cell(self, row: int, column: int, text: str) -> None:
        """Write a cell where its text differs: one that is being edited stays as it is."""
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem(text)
            if column != CLASS:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(row, column, item)
        elif item.text() != text:
            item.setText(text)

    def _on_item(self, item: QTableWidgetItem) -> None:
        """Tell of a class that was typed."""
        if item.column() == CLASS and item.row() < len(self._labels):
            self._shown[item.row()] = None  # what becomes of it may be something else
            self.classed.emit(self._labels[item.row()], item.text())

    def _on_selection(self) -> None:
        """Lead to the object, where one row is selected."""
        self._enable()
        if len(self.selected) == 1:
            self._tell(self.jumped)

    def _tell(self, signal: Signal) -> None:
        """Emit a signal with the selected label."""
        if self.selected:
            signal.emit(self.selected[0])

    def _enable(self) -> None:
        """Reopening and deleting need one object, merging two."""
        count = len(self.selected)
        self.reopen.setEnabled(count == 1)
        self.delete.setEnabled(count == 1)
        self.merge.setEnabled(count == 2)


class _Table(QTableWidget):
    """Table in which F2 edits the class of the current row, whichever its cell."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.item(self.currentRow(), CLASS)
        if event.key() == Qt.Key.Key_F2 and item is not None:
            self.editItem(item)
        else:
            super().keyPressEvent(event)
