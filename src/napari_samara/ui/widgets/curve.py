"""A small drawing of how well held-out objects are found, over the time of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent

    from napari_samara.training.finetune_progress import Progress

LINES = (("box", ("#56b4e9", "#0072b2")), ("point", ("#e69f00", "#d55e00")))
"""Figures that are drawn; colours of Okabe and Ito's palette on a dark and on a light ground."""

# Pixels around the drawing, and the smallest span of IoU that fills its height.
_MARGIN, _SPAN = 4, 0.1

# Lightness of text, to 255, below which the ground is light.
_MIDDLE = 128


class Curve(QWidget):
    """Two lines, each with its name and its last value at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.history: tuple[Progress, ...] = ()
        self.setFixedHeight(96)
        self.setMinimumWidth(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Mean IoU of the held-out objects at every look, over the steps.")

    def show_history(self, history: Sequence[Progress]) -> None:
        """Draw the looks until now.

        Parameters
        ----------
        history : sequence of Progress
            The first from before training.
        """
        self.history = tuple(history)
        self.update()

    def limits(self) -> tuple[float, float]:
        """IoU at the lower and at the upper edge."""
        values = [getattr(at, name) for at in self.history for name, _ in LINES] or [0.0, 1.0]
        low, high = min(values), max(values)
        wider = max(0.0, _SPAN - (high - low)) / 2
        return max(0.0, low - wider), min(1.0, high + wider)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().windowText().color()
        numbers = painter.fontMetrics().horizontalAdvance("0.00 ")
        names = painter.fontMetrics().horizontalAdvance(" point 0.00")
        high = painter.fontMetrics().height()
        room = QRectF(
            numbers,
            high / 2 + _MARGIN,
            max(1.0, self.width() - numbers - names),
            max(1.0, self.height() - high - 2 * _MARGIN),
        )
        low, top = self.limits()
        faint = QColor(text)
        faint.setAlpha(70)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        painter.drawLine(room.topLeft(), room.topRight())
        painter.setPen(text)
        for value, y in ((top, room.top()), (low, room.bottom())):
            place = QRectF(0, y - high / 2, numbers, high)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f"{value:.2f}")
        if self.history:
            self._draw_lines(painter, room, high)
        painter.end()

    def _draw_lines(self, painter: QPainter, room: QRectF, high: int) -> None:
        """Draw both figures, and their names where they do not cover each other."""
        last = max(1, self.history[-1].step)
        low, top = self.limits()
        ends = {}
        ground = int(self.palette().windowText().color().lightness() < _MIDDLE)
        for name, colours in LINES:
            points = [
                QPointF(
                    room.left() + room.width() * at.step / last,
                    room.bottom() - room.height() * (getattr(at, name) - low) / (top - low),
                )
                for at in self.history
            ]
            painter.setPen(QPen(QColor(colours[ground]), 2))
            painter.drawPolyline(points)
            if len(points) == 1:
                painter.drawEllipse(points[0], 2.0, 2.0)
            ends[name] = points[-1].y()
        above, below = sorted(ends, key=ends.__getitem__)
        apart = ends[below] - ends[above]
        if apart < high:
            ends[above] -= (high - apart) / 2
            ends[below] += (high - apart) / 2
        for name, colours in LINES:
            painter.setPen(QColor(colours[ground]))
            place = QRectF(room.right(), ends[name] - high / 2, self.width() - room.right(), high)
            value = getattr(self.history[-1], name)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f" {name} {value:.2f}")
