"""The button that looks for all objects of a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_samara import api
from napari_samara.engine.automatic_settings import PRESETS
from napari_samara.ui import open_annotators
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.find_all import EXPLAINED, FindAllForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Disks

pytestmark = pytest.mark.gui


def test_button_begins_and_stops(qtbot: Any) -> None:
    form = FindAllForm()
    qtbot.addWidget(form)
    asked: list[str] = []
    stopped: list[bool] = []
    form.asked.connect(asked.append)
    form.stop_asked.connect(lambda: stopped.append(True))
    form.preset.setCurrentIndex(form.preset.findData("few large"))
    form.button.click()
    assert (asked, stopped) == (["few large"], [])
    form.set_finding(True)
    assert form.button.text() == "Stop"
    assert not form.preset.isEnabled()
    form.button.click()
    assert (asked, stopped) == (["few large"], [True])
    form.set_finding(False)
    assert form.button.text() == "Find all"


def test_presets_are_those_there_are() -> None:
    assert set(EXPLAINED) < set(PRESETS)


def test_objects_are_offered_in_the_viewer_and_accepted_as_one_step(
    make_napari_viewer: Callable[..., Any],
    disks: Disks,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_samara.session.finding._GLANCE", 0.0)
    viewer = make_napari_viewer()
    layer = viewer.add_image(disks.image)
    widget = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Annotate")
    qtbot.waitUntil(lambda: widget.source.checkpoint.count() > 0, timeout=60_000)
    tiny = api.load("samara-tiny", device="cpu")
    annotator = open_annotators.register(viewer, lambda: Annotator(viewer, layer, tiny))
    session, form = annotator.session, widget.prompting.find_all
    drawn: list[int] = []
    session.events.sighted.connect(lambda _: drawn.append(int(np.any(annotator.preview.data))))
    form.button.click()
    assert form.button.text() == "Stop"
    qtbot.waitUntil(lambda: not session.finding and len(session.batch) > 0, timeout=120_000)
    assert form.button.text() == "Find all"
    assert any(drawn)  # before there is anything to accept
    assert len(session.batch) >= 11
    assert annotator.each
    assert len(annotator.points.data) == len(session.batch)
    assert len(np.unique(annotator.preview.data)) > 1
    annotator.accept()
    qtbot.waitUntil(lambda: len(session.objects) >= 11, timeout=60_000)
    assert annotator.labels.data.any()
    annotator.undo()
    qtbot.waitUntil(lambda: not session.objects, timeout=60_000)
    assert not annotator.labels.data.any()
    annotator.close()
