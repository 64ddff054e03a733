"""All objects of the plane without prompts: what to look for, begin and stop."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_samara.engine.automatic_settings import PRESETS
from napari_samara.ui.widgets.forms import TOOLTIP, narrow_combo

EXPLAINED = {
    "cells": "Cells, nuclei, particles: none lies inside another.",
    "everything": "Also parts of objects; looks at a fine grid, which takes longer.",
    "few large": "A few large objects: of two masks the larger stays.",
}
"""What the presets that the list offers are for."""

_FIND, _STOP = "Find all", "Stop"


class FindAllForm(QWidget):
    """A list of presets, and a button that begins and stops the search."""

    asked = Signal(str)
    stop_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.preset, self.button = narrow_combo(), QPushButton(_FIND)
        for name in PRESETS:
            if name in EXPLAINED:
                self.preset.addItem(name.capitalize(), name)
                self.preset.setItemData(self.preset.count() - 1, EXPLAINED[name], TOOLTIP)
        self.preset.setToolTip("What to look for.")
        self.button.setToolTip(
            "Sets a point on every object of this plane. Stopping keeps what was found."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.preset, self.button):
            part.setMinimumWidth(1)
            layout.addWidget(part, 1)
        self._finding = False
        self.button.clicked.connect(self._on_clicked)

    def set_finding(self, finding: bool) -> None:
        """Show whether objects are being looked for.

        Parameters
        ----------
        finding : bool
            Then the button stops the search.
        """
        self._finding = finding
        self.preset.setEnabled(not finding)
        self.button.setText(_STOP if finding else _FIND)

    def _on_clicked(self) -> None:
        if self._finding:
            self.stop_asked.emit()
        else:
            self.asked.emit(self.preset.currentData())
