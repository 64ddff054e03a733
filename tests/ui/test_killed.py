"""A viewer is killed with SIGKILL; the next one goes on with all that was there."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.conftest import REPOSITORY
from tests.ui.conftest import RADII, disk
from tests.ui.killed_viewer import PLACES, SHAPE, picture

from napari_samara.ui.widgets.annotate import AnnotateWidget

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL"),
]


def killed_viewer() -> None:
    """Run a viewer until it has accepted two objects, and kill it."""
    paths = [str(REPOSITORY), str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "tests.ui.killed_viewer"]
    with subprocess.Popen(
        command, env=env, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = child.stdout.readline()
        child.kill()
    assert told == "there\n"


def test_a_killed_viewer_is_gone_on_with(
    make_napari_viewer: Callable[..., Any],
    qtbot: Any,
    disk_predictor: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed_viewer()
    monkeypatch.setattr("napari_samara.api.load", lambda *_, **__: disk_predictor)
    viewer = make_napari_viewer()
    viewer.add_image(picture(), name="cells")
    widget = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Annotate")
    qtbot.waitUntil(widget.source.start.isEnabled, timeout=20_000)
    widget.source.start.click()
    qtbot.waitUntil(lambda: not widget.autosave.panel.isHidden(), timeout=20_000)
    assert widget.autosave.panel.line.text().startswith("2 objects and 1 prompt from ")
    assert widget.annotator is None
    widget.autosave.panel.resume.click()
    qtbot.waitUntil(lambda: widget.annotator is not None, timeout=20_000)
    annotator: Any = widget.annotator
    session = annotator.session

    first, second = disk(SHAPE, *PLACES[0]), disk(SHAPE, *PLACES[1], radius=RADII[1])
    assert (annotator.labels.data == first + 2 * second).all()
    assert widget.objects.table.rowCount() == 2
    assert np.allclose(annotator.points.data, [PLACES[2]])
    qtbot.waitUntil(lambda: len(session.candidates) == 3, timeout=20_000)
    assert (annotator.preview.data > 0).sum() == disk(SHAPE, *PLACES[2]).sum()

    annotator.undo()  # what was open
    annotator.undo()  # the second object
    qtbot.waitUntil(lambda: list(session.objects) == [1], timeout=20_000)
    assert (annotator.labels.data == first).all()
    annotator.redo()
    qtbot.waitUntil(lambda: list(session.objects) == [1, 2], timeout=20_000)

    annotator.selected = 2
    annotator.reopen()
    assert np.allclose(annotator.points.data, [PLACES[1]])
    qtbot.waitUntil(lambda: session.choice == 1, timeout=20_000)
    annotator.close()
