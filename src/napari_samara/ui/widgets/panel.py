"""A part of a dock that shows an annotation, joined to it until one of them ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.ui.annotator import Annotator

# Milliseconds in which several changes are drawn together.
_TOGETHER = 40


class Panel(QWidget):
    """Follows one annotation; `refresh` shows how it is now, or that there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.annotator: Annotator | None = None
        self._signals: list[tuple[Any, Callable[..., object]]] = []
        self._soon = QTimer(self, singleShot=True, interval=_TOGETHER)
        self._soon.timeout.connect(self.refresh)

    def join(self, annotator: Annotator) -> None:
        """Show an annotation.

        Parameters
        ----------
        annotator : Annotator
            That is open.
        """
        self.annotator = annotator
        self._signals = self.pairs(annotator)
        for signal, slot in self._signals:
            signal.connect(slot)

    def part(self) -> None:
        """Let go of it; touches nothing of Qt, which may have deleted its half by now."""
        for signal, slot in self._signals:
            signal.disconnect(slot)
        self._signals = []
        self.annotator = None

    def pairs(self, annotator: Annotator) -> list[tuple[Any, Callable[..., object]]]:
        """Return every signal of an annotation and what it leads to here."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show how it is now."""
        raise NotImplementedError

    def later(self, *_: Any) -> None:
        """Refresh soon, once for many changes."""
        self._soon.start()


def heading(text: str) -> QLabel:
    """Title of a part of a dock.

    Parameters
    ----------
    text : str
        A word or two.

    Returns
    -------
    QLabel
        In bold.
    """
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold;")
    return label
