"""How far training is, what it gives, and how long it still takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_samara.ui.widgets.curve import Curve
from napari_samara.ui.widgets.forms import wrapped_label

if TYPE_CHECKING:
    from napari_samara.training.finetune_progress import Finetuned, Progress

# Milliseconds between two looks at the clock, and steps of the bar.
_TICK, _STEPS = 500, 1000


class TrainingView(QWidget):
    """A line, a bar that follows the clock, the figures and their curve."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.bar, self.figures, self.curve = (
            wrapped_label(),
            QProgressBar(),
            wrapped_label(),
            Curve(),
        )
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.figures.setStyleSheet("font-weight: bold;")
        self.history: list[Progress] = []
        self._minutes, self._heard = 0.0, 0.0
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK)
        self._clock.timeout.connect(self._draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.line, self.bar, self.figures, self.curve):
            layout.addWidget(part)
        self.figures.hide()
        self.curve.hide()
        self.say("")

    def say(self, line: str, busy: bool = False) -> None:
        """Show a line in place of the clock; figures stay.

        Parameters
        ----------
        line : str
            For the user.
        busy : bool
            Whether something is going on that nobody knows the length of.
        """
        self._clock.stop()
        self.line.setText(line)
        self.line.setVisible(bool(line))
        self.bar.setVisible(busy)
        self.bar.setRange(0, 0)

    def begin(self, minutes: float) -> None:
        """Forget an earlier run.

        Parameters
        ----------
        minutes : float
            That this one may take.
        """
        self.history, self._minutes = [], minutes
        self.curve.show_history(())
        self.figures.hide()
        self.curve.hide()

    def show_progress(self, at: Progress) -> None:
        """Show a look at the held-out objects.

        Parameters
        ----------
        at : Progress
            The newest.
        """
        self.history.append(at)
        self._heard = time.monotonic()
        self._show_history()
        self.bar.setRange(0, _STEPS)
        self.bar.show()
        if not self._clock.isActive():
            self._clock.start()
        self._draw()

    def _show_history(self) -> None:
        """Draw the curve and its figures."""
        self.curve.show_history(self.history)
        self.curve.show()
        first, best = self.history[0], max(self.history, key=lambda one: one.score)
        self.figures.setText(
            f"IoU of boxes {first.box:.2f} → {best.box:.2f}\n"
            f"IoU of points {first.point:.2f} → {best.point:.2f}"
        )
        self.figures.setToolTip(
            "Before, and at best until now; of objects that are not learned from."
        )
        self.figures.show()

    def show_result(self, found: Finetuned, name: str) -> None:
        """Show what a run came to.

        Parameters
        ----------
        found : Finetuned
            Whose history may begin before the window was opened.
        name : str
            Of the new checkpoint.
        """
        self.history = list(found.history)
        self._show_history()
        how = "Ended by you" if found.stopped == "cancelled" else f"Done: {found.stopped}"
        self.say(f"{how}. The best is saved as {name}.")

    def estimate(self, now: float) -> tuple[float, float]:
        """Part that is done and seconds that are left, by the clock and by the steps.

        Parameters
        ----------
        now : float
            Of `time.monotonic`.

        Returns
        -------
        float, float
            The part from 0 to 1.
        """
        at = self.history[-1]
        rate = max(1 / (60 * self._minutes), at.done / at.seconds if at.seconds else 0.0)
        part = min(1.0, at.done + rate * (now - self._heard))
        return part, (1 - part) / rate

    def _draw(self) -> None:
        """Bring line and bar to the present."""
        part, left = self.estimate(time.monotonic())
        self.bar.setValue(int(_STEPS * part))
        minutes, seconds = divmod(round(left), 60)
        rest = f"about {minutes} min {seconds:02d} s left" if minutes else f"{seconds} s left"
        self.line.setText(f"Training, step {self.history[-1].step}: {rest}")
        self.line.show()
