"""What every dock widget is: parts in an area that scrolls, gone when its dock is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_samara.ui.open_annotators import bare

if TYPE_CHECKING:
    from napari.viewer import Viewer

_NARROWEST = 230


class Dock(QWidget):
    """Dock widget of a viewer, to be derived from.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.

    Attributes
    ----------
    viewer : napari.Viewer
        Itself, where napari gave a proxy.
    area : QScrollArea
        What scrolls where the dock is short.
    """

    _docked = False

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer, self.area = bare(napari_viewer), QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(self.area)
        self.setMinimumWidth(_NARROWEST)

    def column(self) -> QVBoxLayout:
        """Return the layout that parts are put below each other in; called once."""
        inside = QWidget()
        inside.setMinimumWidth(1)
        self.area.setWidget(inside)
        return QVBoxLayout(inside)

    def event(self, event: QEvent) -> bool:
        """Let go where the dock is closed: napari takes the widget out and keeps it."""
        if event.type() == QEvent.Type.ParentChange:
            if self._docked and self.parent() is None:
                QTimer.singleShot(0, self._leave)
            self._docked = self.parent() is not None
        handled: bool = super().event(event)
        return handled

    def close_down(self) -> None:
        """Let go of what Qt does not delete; nothing by default."""

    def _leave(self) -> None:
        """End with the dock, unless it is put into another one at once."""
        if self.parent() is None:
            self.close_down()
            self.deleteLater()
