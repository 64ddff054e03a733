"""What is going on: one line and a bar, with the time that is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_samara.ui.widgets.forms import wrapped_label

if TYPE_CHECKING:
    from napari_samara.session import Status

# Milliseconds between two looks at the clock, and steps of the bar.
_TICK, _STEPS = 200, 100


class StatusLine(QWidget):
    """Shows a `Status`, and runs the bar by the clock where a step says how long it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.bar = wrapped_label(), QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        for part in (self.line, self.bar):  # what lies below is not to jump, nor be laid out anew
            policy = part.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            part.setSizePolicy(policy)
        self._status: Status | None = None
        self._since = 0.0
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK)
        self._clock.timeout.connect(self._draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line)
        layout.addWidget(self.bar)
        self.say("")

    def say(self, line: str) -> None:
        """Show a line by itself.

        Parameters
        ----------
        line : str
            For the user.
        """
        self._status = None
        self._clock.stop()
        self.line.setText(line)
        self.line.setVisible(bool(line))
        self.bar.setVisible(False)

    def show_status(self, status: Status) -> None:
        """Show what the session is doing.

        Parameters
        ----------
        status : Status
            An idle one leaves a message of before alone.
        """
        if status.state == "idle":
            if self._status is not None:
                self.say("")
            return
        if status.state == "failed":
            self.say(status.message)
            return
        if self._status is None or self._status.state != status.state:
            self._since = time.monotonic()
        self._status = status
        if not self._clock.isActive():
            self._clock.start()
        if status.state == "encoding" or status.total > 1 or self.line.isVisible():
            self._draw()  # one decoding is over before the clock ticks: nothing is to flicker

    def _draw(self) -> None:
        """Bring line and bar to the present."""
        status = self._status
        if status is None:
            return
        passed = time.monotonic() - self._since
        text = f"{status.message[:1].upper()}{status.message[1:]} …"
        self.bar.setVisible(status.state == "encoding" or status.total > 1)
        if status.eta_s:
            left = max(0.0, status.eta_s - passed)
            text += f" about {left:.0f} s left" if left >= 1 else " nearly done"
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(min(_STEPS - 1, int(_STEPS * passed / status.eta_s)))
        elif status.total > 1:
            self.bar.setRange(0, status.total)
            self.bar.setValue(status.done)
        else:
            self.bar.setRange(0, 0)
            text += f" {passed:.0f} s"
        self.line.setText(text)
        self.line.setVisible(True)
