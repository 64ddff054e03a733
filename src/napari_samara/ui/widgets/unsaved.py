"""A frame that says, for as long as it lasts, that nothing is saved and why."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel


class UnsavedWarning(QLabel):
    """Hidden while all is saved."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setMinimumWidth(1)
        self.setStyleSheet("font-weight: bold; border: 1px solid #d55e00; padding: 4px;")
        self.hide()

    def show_problem(self, problem: str, chosen: bool = False) -> None:
        """Say what keeps things from being saved.

        Parameters
        ----------
        problem : str
            "" where all is saved.
        chosen : bool
            Whether the user wants it so.
        """
        reason = problem.rpartition(": ")[2].rstrip(".")  # the path is in the tooltip
        line = f"Not saved: {reason}." if problem else ""
        if problem and not chosen:
            line += " What you accept is in this window only. Move… saves it elsewhere."
        self.setText(line)
        self.setToolTip(problem)
        self.setVisible(bool(line))
