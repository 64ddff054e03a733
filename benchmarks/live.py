"""The real viewer with an annotation open, a user's clicks, and what they are timed with."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_samara.ui.annotator import Annotator
from napari_samara.ui.open_annotators import register
from napari_samara.ui.widgets.annotate import AnnotateWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TICK = 10
"""Milliseconds between the ticks whose gaps are measured."""


def picture(side: int, seed: int = 0) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Return bright disks on noise (side, side), and their centres (N, 2)."""
    rng = np.random.default_rng(seed)
    image = rng.normal(900, 60, (side, side)).astype(np.float32)
    step = side // 6
    rows, cols = np.ogrid[:step, :step]
    centres = []
    for number in range(36):
        corner = np.array(divmod(number, 6)) * step
        radius = step * rng.uniform(0.15, 0.45)
        place = slice(corner[0], corner[0] + step), slice(corner[1], corner[1] + step)
        image[place] += 1500 * (np.hypot(rows - step / 2, cols - step / 2) < radius)
        centres.append(corner + step / 2)
    return image.clip(0, 65535).astype(np.uint16), np.array(centres)


class Stage:
    """A viewer window with the dock widget and an annotation of one image.

    Parameters
    ----------
    predictor : object
        The model; None for napari by itself, with layers of the same kinds and no plugin.
    side : int
        Of the square image.
    seed : int
        Of the noise in it.
    """

    def __init__(self, predictor: Any, side: int, seed: int = 0) -> None:
        image, self.centres = picture(side, seed)
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1200, 860)
        self.annotator: Any = None
        if predictor is None:
            self._add_layers(image)
        else:
            widget = AnnotateWidget(self.viewer)
            self.viewer.window.add_dock_widget(widget, name="Annotate (Samara)")
            layer = self.viewer.add_image(image)
            self.annotator = register(self.viewer, lambda: Annotator(self.viewer, layer, predictor))
            self.annotator.layers.select_points()
        self.viewer.reset_view()
        self.native = self.viewer.window._qt_viewer.canvas.native  # noqa: SLF001
        pump(1.0)

    def _add_layers(self, image: NDArray[np.uint16]) -> None:
        """Show what an annotation shows, without one."""
        self.viewer.add_image(image)
        for dtype in (np.int32, np.uint8):
            self.viewer.add_labels(np.zeros(image.shape, dtype))
        self.viewer.add_shapes(ndim=2)
        self.viewer.add_points(ndim=2, size=image.shape[0] / 40).mode = "add"

    def place(self, row: float, col: float) -> QPoint:
        """Return where on the canvas a pixel of the image is."""
        camera = getattr(self.viewer, "scene", self.viewer).camera
        middle, size = np.asarray(camera.center)[-2:], self.native.size()
        x = (col - middle[1]) * camera.zoom + size.width() / 2
        y = (row - middle[0]) * camera.zoom + size.height() / 2
        return QPoint(round(x), round(y))

    def click(self, row: float, col: float) -> float:
        """Click with the left button; return when the button went down."""
        at = self.place(row, col)
        QTest.mouseMove(self.native, at)
        start = time.perf_counter()
        QTest.mousePress(self.native, Qt.MouseButton.LeftButton, pos=at)
        QTest.mouseRelease(self.native, Qt.MouseButton.LeftButton, pos=at)
        return start

    def settled(self) -> None:
        """Let the viewer work until the session has no job left."""
        if self.annotator is None:
            return
        runner = self.annotator.session._runner  # noqa: SLF001
        while True:
            with runner._changed:  # noqa: SLF001 - a job is on its way from the queue otherwise
                if not runner.busy:
                    return
            pump(0.005)

    def close(self) -> None:
        """End the annotation and the viewer."""
        if self.annotator is not None:
            self.annotator.close()
        self.viewer.close()


def pump(seconds: float) -> None:
    """Let the viewer work."""
    end = time.perf_counter() + seconds
    while True:
        QApplication.processEvents()
        rest = end - time.perf_counter()
        if rest <= 0:
            return
        time.sleep(min(0.001, rest))


class Stopwatch:
    """Remembers when the calls of some functions began and ended, by a name for each."""

    def __init__(self) -> None:
        self.spans: dict[str, list[tuple[float, float]]] = {}

    def watch(self, name: str, owner: Any, function: str) -> None:
        """Time all calls of a function or method from now on."""
        inner, spans = getattr(owner, function), self.spans.setdefault(name, [])

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                spans.append((start, time.perf_counter()))

        setattr(owner, function, timed)

    def inside(self, name: str, start: float, end: float) -> float:
        """Return the seconds between two moments that the calls of a name took."""
        spans = self.spans.get(name, ())
        return sum(max(0.0, min(end, last) - max(start, first)) for first, last in spans)


class Drawing:
    """Remembers when the window was drawn; to be made before the first viewer.

    Xvfb draws in software: what the canvas costs here is not what it costs on a graphics card.
    """

    def __init__(self) -> None:
        from napari._qt.qt_main_window import _QtMainWindow

        self.spans: list[tuple[float, float]] = []
        inner, spans = _QtMainWindow.event, self.spans

        def event(window: Any, given: Any) -> bool:
            start = time.perf_counter()
            done: bool = inner(window, given)
            if given.type() in (QEvent.Type.UpdateRequest, QEvent.Type.Paint):
                spans.append((start, time.perf_counter()))
            return done

        _QtMainWindow.event = event

    def inside(self, start: float, end: float) -> float:
        """Return the seconds between two moments that were spent drawing."""
        return sum(max(0.0, min(end, b) - max(start, a)) for a, b in self.spans)


class Ticks:
    """A timer of 10 ms in the main thread, and the gaps between its ticks."""

    def __init__(self) -> None:
        self.at: list[tuple[float, float]] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Ticks:
        """Begin."""
        self._tick()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._timer.stop()
        self._tick()

    def gaps(self) -> list[tuple[float, float, float]]:
        """Return (start, end, seconds that the main thread was running) of each gap."""
        pairs = zip(self.at, self.at[1:], strict=False)
        return [(start, end, late - early) for (start, early), (end, late) in pairs]

    def _tick(self) -> None:
        self.at.append((time.perf_counter(), time.thread_time()))


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all values do not exceed."""
    return sorted(values)[min(len(values) - 1, round(share * (len(values) - 1)))]


def gaps(work: Callable[[], object], drawing: Drawing) -> dict[str, float]:
    """Longest gap between two ticks while something is done, with and without drawing."""
    start = time.perf_counter()
    with Ticks() as ticks:
        work()
    found = ticks.gaps()
    return {
        "longest": 1e3 * max(end - begin for begin, end, _ in found),
        "without drawing": 1e3 * max(e - b - drawing.inside(b, e) for b, e, _ in found),
        "seconds": time.perf_counter() - start,
    }


def conditions() -> str:
    """Return what the machine is like now."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def middle(values: list[float]) -> float:
    """Return the median in milliseconds of seconds."""
    return 1e3 * statistics.median(values)
