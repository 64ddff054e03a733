"""What the model sees: read in a worker, and always that of the plane and contrast of now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_samara.ui import open_annotators
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.widgets.annotate import AnnotateWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.gui

SHAPE = (4, 40, 48)


class SlowStack:
    """Stack in the memory that says which threads read it, and waits at the gate."""

    dtype, shape, ndim = np.dtype(np.uint16), SHAPE, len(SHAPE)

    def __init__(self) -> None:
        self.values = np.random.default_rng(0).integers(0, 4000, SHAPE).astype(np.uint16)
        self.gate = threading.Event()
        self.gate.set()
        self.read: list[tuple[str, Any]] = []

    def __getitem__(self, region: Any) -> np.ndarray:
        self.read.append((threading.current_thread().name, region))
        if threading.current_thread() is not threading.main_thread():
            assert self.gate.wait(20)
        return self.values[region]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)


@pytest.fixture
def opened(
    make_napari_viewer: Callable[..., Any], disk_predictor: Any, qtbot: Any
) -> Iterator[tuple[AnnotateWidget, Annotator, SlowStack]]:
    viewer, stack = make_napari_viewer(), SlowStack()
    layer = viewer.add_image(stack, contrast_limits=(0, 4000))
    viewer.dims.set_point(0, 1)
    widget = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Annotate")
    qtbot.waitUntil(lambda: widget.source.checkpoint.count() > 0, timeout=20_000)
    annotator = open_annotators.register(viewer, lambda: Annotator(viewer, layer, disk_predictor))
    yield widget, annotator, stack
    stack.gate.set()
    annotator.close()


def shown(annotator: Annotator) -> np.ndarray | None:
    """What the layer shows, as a plane; None where there is no layer."""
    found = [layer for layer in annotator.viewer.layers if layer.metadata.get("samara")]
    return np.asarray(found[0].data)[0] if found else None


def is_shown(annotator: Annotator) -> bool:
    """Whether the layer shows the plane and contrast of now, where they are."""
    found = [layer for layer in annotator.viewer.layers if layer.metadata.get("samara")]
    return (
        bool(found)
        and found[0].translate[0] == dict(annotator.session.plane.fixed)[0]
        and np.array_equal(found[0].data[0], annotator.session.encoder_input())
    )


def test_it_is_read_in_a_worker(opened: Any, qtbot: Any) -> None:
    widget, annotator, stack = opened
    stack.gate.clear()
    stack.read.clear()
    widget.options.sees.setChecked(True)  # returns while the plane is being read
    qtbot.waitUntil(lambda: bool(stack.read), timeout=5000)
    assert shown(annotator) is None
    assert all(name == "samara-task" for name, _ in stack.read)
    stack.gate.set()
    qtbot.waitUntil(lambda: is_shown(annotator), timeout=5000)
    widget.options.sees.setChecked(False)
    assert shown(annotator) is None


def test_it_follows_plane_and_contrast(opened: Any, qtbot: Any) -> None:
    widget, annotator, _ = opened
    widget.options.sees.setChecked(True)
    qtbot.waitUntil(lambda: is_shown(annotator), timeout=5000)
    layers = list(annotator.viewer.layers)
    annotator.viewer.dims.set_point(0, 3)
    qtbot.waitUntil(lambda: is_shown(annotator), timeout=5000)
    before = shown(annotator).copy()
    annotator.binding.layer.contrast_limits = (1000, 2000)
    qtbot.waitUntil(lambda: is_shown(annotator), timeout=5000)
    assert not np.array_equal(shown(annotator), before)
    assert list(annotator.viewer.layers) == layers  # one layer all the time
    annotator.viewer.dims.order = (1, 0, 2)
    qtbot.waitUntil(
        lambda: (
            np.asarray(
                next(x for x in annotator.viewer.layers if x.metadata.get("samara")).data
            ).shape
            == (SHAPE[0], 1, SHAPE[2], 3)
        ),
        timeout=5000,
    )


def test_late_answers_are_dropped(opened: Any, qtbot: Any) -> None:
    widget, annotator, stack = opened
    stack.gate.clear()
    stack.read.clear()
    widget.options.sees.setChecked(True)
    qtbot.waitUntil(lambda: bool(stack.read), timeout=5000)
    for index in (2, 3, 0):
        annotator.viewer.dims.set_point(0, index)
    workers = {name for name, _ in stack.read if name == "samara-task"}
    seen: list[Any] = []
    annotator.viewer.layers.events.inserted.connect(lambda event: seen.append(event.value))
    stack.gate.set()
    qtbot.waitUntil(lambda: is_shown(annotator), timeout=5000)
    assert workers == {"samara-task"}
    assert [layer.translate[0] for layer in seen] == [0]
    in_worker = [region for name, region in stack.read if name == "samara-task"]
    assert len(in_worker) == 2  # planes 1 and 0; nobody waited for 2 and 3


def test_what_is_hidden_before_it_came_stays_hidden(opened: Any, qtbot: Any) -> None:
    widget, annotator, stack = opened
    stack.gate.clear()
    widget.options.sees.setChecked(True)
    widget.options.sees.setChecked(False)
    stack.gate.set()
    qtbot.wait(100)
    assert shown(annotator) is None
