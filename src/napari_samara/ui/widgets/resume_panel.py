"""Asks, within the dock, whether an annotation that was found is gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_samara.ui.widgets.forms import narrow_combo, wrapped_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.ui.autosave import Found


class ResumePanel(QFrame):
    """Shows what was found of an image; hidden until it is asked."""

    resumed = Signal(object)
    """The `Found` to go on with."""

    begun_anew = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.line, self.choice = wrapped_label(), narrow_combo()
        self.resume, self.anew = QPushButton("Resume"), QPushButton("Start anew")
        self.anew.setToolTip("In another folder; what was found stays where it is.")
        self._found: Sequence[Found] = ()
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.resume, self.anew):
            button.setMinimumWidth(1)
            row.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (self.line, self.choice, buttons):
            layout.addWidget(widget)
        self.setStyleSheet("ResumePanel { border: 1px solid #0072b2; }")
        self.resume.clicked.connect(self._on_resume)
        self.anew.clicked.connect(self._on_anew)
        self.hide()

    def ask(self, name: str, found: Sequence[Found]) -> None:
        """Offer to go on.

        Parameters
        ----------
        name : str
            Of the image.
        found : sequence of Found
            At least one, the last one first.
        """
        self._found = found
        self.choice.clear()
        for one in found:
            self.choice.addItem(f"{one.title} ({one.folder.name})")
        self.choice.setVisible(len(found) > 1)
        which = "was" if found[0].objects + found[0].prompts == 1 else "were"
        line = f"{found[0].title} {which} found." if len(found) == 1 else "Found for this image:"
        self.line.setText(line)
        self.line.setToolTip(f"{name}\n" + "\n".join(str(one.folder) for one in found))
        self.show()

    def _on_resume(self) -> None:
        """Go on with what is chosen."""
        self.hide()
        self.resumed.emit(self._found[max(0, self.choice.currentIndex())])

    def _on_anew(self) -> None:
        """Begin anew."""
        self.hide()
        self.begun_anew.emit()
