"""The whole loop in a real viewer, by real clicks and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QObject, Qt, Signal
from tests.ui.conftest import RADII, disk

from napari_samara.ui.layer_set import GivenLayers

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    return make_napari_viewer(show=True)


def test_click_gives_preview(viewer: Any, begin: Any, hands: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    annotator = begin(viewer, layer)
    annotator.layers.select_points()
    user = hands(viewer)
    user.click(40, 50)
    assert len(annotator.points.data) == 1
    at = annotator.points.data[0]
    assert np.allclose(at, (40, 50), atol=0.5)
    assert (annotator.preview.data == disk(SHAPE, *at)).all()


@pytest.fixture
def loop(viewer: Any, begin: Any, hands: Any) -> tuple[Any, Any]:
    """An annotation whose next click adds a point, and a user."""
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    annotator = begin(viewer, layer)
    annotator.layers.select_points()
    return annotator, hands(viewer)


def test_the_whole_loop_by_mouse_and_keys(loop: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    at = annotator.points.data[0].copy()
    user.key("Q")
    assert (annotator.preview.data == disk(SHAPE, *at, radius=RADII[1])).all()
    user.key("Shift+Q")
    user.key("W")
    first = disk(SHAPE, *at)
    assert (annotator.labels.data == first).all()
    assert len(annotator.points.data) == 0
    assert not annotator.preview.data.any()
    user.click(40, 70)
    second = disk(SHAPE, *annotator.points.data[0]) & ~first
    user.key("W")
    assert (annotator.labels.data == first + 2 * second).all()
    user.key("Control+Z")  # the accepting
    assert (annotator.labels.data == first).all()
    assert len(annotator.points.data) == 1
    user.key("Control+Z")  # the point
    assert len(annotator.points.data) == 0
    user.key("Control+Shift+Z")
    user.key("Control+Shift+Z")
    assert (annotator.labels.data == first + 2 * second).all()
    annotator.selected = 1
    user.key("U")  # reopen
    assert np.allclose(annotator.points.data, [at])
    assert annotator.session.open_label == 1
    user.key("Q")
    user.key("W")
    small = disk(SHAPE, *at, radius=RADII[1])
    assert (annotator.labels.data == small + 2 * second).all()
    annotator.selected = 2
    user.key("Shift+K")  # delete
    assert (annotator.labels.data == small).all()
    assert list(annotator.session.objects) == [1]


def test_sign_by_key_and_by_modifier(loop: Any) -> None:
    annotator, user = loop
    user.click(30, 30)
    user.key("G")
    user.click(30, 60)
    user.click(60, 60, Qt.KeyboardModifier.ControlModifier)
    assert annotator.points.features["positive"].tolist() == [True, False, True]
    assert [str(symbol) for symbol in annotator.points.symbol] == ["disc", "x", "disc"]
    assert [prompt.positive for prompt in annotator.session.prompts] == [True, False, True]
    user.key("K")
    assert len(annotator.points.data) == 0
    user.key("Control+Z")
    assert annotator.points.features["positive"].tolist() == [True, False, True]


def test_undo_key_in_the_labels_layer_is_the_one_of_the_annotation(loop: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    user.key("W")
    annotator.viewer.layers.selection.active = annotator.labels
    user.key("Control+Z")
    assert not annotator.labels.data.any()
    assert len(annotator.points.data) == 1


def test_painting_by_hand_is_part_of_the_history(loop: Any) -> None:
    annotator, user = loop
    annotator.viewer.layers.selection.active = annotator.labels
    annotator.labels.mode = "paint"
    annotator.labels.selected_label = 7
    user.click(20, 20)
    assert 7 in annotator.labels.data
    assert list(annotator.session.objects) == [7]
    user.key("Control+Z")
    assert not annotator.labels.data.any()
    user.key("Control+Shift+Z")
    assert 7 in annotator.labels.data


def test_undo_of_the_layer_called_by_a_script(loop: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    user.key("W")
    full = annotator.labels.data.copy()
    annotator.labels.undo()
    assert not annotator.labels.data.any()
    assert not annotator.session.objects  # the record goes with its pixels
    user.key("Control+Z")  # the undoing itself is a step
    assert np.array_equal(annotator.labels.data, full)
    assert list(annotator.session.objects) == [1]


def test_moved_and_removed_points_decode_anew(loop: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    annotator.points.selected_data = {0}
    annotator.points.data = [[50.0, 60.0]]
    assert (annotator.preview.data == disk(SHAPE, 50, 60)).all()
    annotator.points.selected_data = {0}
    annotator.points.remove_selected()
    assert not annotator.preview.data.any()
    annotator.session.undo()
    assert np.allclose(annotator.points.data, [[50, 60]])


SHAPES = [
    ("rectangle", [[10, 20], [10, 44], [30, 44], [30, 20]], "box"),
    ("ellipse", [[10, 20], [10, 44], [30, 44], [30, 20]], "polygon"),
    ("polygon", [[10, 20], [10, 44], [30, 30]], "polygon"),
    ("path", [[10, 20], [20, 30], [25, 50]], "scribble"),
    ("line", [[10, 20], [20, 30]], "scribble"),
]


@pytest.mark.parametrize(("kind", "vertices", "prompt"), SHAPES)
def test_shapes_are_prompts(loop: Any, kind: str, vertices: Any, prompt: str) -> None:
    annotator, _ = loop
    annotator.shapes.add(np.array(vertices, float), shape_type=kind)
    (found,) = annotator.session.prompts
    assert found.kind == prompt
    assert annotator.preview.data.any()
    annotator.accept()
    assert len(annotator.shapes.data) == 0
    annotator.undo()
    assert len(annotator.shapes.data) == 1
    assert annotator.session.prompts[0] == found


def test_rectangle_is_taken_corner_for_corner(loop: Any) -> None:
    annotator, _ = loop
    annotator.shapes.add(np.array([[30.0, 44], [10, 44], [10, 20], [30, 20]]))
    assert annotator.session.prompts[0].corners == (10, 20, 30, 44)
    truth = np.zeros(SHAPE, bool)
    truth[10:30, 20:44] = True
    assert (annotator.preview.data == truth).all()


def test_one_object_per_prompt(loop: Any) -> None:
    annotator, user = loop
    annotator.each = True
    for place in [(20, 20), (20, 60), (60, 20)]:
        user.click(*place)
    truth = sum(disk(SHAPE, *at) for at in annotator.points.data)
    assert (annotator.preview.data == truth).all()
    user.key("W")
    assert sorted(annotator.session.objects) == [1, 2, 3]
    assert (annotator.labels.data > 0).sum() == truth.sum()
    assert len(annotator.points.data) == 0
    user.key("Control+Z")
    assert not annotator.labels.data.any()


def test_refine_a_label_nobody_accepted(viewer: Any, begin: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    mine = np.zeros(SHAPE, np.uint16)
    mine[10:30, 20:44] = 5
    labels = viewer.add_labels(mine)
    annotator = begin(viewer, layer, given=GivenLayers(labels=labels))
    annotator.selected = 5
    annotator.refine()
    assert [prompt.kind for prompt in annotator.session.prompts] == ["mask"]
    assert (annotator.preview.data == (mine == 5)).all()
    annotator.selected = 9
    said: list[str] = []
    annotator.message.connect(said.append)
    annotator.refine()
    assert "label 9 is not in this plane" in said[0]


def test_own_layers_keep_what_is_in_them(viewer: Any, begin: Any) -> None:
    layer = viewer.add_image(np.zeros((4, *SHAPE), np.uint8))
    points = viewer.add_points(np.array([[0, 30.0, 40], [2, 50, 60]]))
    labels = viewer.add_labels(np.zeros((4, *SHAPE), np.int32))
    labels.data[0, :5, :5] = 3
    viewer.dims.set_point(0, 0)
    annotator = begin(viewer, layer, given=GivenLayers(points=points, labels=labels))
    assert [prompt.at for prompt in annotator.session.prompts] == [(0, 30, 40)]
    annotator.accept()
    assert np.array_equal(points.data, [[2, 50, 60]])
    assert (labels.data[0, :5, :5] == 3).all()
    assert (labels.data[0] == 4).sum() == disk(SHAPE, 30, 40).sum()


def test_layers_may_be_renamed_and_reordered(loop: Any) -> None:
    annotator, user = loop
    for place, layer in enumerate(list(annotator.viewer.layers)):
        layer.name = f"mine {place}"
    annotator.viewer.layers.reverse()
    annotator.layers.select_points()
    user.click(40, 50)
    truth = disk(SHAPE, *annotator.points.data[0])
    user.key("W")
    assert (annotator.labels.data == truth).all()


@pytest.mark.parametrize("name", ["points", "shapes", "preview"])
def test_a_removed_helper_layer_comes_back(loop: Any, name: str, qtbot: Any) -> None:
    annotator, user = loop
    user.click(40, 50)
    gone = getattr(annotator, name)
    annotator.viewer.layers.remove(gone)
    qtbot.waitUntil(lambda: name == "preview" or getattr(annotator, name) is not gone, timeout=2000)
    annotator.points.add([[60.0, 60.0]])
    qtbot.waitUntil(lambda: getattr(annotator, name) in annotator.viewer.layers, timeout=2000)
    assert annotator.preview.data.any()
    annotator.accept()
    assert annotator.labels.data.any()


@pytest.mark.parametrize("name", ["image", "labels"])
def test_without_image_or_labels_annotating_ends(loop: Any, name: str, qtbot: Any) -> None:
    annotator, _ = loop
    said: list[str] = []
    annotator.message.connect(said.append)
    gone = annotator.binding.layer if name == "image" else annotator.labels
    with qtbot.waitSignal(_Ended(annotator).signal, timeout=2000):
        annotator.viewer.layers.remove(gone)
    assert f"the {name}" in said[0]
    assert annotator.preview not in annotator.viewer.layers


class _Ended(QObject):
    """The end of an annotation as a Qt signal."""

    signal = Signal()

    def __init__(self, annotator: Any) -> None:
        super().__init__()
        annotator.closed.connect(lambda: self.signal.emit())


def test_two_viewers_do_not_know_each_other(make_napari_viewer: Any, begin: Any) -> None:
    handles = []
    for _ in range(2):
        viewer = make_napari_viewer()
        handles.append(begin(viewer, viewer.add_image(np.zeros(SHAPE, np.uint8))))
    handles[0].points.add([[20.0, 20.0]])
    handles[0].accept()
    assert handles[0].labels.data.any()
    assert not handles[1].labels.data.any()
    assert len(handles[1].session.prompts) == 0


def test_closing_lets_go_of_everything(viewer: Any, begin: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    events = (viewer.dims.events.point, viewer.layers.events.removed, layer.events.contrast_limits)
    before = [len(event.callbacks) for event in events]
    annotator = begin(viewer, layer)
    points = annotator.points
    annotator.close()
    annotator.close()
    assert [len(event.callbacks) for event in events] == before
    points.add([[20.0, 20.0]])
    assert len(annotator.session.prompts) == 0
    assert len(viewer.layers) == 4
