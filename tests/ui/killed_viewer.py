"""A viewer to be killed: two objects accepted through the dock, and a prompt for a third.

Run by `test_killed.py`; says ``there`` once the dock shows both objects, and waits for its end.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from tests.ui.conftest import DiskPredictor

from napari_samara.ui.widgets.annotate import AnnotateWidget

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (96, 128)
PLACES = ((40.0, 30.0), (40.0, 80.0), (75.0, 50.0))


def picture() -> np.ndarray:
    """The same image in both processes."""
    return np.random.default_rng(3).integers(0, 255, SHAPE).astype(np.uint8)


def until(there: Callable[[], object]) -> None:
    """Let Qt work until something is there."""
    end = time.monotonic() + 60
    while not there():
        if time.monotonic() > end:
            sys.exit("it does not come")
        QApplication.processEvents()
        time.sleep(0.005)


def main() -> None:
    """Annotate and wait."""
    viewer = napari.Viewer(show=False)
    viewer.add_image(picture(), name="cells")
    widget = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Annotate")
    until(widget.source.start.isEnabled)
    widget.source.start.click()
    until(lambda: widget.annotator is not None)
    for number, place in enumerate(PLACES):
        assert widget.annotator is not None
        widget.annotator.points.add([place])
        until(lambda: widget.annotator is not None and widget.annotator.session.candidates)
        if number == 1:
            widget.prompting.candidates[1].click()
        if number < 2:
            widget.verbs["accept"].click()
            until(lambda n=number: widget.objects.table.rowCount() == n + 1)
    print("there", flush=True)
    until(lambda: False)


if __name__ == "__main__":
    import napari_samara.api

    napari_samara.api.load = lambda *_, **__: DiskPredictor()
    main()
