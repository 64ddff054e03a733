"""Doubtful slices as a table that is quick with many thousands of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_samara.ui.widgets.forms import TOOLTIP
from napari_samara.ui.widgets.slice_marks import place_of

if TYPE_CHECKING:
    from napari_samara.session.reviewing import Doubt
    from napari_samara.ui.volume import Volume

COLUMNS = ("Object", "Slice", "Doubt", "Why")

# Qt.ItemDataRole, as PySide6 and PyQt6 both take them.
_DISPLAY, _ALIGNMENT = 0, 7


class DoubtModel(QAbstractTableModel):
    """Rows of `Doubt`."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.doubts: tuple[Doubt, ...] = ()
        self._volume: Volume | None = None

    def show(self, doubts: tuple[Doubt, ...], volume: Volume | None) -> bool:
        """Have these rows.

        Parameters
        ----------
        doubts : tuple of Doubt
            In their order.
        volume : Volume or None
            That is shown, by which slices are named.

        Returns
        -------
        bool
            Whether rows have changed.
        """
        axes = None if volume is None else (volume.plane.displayed, volume.along)
        shown = self._volume
        before = None if shown is None else (shown.plane.displayed, shown.along)
        if doubts == self.doubts and axes == before:
            return False
        self.beginResetModel()
        self.doubts, self._volume = doubts, volume
        self.endResetModel()
        return True

    def rowCount(self, parent: QModelIndex | Any = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.doubts)

    def columnCount(self, parent: QModelIndex | Any = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex | Any, role: int = _DISPLAY) -> Any:
        """Return a cell, or how it looks."""
        if not index.isValid():
            return None
        doubt, column = self.doubts[index.row()], COLUMNS[index.column()]
        if role == _DISPLAY:
            return {
                "Object": str(doubt.label),
                "Slice": place_of(doubt, self._volume),
                "Doubt": f"{doubt.doubt:.2f}",
                "Why": doubt.reason,
            }[column]
        if role == TOOLTIP:
            return doubt.reason or "little doubt"
        if role == _ALIGNMENT and column != "Why":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Any, role: int = _DISPLAY) -> Any:
        """Return the title of a column."""
        if role == _DISPLAY and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None
