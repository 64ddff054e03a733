"""Classes of objects: typed freely, completed by those used already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QCompleter, QLineEdit, QStyledItemDelegate, QWidget

from napari_samara.ui.widgets.forms import narrow_combo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtCore import QModelIndex, QPersistentModelIndex
    from qtpy.QtWidgets import QStyleOptionViewItem


def class_combo() -> QComboBox:
    """Box to type a class into, or to choose one that was used.

    Returns
    -------
    QComboBox
        Editable; what is typed is not added by itself.
    """
    combo = narrow_combo()
    combo.setEditable(True)
    combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    line = QLineEdit()
    line.setPlaceholderText("none")
    line.setClearButtonEnabled(True)
    combo.setLineEdit(line)
    return combo


def class_of(combo: QComboBox) -> str | None:
    """Class that a box holds.

    Parameters
    ----------
    combo : QComboBox
        As `class_combo` makes it.

    Returns
    -------
    str or None
        None where nothing is typed.
    """
    return combo.currentText().strip() or None


def offer_classes(combo: QComboBox, classes: Sequence[str]) -> None:
    """Let a box offer other classes; what is typed stays.

    Parameters
    ----------
    combo : QComboBox
        As `class_combo` makes it.
    classes : sequence of str
        Those used so far.
    """
    if [combo.itemText(row) for row in range(combo.count())] == list(classes):
        return
    text = combo.currentText()
    combo.blockSignals(True)
    combo.clear()
    combo.addItems(list(classes))
    combo.setEditText(text)
    combo.blockSignals(False)


class ClassDelegate(QStyledItemDelegate):
    """Editor of the cells of a table that hold a class.

    Parameters
    ----------
    parent : QWidget
        The table.
    classes : callable
        Returns those used so far.
    """

    def __init__(self, parent: QWidget, classes: Callable[[], Sequence[str]]) -> None:
        super().__init__(parent)
        self._classes = classes

    def createEditor(
        self,
        parent: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> QWidget:
        """Return a line that completes what is typed."""
        line = QLineEdit(parent)
        completer = QCompleter(list(self._classes()), line)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        line.setCompleter(completer)
        return line
