"""Many candidates: which of them are accepted."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

_STEPS = 100


class ManyForm(QWidget):
    """Buttons to pick among the candidates, the score they need, and the map they came from."""

    pick_asked = Signal()
    all_asked = Signal(bool)
    score_changed = Signal(float)
    map_toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.pick, self.all, self.none = (QPushButton(text) for text in ("Pick", "All", "None"))
        self.pick.setCheckable(True)
        self.pick.setToolTip("Then click on a mask: it is left out, or taken in again.")
        self.all.setToolTip("Takes every candidate in.")
        self.none.setToolTip("Leaves every candidate out: then pick those that are right.")
        self.score = QSlider(Qt.Orientation.Horizontal)
        self.score.setRange(0, _STEPS)
        self.score.setToolTip("Candidates below are left out, unless you picked them by hand.")
        self.said = QLabel()
        self.map = QCheckBox("Similarity map")
        self.map.setToolTip("Where Find similar saw something like the accepted objects.")
        buttons, line = QHBoxLayout(), QHBoxLayout()
        for button in (self.pick, self.all, self.none):
            button.setMinimumWidth(1)
            buttons.addWidget(button, 1)
        line.addWidget(self.said)
        line.addWidget(self.score, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addLayout(line)
        layout.addWidget(self.map)
        self.pick.clicked.connect(lambda: self.pick_asked.emit())
        self.all.clicked.connect(lambda: self.all_asked.emit(True))
        self.none.clicked.connect(lambda: self.all_asked.emit(False))
        self.score.valueChanged.connect(self._on_score)
        self.map.toggled.connect(self.map_toggled.emit)
        self._on_score(0)

    @property
    def at_least(self) -> float:
        """Predicted IoU that a candidate needs."""
        return float(self.score.value() / _STEPS)

    def show_score(self, at_least: float) -> None:
        """Show the predicted IoU that a candidate needs, without telling of it.

        Parameters
        ----------
        at_least : float
            From 0 to 1.
        """
        self.blockSignals(True)
        self.score.setValue(round(at_least * _STEPS))
        self.blockSignals(False)

    def _on_score(self, _: int) -> None:
        self.said.setText(f"IoU ≥ {self.at_least:.2f}")
        self.score_changed.emit(self.at_least)
