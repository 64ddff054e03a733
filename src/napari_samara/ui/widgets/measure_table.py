"""Measures of objects as a table that clicks sort, quick with many thousands of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_samara.ui.widgets.forms import TOOLTIP

if TYPE_CHECKING:
    from napari_samara.ui.tidying import Columns

# Qt.ItemDataRole, as PySide6 and PyQt6 both take them.
_DISPLAY, _ALIGNMENT = 0, 7

# From here on four digits are not all of those in front of the point.
_LONG = 1e4

TITLES = {
    "centroid": "centre",
    "equivalent_diameter_area": "diameter",
    "axis_major_length": "length",
    "axis_minor_length": "width",
    "intensity_mean": "mean intensity",
    "intensity_min": "lowest intensity",
    "intensity_max": "highest intensity",
    "intensity_std": "deviation of intensity",
}
"""Shorter or plainer than the names that scikit-image has for its columns."""


class MeasureModel(QAbstractTableModel):
    """Columns of `measures.measure`, in an order of rows that a click on a title changes."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.columns: Columns = {}
        self._names: list[str] = []
        self._order = np.zeros(0, dtype=np.intp)

    def show(self, columns: Columns) -> None:
        """Have these rows, in their order.

        Parameters
        ----------
        columns : dict of str to ndarray
            All of one length.
        """
        self.beginResetModel()
        self.columns = columns
        self._names = [name for name in columns if not name.startswith("bbox")]
        self._order = np.arange(len(columns.get("label", ())))
        self.endResetModel()

    def row_of(self, index: QModelIndex | Any) -> int:
        """Return the row of the columns that a cell shows."""
        return int(self._order[index.row()])

    def rowCount(self, parent: QModelIndex | Any = None) -> int:
        """Return the number of objects."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex | Any = None) -> int:
        """Return the number of measures shown: boxes are in the file alone."""
        return 0 if parent is not None and parent.isValid() else len(self._names)

    def data(self, index: QModelIndex | Any, role: int = _DISPLAY) -> Any:
        """Return a cell, or how it looks."""
        if not index.isValid():
            return None
        value = self.columns[self._names[index.column()]][self._order[index.row()]]
        if role in (_DISPLAY, TOOLTIP):
            return _text(value)
        if role == _ALIGNMENT and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Any, role: int = _DISPLAY) -> Any:
        """Return the title of a column, and its name in the file as a tooltip."""
        if orientation != Qt.Orientation.Horizontal or role not in (_DISPLAY, TOOLTIP):
            return None
        name = self._names[section]
        if role == TOOLTIP:
            return name
        known, _, number = name.partition("-")
        if known == "centroid":
            axes = "zyx"[-sum(one.startswith(known) for one in self._names) :]
            number = axes[int(number)]
        return f"{TITLES.get(known, known.replace('_', ' '))} {number}".strip()

    def sort(self, column: int, order: Any = Qt.SortOrder.AscendingOrder) -> None:
        """Put the rows in the order of a column; what was not measured comes last."""
        if not 0 <= column < len(self._names):
            return
        values = self.columns[self._names[column]]
        self.layoutAboutToBeChanged.emit()
        if values.dtype.kind == "O":
            values = np.unique(values.astype(str), return_inverse=True)[1].reshape(-1)
        keys = values.astype(float)
        if order == Qt.SortOrder.DescendingOrder:
            keys = -keys
        self._order = np.argsort(keys, kind="stable")  # not a number goes to the end
        self.layoutChanged.emit()


def _text(value: Any) -> str:
    """Text of a measure, four digits of it or all in front of the point."""
    if not isinstance(value, float | np.floating):
        return str(value)
    if not np.isfinite(value):
        return ""
    number = float(value)
    return f"{number:.4g}" if abs(number) < _LONG else f"{number:.0f}"
