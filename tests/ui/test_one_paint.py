"""Tests of painting a prompt and its mask together."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

from napari_samara.session.paced_runner import PacedRunner
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.one_paint import LONGEST, OnePaint
from napari_samara.ui.open_annotators import register

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


def until(met: Callable[[], bool], seconds: float = 5.0) -> None:
    """Let the viewer work until something is so."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not happen"
        QApplication.processEvents()
        time.sleep(0.002)


@pytest.fixture
def shown(make_napari_viewer: Callable[..., Any], hands: Any) -> tuple[Any, Any]:
    """A viewer with an image, and its canvas."""
    viewer = make_napari_viewer(show=True)
    viewer.add_image(np.zeros(SHAPE, np.uint8))
    return viewer, hands(viewer).native


def test_held_until_released(shown: tuple[Any, Any]) -> None:
    viewer, canvas = shown
    paint = OnePaint(viewer)
    paint.hold()
    assert not canvas.updatesEnabled()
    paint.hold()  # once is enough
    paint.release()
    assert canvas.updatesEnabled()
    paint.release()
    assert canvas.updatesEnabled()


def test_not_held_for_long(shown: tuple[Any, Any]) -> None:
    viewer, canvas = shown
    paint = OnePaint(viewer)
    start = time.monotonic()
    paint.hold()
    until(canvas.updatesEnabled)
    assert time.monotonic() - start >= 0.9 * LONGEST / 1000


def test_viewer_without_a_window() -> None:
    paint = OnePaint(ViewerModel())
    paint.hold()
    assert paint._held is None
    paint.release()


def test_window_that_is_gone(make_napari_viewer: Callable[..., Any]) -> None:
    viewer = make_napari_viewer(show=True)
    paint = OnePaint(viewer)
    paint.hold()
    viewer.close()
    QApplication.processEvents()
    paint.release()
    assert paint._held is None
    assert not paint._timer.isActive()


def test_a_click_and_its_mask_are_painted_together(
    shown: tuple[Any, Any], disk_predictor: Any, hands: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canvas is not painted while the mask is on its way, and is once it has come."""
    viewer, canvas = shown
    image, user = viewer.layers[0], hands(viewer)
    go_on, inner = threading.Event(), disk_predictor.predict

    def slow(*args: Any, **kwargs: Any) -> Any:
        go_on.wait(5)
        return inner(*args, **kwargs)

    monkeypatch.setattr("napari_samara.ui.one_paint.LONGEST", 60_000)
    annotator = register(
        viewer,
        lambda: Annotator(viewer, ImageBinding.of(image), disk_predictor, runner=PacedRunner),
    )
    try:
        annotator.layers.select_points()
        go_on.set()
        user.click(40, 50)  # encodes, and shows the point meanwhile
        until(lambda: annotator.session.candidate is not None)
        until(canvas.updatesEnabled)
        go_on.clear()
        monkeypatch.setattr(disk_predictor, "predict", slow)
        user.click(60, 70)
        until(lambda: annotator.session.status.state == "decoding")
        assert not canvas.updatesEnabled()
        assert annotator.session.awaits_masks
        go_on.set()
        until(lambda: not annotator.session.awaits_masks)
        assert canvas.updatesEnabled()
        assert np.asarray(annotator.preview.data)[60, 70]
    finally:
        go_on.set()
        annotator.close()
