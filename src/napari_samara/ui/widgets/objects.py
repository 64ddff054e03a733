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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session import ObjectRecord

COLUMNS = ("Id", "Area", "Score", "Class")


class ObjectsTable(QWidget):
    """Id, area, score and class of each object, and what can be done with them."""

    jumped = Signal(int)
    reopened = Signal(int)
    deleted = Signal(int)
    merged = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
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
        self.reopen.clicked.connect(lambda: self._tell(self.reopened))
        self.delete.clicked.connect(lambda: self._tell(self.deleted))
        self.merge.clicked.connect(lambda: self.merged.emit(*self.selected[:2]))
        self._labels: list[int] = []
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
        chosen = self.selected
        self.table.blockSignals(True)
        self.table.clearSelection()
        self._labels = list(records)
        self.table.setRowCount(len(records))
        for row, record in enumerate(records.values()):
            score = "" if record.score is None else f"{record.score:.2f}"
            for column, text in enumerate(
                (str(record.label), str(record.area), score, record.klass or "")
            ):
                item = QTableWidgetItem(text)
                if column < 3:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
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
        for row, label in enumerate(self._labels):
            if label in labels:
                whole = QTableWidgetSelectionRange(row, 0, row, len(COLUMNS) - 1)
                self.table.setRangeSelected(whole, True)
                self.table.scrollTo(self.table.model().index(row, 0))
        self.table.blockSignals(False)
        self._enable()

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
