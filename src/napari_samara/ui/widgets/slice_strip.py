"""A strip with a place for each slice: how far it is, what is in it; a click leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_samara.ui.widgets.slice_marks import (
    COLOURS,
    DOUBTFUL,
    ENCODED,
    ENCODING,
    FAILED,
    FOLLOWED,
    KNOWN,
    MARKS,
    MISSING,
    QUEUED,
    STALE,
    StripState,
    mark_of,
    worst_of,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

# Pixels: above the band for the pointer, of the band, of the marks below it, and of a swatch.
_TOP, _BAND, _MARKS, _SWATCH = 7, 16, 12, 12

# Lightness of text, to 255, below which the ground is light.
_MIDDLE = 128

# Widest that a slice is drawn.
_WIDEST = 24.0

_LEGEND = (ENCODED, ENCODING, STALE, QUEUED, FAILED, MISSING, *MARKS)


class SliceStrip(QWidget):
    """Draws a `StripState`; colour, height and pattern all tell the states apart."""

    picked = Signal(int)
    """The user wants to see this slice."""

    def __init__(self) -> None:
        super().__init__()
        self.state = StripState()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumWidth(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_state(self, state: StripState) -> None:
        """Draw this from now on.

        Parameters
        ----------
        state : StripState
            Without slices nothing is drawn.
        """
        if state != self.state:
            self.state = state
            self._fit()
            self.update()

    def slice_at(self, x: float) -> int | None:
        """Return the slice at a place across the strip; None beside it."""
        count = len(self.state.states)
        step = self._step()
        if not count or not 0 <= x < count * step:
            return None
        return min(count - 1, int(x / step))

    def middle_of(self, index: int) -> float:
        """Return where a slice is drawn."""
        return (index + 0.5) * self._step()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw."""
        if not self.state.states:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for left, right, indices in self._columns():
            states = tuple(self.state.states[index] for index in indices)
            room = QRectF(left, _TOP, right - left, _BAND)
            self._draw_state(painter, room, worst_of(states))
        for left, right, indices in self._columns(narrowest=8.0):
            known = [self.state.marks[index] for index in indices if index in self.state.marks]
            if mark := mark_of(known):
                room = QRectF(left, _TOP + _BAND + 1, right - left, _MARKS)
                self._draw_mark(painter, room, mark)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._faint(), 1))
        wide = len(self.state.states) * self._step()
        painter.drawRect(QRectF(0.5, _TOP + 0.5, wide - 1, _BAND - 1))
        self._draw_pointer(painter)
        self._draw_legend(painter)
        painter.end()

    def resizeEvent(self, event: QResizeEvent | Any) -> None:
        """Make room for the legend."""
        super().resizeEvent(event)
        self._fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the slice below the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pick(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go through slices while the button is held; tell of one otherwise."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbour with the arrow keys."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        wanted = self.state.current + step
        if 0 <= wanted < len(self.state.states):
            self.picked.emit(wanted)

    def event(self, event: Any) -> bool:
        """Tell of the slice below the mouse."""
        if event.type() == event.Type.ToolTip:
            index = self.slice_at(event.pos().x())
            lines = () if index is None else self.state.about(index)
            QToolTip.showText(event.globalPos(), "\n".join(line for line in lines if line))
            return True
        return bool(super().event(event))

    def _pick(self, event: QMouseEvent) -> None:
        index = self.slice_at(event.position().x())
        if index is not None and index != self.state.current:
            self.picked.emit(index)

    def _step(self) -> float:
        """Pixels of a slice."""
        return min(_WIDEST, self.width() / max(1, len(self.state.states)))

    def _columns(self, narrowest: float = 1.0) -> list[tuple[float, float, range]]:
        """Places across the strip, each with the slices that share it."""
        count, step = len(self.state.states), self._step()
        together = max(1, round(narrowest / step)) if step < narrowest else 1
        return [
            (
                first * step,
                min(count, first + together) * step,
                range(first, min(count, first + together)),
            )
            for first in range(0, count, together)
        ]

    def _colour(self, what: str) -> QColor:
        text = self.palette().windowText().color()
        light = int(text.lightness() < _MIDDLE)
        return QColor(COLOURS[what][light]) if what in COLOURS else QColor(text)

    def _faint(self) -> QColor:
        faint = QColor(self.palette().windowText().color())
        faint.setAlpha(110)
        return faint

    def _draw_state(self, painter: QPainter, room: QRectF, state: str) -> None:
        """Fill the place of a slice: all of it, half of it, a line, or nothing."""
        painter.setPen(Qt.PenStyle.NoPen)
        gap = 1.0 if room.width() > 4 else 0.0
        room = room.adjusted(gap / 2, 1, -gap / 2, -1)
        if state == ENCODED:
            painter.fillRect(room, self._colour(state))
        elif state == STALE:
            half = room.adjusted(0, room.height() / 2, 0, 0)
            painter.fillRect(half, self._colour(state))
        elif state == ENCODING:
            painter.fillRect(room, QBrush(self._colour(state), Qt.BrushStyle.Dense4Pattern))
        elif state == FAILED:
            painter.fillRect(room, QBrush(self._colour(state), Qt.BrushStyle.DiagCrossPattern))
        elif state == QUEUED:
            painter.fillRect(room.adjusted(0, room.height() - 3, 0, 0), self._faint())

    def _draw_mark(self, painter: QPainter, room: QRectF, mark: str) -> None:
        """Draw a diamond, a triangle or a dot."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour(mark))
        x, y, half = room.center().x(), room.center().y(), min(5.0, max(3.0, room.width() / 2))
        if mark == FOLLOWED:
            painter.drawEllipse(QPointF(x, y), half / 2.2, half / 2.2)
        elif mark == KNOWN:
            corners = [(x, y - half), (x + half, y), (x, y + half), (x - half, y)]
            painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
        elif mark == DOUBTFUL:
            corners = [(x, y - half), (x + half, y + half), (x - half, y + half)]
            painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))

    def _draw_pointer(self, painter: QPainter) -> None:
        """Draw where the slice is that is shown."""
        x = self.middle_of(self.state.current)
        colour = self.palette().windowText().color()
        painter.setPen(QPen(colour, 2))
        painter.drawLine(QPointF(x, _TOP - 2), QPointF(x, _TOP + _BAND))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        corners = [QPointF(x - 5, 0), QPointF(x + 5, 0), QPointF(x, _TOP)]
        painter.drawPolygon(QPolygonF(corners))

    def _legend(self) -> list[tuple[str, float, float]]:
        """Place what is drawn above, as far as it occurs, with its name below the strip."""
        there = {*self.state.states, *self.state.marks.values()}
        x, y, placed = 0.0, float(_TOP + _BAND + _MARKS + 4), []
        for what in _LEGEND:
            if what not in there:
                continue
            wide = _SWATCH + 4 + self.fontMetrics().horizontalAdvance(what)
            if x and x + wide > self.width():
                x, y = 0.0, y + self.fontMetrics().height()
            placed.append((what, x, y))
            x += wide + 10
        return placed

    def _fit(self) -> None:
        """Be as high as the legend needs, and never lower than two lines of it: no jumps."""
        lines = {_TOP + _BAND + _MARKS + 4.0, *(y for _, _, y in self._legend())}
        count = max(2, len(lines))
        self.setFixedHeight(_TOP + _BAND + _MARKS + count * self.fontMetrics().height() + 6)

    def _draw_legend(self, painter: QPainter) -> None:
        """Name what is drawn above."""
        high = painter.fontMetrics().height()
        for what, x, y in self._legend():
            swatch = QRectF(x, y + 1, _SWATCH, high - 3)
            if what in MARKS:
                self._draw_mark(painter, swatch, what)
            else:
                self._draw_state(painter, swatch, what)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(self._faint(), 1))
                painter.drawRect(swatch)
            painter.setPen(self.palette().windowText().color())
            place = QRectF(x + _SWATCH + 4, y, self.width(), high)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, what)
