"""A line of text, and a bar while there is something to wait for."""

from __future__ import annotations

from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_samara.ui.widgets.forms import wrapped_label


class ProgressLine(QWidget):
    """Says how far something is."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.bar = wrapped_label(), QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        layout.addWidget(self.bar)
        self.say("")

    def say(self, line: str, done: int = 0, total: int = 0) -> None:
        """Show a line.

        Parameters
        ----------
        line : str
            For the user.
        done, total : int
            Of the bar, which is hidden for a total of 0.
        """
        self.line.setText(line)
        self.line.setVisible(bool(line))
        self.bar.setVisible(total > 0)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
