"""Objects of an annotation redone with another checkpoint, by real clicks in the Fine-tune dock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton
from scipy.ndimage import binary_dilation
from tests.ui.conftest import DiskPredictor, disk

import napari_samara as samara
from napari_samara.errors import OutOfMemoryError
from napari_samara.masks import Mask
from napari_samara.ui import open_annotators
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.finetune import FinetuneWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


class Wider(DiskPredictor):
    """Another model: its disks are a pixel wider."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        about = {"name": "wider", "sha256": "1" * 64, "path": path}
        self.checkpoint = SimpleNamespace(**about, to_dict=lambda: {"name": "wider"})
        self.error: Exception | None = None

    def key(self, *args: Any, **kwargs: Any) -> Any:
        from dataclasses import replace

        return replace(super().key(*args, **kwargs), checkpoint="1" * 64)

    def predict(self, *args: Any, **kwargs: Any) -> list[Mask]:
        if self.error is not None:
            raise self.error
        found = super().predict(*args, **kwargs)
        return [Mask(binary_dilation(one.data), one.score) for one in found]


def click(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


@pytest.fixture
def wider(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Wider:
    """What every checkpoint loads as."""
    model = Wider(tiny_folder)
    monkeypatch.setattr("napari_samara.api.load", lambda *_, **__: model)
    return model


@pytest.fixture
def opened(
    make_napari_viewer: Callable[..., Any], qtbot: Any, disk_predictor: DiskPredictor,
    wider: Wider, tiny_folder: Path,
) -> Iterator[tuple[Annotator, FinetuneWidget, AnnotateWidget]]:  # fmt: skip
    """Two objects of prompts and one painted, with a worker; both docks are open."""
    viewer = make_napari_viewer(show=True)
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    annotator = open_annotators.register(viewer, lambda: Annotator(viewer, layer, disk_predictor))
    for at in ((30.0, 30.0), (60.0, 90.0)):
        annotator.points.add([at])
        qtbot.waitUntil(lambda: bool(annotator.session.candidates), timeout=10_000)
        annotator.accept()
        settle(annotator)
    annotator.labels.data_setitem((np.array([90]), np.array([5])), 3)
    settle(annotator)
    widget, dock = FinetuneWidget(viewer), AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Fine-tune")
    viewer.window.add_dock_widget(dock, name="Annotate")
    qtbot.waitUntil(
        lambda: widget.remake.checkpoints.combo.count() > 0 and dock.source.checkpoint.count() > 0,
        timeout=20_000,
    )
    widget.remake.checkpoints.choose(tiny_folder)
    yield annotator, widget, dock
    annotator.close()


def settle(annotator: Annotator) -> None:
    """Let every step be on the disk, and told."""
    assert annotator.session.wait(10)
    QApplication.processEvents()


def redo(qtbot: Any, widget: FinetuneWidget) -> None:
    click(widget.remake.redo)
    qtbot.waitUntil(lambda: widget.remake.accept.isEnabled(), timeout=20_000)


def test_a_preview_that_is_accepted_is_one_step(
    opened: Any, qtbot: Any, tmp_path: Path, tiny_folder: Path
) -> None:
    annotator, widget, dock = opened
    before = annotator.labels.data.copy()
    active = annotator.viewer.layers.selection.active
    assert "3 accepted objects" in widget.pairs.session.text()
    redo(qtbot, widget)
    line = widget.remake.line.text()
    same = disk(SHAPE, 30, 30).sum() / binary_dilation(disk(SHAPE, 30, 30)).sum()
    assert f"2 objects redone (yellow outlines), mean IoU {same:.2f} with the labels" in line
    assert "1 without prompts stays as it is" in line
    (preview,) = [layer for layer in annotator.viewer.layers if layer.name == "Samara redone"]
    assert (preview.data == 1).sum() == binary_dilation(disk(SHAPE, 30, 30)).sum()
    assert (annotator.labels.data == before).all()
    assert annotator.viewer.layers.selection.active is active
    click(widget.remake.accept)
    settle(annotator)
    assert preview not in annotator.viewer.layers
    assert "2 objects replaced" in widget.remake.line.text()
    after = annotator.labels.data.copy()
    assert ((after == 1) == binary_dilation(disk(SHAPE, 30, 30))).all()
    assert after[90, 5] == 3
    annotator.session.save(tmp_path / "a.samara.json")
    settle(annotator)
    assert (samara.replay(tmp_path / "a.samara.json") == after).all()
    assert annotator.session.objects[1].parts[0].checkpoint == "1" * 64
    # From now on the annotation uses it.
    assert annotator.session.predictor.checkpoint.name == "wider"
    assert dock.source.checkpoints.chosen == str(tiny_folder)
    annotator.undo()
    settle(annotator)
    assert (annotator.labels.data == before).all()


def test_discarding_changes_nothing(opened: Any, qtbot: Any) -> None:
    annotator, widget, _ = opened
    before, layers = annotator.labels.data.copy(), list(annotator.viewer.layers)
    redo(qtbot, widget)
    click(widget.remake.discard)
    assert widget.remake.line.text() == "The objects are as before."
    assert (annotator.labels.data == before).all()
    assert list(annotator.viewer.layers) == layers
    assert annotator.session.predictor.checkpoint.name == "disks"
    redo(qtbot, widget)  # once more
    click(widget.remake.discard)


def test_closing_the_annotation_takes_the_preview_away(opened: Any, qtbot: Any) -> None:
    annotator, widget, _ = opened
    redo(qtbot, widget)
    annotator.close()
    assert "Samara redone" not in annotator.viewer.layers
    assert widget.remake.remaking is None
    assert not widget.remake.redo.isEnabled()


def test_a_preview_the_user_removed(opened: Any, qtbot: Any) -> None:
    annotator, widget, _ = opened
    redo(qtbot, widget)
    del annotator.viewer.layers["Samara redone"]
    click(widget.remake.accept)
    settle(annotator)
    assert "2 objects replaced" in widget.remake.line.text()


def test_errors_are_said(opened: Any, qtbot: Any, wider: Wider) -> None:
    annotator, widget, _ = opened
    before = annotator.labels.data.copy()
    wider.error = OutOfMemoryError("no room on the device")
    click(widget.remake.redo)
    qtbot.waitUntil(lambda: "no room" in widget.remake.line.text(), timeout=20_000)
    assert widget.remake.redo.isVisibleTo(widget)
    assert (annotator.labels.data == before).all()
    for label in (1, 2):
        annotator.session.delete(label)
    settle(annotator)
    wider.error = None
    click(widget.remake.redo)
    qtbot.waitUntil(lambda: "no object to make again" in widget.remake.line.text(), timeout=20_000)


def test_only_accepted_objects_are_learned_from(opened: Any, qtbot: Any) -> None:
    annotator, widget, _ = opened
    annotator.labels.data[70:80, 5:25] = 40  # of the user, unknown to the session
    (source,) = widget.pairs.sources()
    ((image, ids),) = source.examples()
    assert image.shape == (*SHAPE, 3)
    assert sorted(np.unique(ids)) == [0, 1, 2, 3]
    assert not ids[70:80, 5:25].any()
    assert widget.target.name.text() == "cells-finetuned-1"


def test_closing_the_dock_takes_the_preview_away(opened: Any, qtbot: Any) -> None:
    annotator, widget, _ = opened
    before = annotator.labels.data.copy()
    redo(qtbot, widget)
    click(widget.parent().title.close_button)
    qtbot.waitUntil(lambda: "Samara redone" not in annotator.viewer.layers, timeout=5000)
    assert annotator.session.remade is None
    assert (annotator.labels.data == before).all()
