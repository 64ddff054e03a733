"""A line of which a part is left out where it is too long: the beginning of a path, say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent


class ElidedLabel(QLabel):
    """Shows as much of a text as there is room for, and all of it in the tooltip.

    Parameters
    ----------
    keep_end : bool
        Whether the end is shown, as of a path, or the beginning.
    """

    def __init__(self, keep_end: bool = True) -> None:
        super().__init__()
        self.full = ""
        self._mode = Qt.TextElideMode.ElideLeft if keep_end else Qt.TextElideMode.ElideRight
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(1)

    def show_text(self, text: str) -> None:
        """Show a text.

        Parameters
        ----------
        text : str
            One line.
        """
        self.full = text
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | Any) -> None:
        """Fit the text into the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave out what does not fit."""
        room = self.contentsRect().width() - self.fontMetrics().horizontalAdvance(" ")
        self.setText(self.fontMetrics().elidedText(self.full, self._mode, max(room, 20)))
