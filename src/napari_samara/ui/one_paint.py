"""One painting of the window for a prompt and its mask, in place of one for each."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

LONGEST = 80
"""Milliseconds that painting is held back at most: a mask that takes longer comes by itself."""


class OnePaint(QObject):
    """Holds the painting of a viewer's window back while a mask is on its way.

    A prompt is drawn where the user clicked and its mask some 30 ms later.  Putting a window with
    a canvas together takes longer than that, and meanwhile the worker that decodes has to wait for
    Python's lock: two paintings and a slow decoding in place of one of each.

    Parameters
    ----------
    viewer : ViewerModel
        One without a window has nothing to hold.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._held: QWidget | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LONGEST)
        self._timer.timeout.connect(self.release)

    def hold(self) -> None:
        """Paint later: at `release`, or when `LONGEST` is over."""
        menu = getattr(getattr(self._viewer, "window", None), "main_menu", None)
        if menu is None or self._held is not None:
            return
        with suppress(RuntimeError):  # the window is closing
            window = menu.window()
            window.setUpdatesEnabled(False)
            self._held = window
            self._timer.start()

    def release(self) -> None:
        """Paint what has come together."""
        self._timer.stop()
        held, self._held = self._held, None
        if held is not None:
            with suppress(RuntimeError):  # it is gone
                held.setUpdatesEnabled(True)
