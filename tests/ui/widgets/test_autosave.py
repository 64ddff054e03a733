"""Autosave in the dock: where it saves, what it asks, and what it says when it cannot."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication
from tests.session.test_journal import FullDisk
from tests.ui.conftest import disk

from napari_samara.session import journal as journal_module
from napari_samara.session import recover
from napari_samara.session.journal import SESSION_FILE
from napari_samara.ui.widgets import autosave as module
from napari_samara.ui.widgets.annotate import AnnotateWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_samara.ui.annotator import Annotator

pytestmark = pytest.mark.gui

SHAPE = (96, 128)
WAIT = 20_000


class Dock:
    """A viewer with the dock, and what a user does in it."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        self.layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
        self.widget = AnnotateWidget(viewer)
        viewer.window.add_dock_widget(self.widget, name="Annotate")
        self.form = self.widget.autosave
        self.until(self.widget.source.start.isEnabled)

    @property
    def annotator(self) -> Annotator:
        assert self.widget.annotator is not None
        return self.widget.annotator

    @property
    def folder(self) -> Path:
        assert self.annotator.folder is not None
        return self.annotator.folder

    def until(self, there: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(there()), timeout=WAIT)

    def start(self) -> Annotator:
        self.widget.source.start.click()
        self.until(lambda: self.widget.annotator is not None)
        return self.annotator

    def ask(self) -> Any:
        """Start where there is something to be asked."""
        self.widget.source.start.click()
        self.until(lambda: not self.form.panel.isHidden())
        assert self.widget.annotator is None
        return self.form.panel

    def stop(self) -> None:
        self.widget.source.start.click()
        assert self.widget.annotator is None

    def accept(self, row: float, col: float) -> None:
        count = len(self.annotator.session.objects)
        self.annotator.points.add([[row, col]])
        self.until(lambda: self.annotator.session.candidates)
        self.widget.verbs["accept"].click()
        self.until(lambda: len(self.annotator.session.objects) == count + 1)


@pytest.fixture
def dock(
    make_napari_viewer: Callable[..., Any],
    qtbot: Any,
    disk_predictor: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Dock]:
    monkeypatch.setattr("napari_samara.api.load", lambda *_, **__: disk_predictor)
    made = Dock(make_napari_viewer(), qtbot)
    yield made
    if made.widget.annotator is not None:
        made.widget.annotator.close()


def objects_in(folder: Path) -> list[int]:
    saved = recover(folder)
    return list(saved.objects()) if saved is not None else []


def test_start_saves_in_a_folder_the_user_sees(dock: Dock, tmp_path: Path) -> None:
    assert dock.form.path.toolTip() == str(tmp_path / "annotations")
    dock.start()
    folder = dock.folder
    assert folder.parent.parent == tmp_path / "annotations"
    assert folder.parent.name.startswith("cells-")
    assert folder.name == "session-1"
    assert dock.form.path.toolTip() == str(folder)
    assert dock.form.warning.isHidden()
    dock.accept(40, 50)
    assert objects_in(folder) == [1]
    dock.until(dock.form.clear.isEnabled)
    assert (folder.parent / "embeddings.zarr").is_dir()
    dock.stop()
    assert dock.form.path.toolTip() == str(tmp_path / "annotations")


def test_resume_after_stop(dock: Dock, disk_predictor: Any) -> None:
    first = dock.start()
    dock.accept(40, 50)
    dock.annotator.points.add([[70.0, 90.0]])
    dock.until(lambda: first.session.candidates)
    folder = dock.folder
    dock.stop()
    panel = dock.ask()
    assert panel.line.text().startswith("1 object and 1 prompt from ")
    assert panel.choice.isHidden()
    panel.resume.click()
    dock.until(lambda: dock.widget.annotator is not None)
    second = dock.annotator
    assert second.folder == folder
    assert panel.isHidden()
    assert (second.labels.data == disk(SHAPE, 40, 50)).all()
    assert second.labels is first.labels  # which has what was saved
    assert np.allclose(second.points.data, [[70, 90]])
    dock.until(lambda: second.preview.data.any())
    assert len(disk_predictor.encoded) == 1  # the embedding was on the disk
    dock.widget.verbs["accept"].click()
    dock.until(lambda: objects_in(folder) == [1, 2])


def test_start_anew_leaves_what_there_is(dock: Dock) -> None:
    dock.start()
    dock.accept(40, 50)
    folder = dock.folder
    dock.stop()
    dock.ask().anew.click()
    dock.until(lambda: dock.widget.annotator is not None)
    assert dock.folder == folder.with_name("session-2")
    assert not dock.annotator.labels.data.any()
    dock.accept(20, 20)
    dock.accept(70, 90)
    dock.stop()
    panel = dock.ask()
    assert not panel.choice.isHidden()
    assert [panel.choice.itemText(row).split(" from")[0] for row in range(2)] == [
        "2 objects",
        "1 object",
    ]
    panel.choice.setCurrentIndex(1)
    panel.resume.click()
    dock.until(lambda: dock.widget.annotator is not None)
    assert dock.folder == folder
    assert (dock.annotator.labels.data == disk(SHAPE, 40, 50)).all()


def test_what_was_resumed_keeps_its_options(dock: Dock) -> None:
    dock.start()
    options = dock.widget.options
    options._fields["mask_threshold"].setValue(1.5)
    options.mode.setCurrentIndex(1)
    options.contrast.setCurrentIndex(options.contrast.findData("minmax"))
    dock.accept(40, 50)
    dock.stop()
    options._fields["mask_threshold"].setValue(0.0)
    options.mode.setCurrentIndex(0)
    options.contrast.setCurrentIndex(0)
    dock.ask().resume.click()
    dock.until(lambda: dock.widget.annotator is not None)
    session = dock.annotator.session
    assert (session.settings.mask_threshold, session.mode) == (1.5, "overwrite")
    assert session.contrast.policy == "minmax"
    assert options._fields["mask_threshold"].value() == 1.5
    assert options.mode.currentData() == "overwrite"
    assert options.contrast.currentData() == "minmax"
    assert dock.annotator.contrast_name == "minmax"


def test_contrast_limits_come_back(dock: Dock) -> None:
    dock.layer.contrast_limits = (10, 90)
    dock.start()
    dock.accept(40, 50)
    dock.stop()
    dock.layer.contrast_limits = (0, 255)
    dock.ask().resume.click()
    dock.until(lambda: dock.widget.annotator is not None)
    assert tuple(dock.layer.contrast_limits) == (10, 90)
    assert dock.annotator.session.contrast.limits == (10.0, 90.0)
    dock.layer.contrast_limits = (0, 200)
    assert dock.annotator.session.contrast.limits == (0.0, 200.0)


def test_a_damaged_folder_is_said_and_left_alone(dock: Dock) -> None:
    dock.start()
    dock.accept(40, 50)
    folder = dock.folder
    dock.stop()
    dock.until(lambda: not any("files" in thread.name for thread in threading.enumerate()))
    (folder / SESSION_FILE).write_text("{", encoding="utf-8")
    said: list[str] = []
    dock.form.said.connect(said.append)
    dock.start()
    assert any("session-1 is damaged" in line for line in said)
    assert dock.folder == folder.with_name("session-2")
    assert (folder / SESSION_FILE).read_text(encoding="utf-8") == "{"


def test_a_second_window_gets_a_folder_of_its_own(
    dock: Dock, make_napari_viewer: Callable[..., Any], qtbot: Any
) -> None:
    dock.start()
    dock.accept(40, 50)
    other = Dock(make_napari_viewer(), qtbot)
    other.start()
    assert other.folder == dock.folder.with_name("session-2")
    other.annotator.close()


def test_autosave_off_and_on_again(dock: Dock) -> None:
    dock.form.autosave.click()
    dock.start()
    assert dock.annotator.folder is None
    assert "Not saved: autosave is off" in dock.form.warning.text()
    dock.accept(40, 50)
    dock.form.autosave.click()
    dock.until(lambda: dock.annotator.folder is not None)
    assert dock.form.warning.isHidden()
    dock.until(lambda: objects_in(dock.folder) == [1])
    dock.accept(70, 90)
    folder = dock.folder
    dock.form.autosave.click()
    assert dock.annotator.folder is None
    assert not dock.form.warning.isHidden()
    dock.accept(20, 20)
    assert objects_in(folder) == [1, 2]


def test_a_folder_that_cannot_be_written(
    dock: Dock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "annotations").write_text("a file", encoding="utf-8")
    dock.start()
    assert "Not saved: Not a directory." in dock.form.warning.text()
    assert "cannot write" in dock.form.warning.toolTip()
    assert not dock.form.warning.isHidden()
    dock.accept(40, 50)
    assert dock.annotator.labels.data.any()
    assert not dock.form.warning.isHidden()
    chosen = tmp_path / "elsewhere"
    monkeypatch.setattr(module.QFileDialog, "getExistingDirectory", lambda *_: str(chosen))
    dock.form.change.click()
    dock.until(lambda: dock.annotator.folder is not None)
    assert dock.folder.is_relative_to(chosen)
    dock.until(lambda: objects_in(dock.folder) == [1])
    assert dock.form.warning.isHidden()


def test_a_disk_that_becomes_full(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> None:
    dock.start()
    dock.accept(40, 30)
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", FullDisk(20))
        dock.accept(40, 80)
        dock.until(lambda: not dock.form.warning.isHidden())
        assert "No space left" in dock.form.warning.text()
        dock.accept(75, 50)
        assert "No space left" in dock.form.warning.text()
        assert set(np.unique(dock.annotator.labels.data)) == {0, 1, 2, 3}
        assert objects_in(dock.folder) in ([1], [1, 2])
    dock.annotator.delete()
    dock.until(dock.form.warning.isHidden)
    assert objects_in(dock.folder) == [1, 2]


def test_the_choice_of_the_folder_is_remembered(
    dock: Dock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tmp_path / "chosen"
    dock.start()
    dock.accept(40, 50)
    before = dock.folder
    monkeypatch.setattr(module.QFileDialog, "getExistingDirectory", lambda *_: str(chosen))
    dock.form.change.click()
    dock.until(lambda: dock.folder.is_relative_to(chosen))
    dock.until(lambda: objects_in(dock.folder) == [1])
    assert objects_in(before) == [1]
    dock.form.embeddings.click()
    path = tmp_path / "config" / "autosave.json"
    dock.until(path.is_file)
    dock.until(lambda: json.loads(path.read_text())["embeddings"] is False)
    monkeypatch.delenv("SAMARA_AUTOSAVE")
    again = module.AutosaveForm()
    again.setParent(dock.form)
    dock.until(lambda: again.path.toolTip() == str(chosen))
    assert not again.embeddings.isChecked()


def test_open_and_clear(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        module.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile())
    )
    dock.start()
    dock.accept(40, 50)
    dock.form.open.click()
    dock.until(lambda: opened == [str(dock.folder)])
    dock.until(dock.form.clear.isEnabled)
    dock.form.clear.click()
    dock.until(lambda: not dock.form.clear.isEnabled())
    assert not (dock.folder.parent / "embeddings.zarr").exists()
    dock.accept(70, 90)
    dock.stop()
    shutil.rmtree(dock.form.preferences.folder)
    dock.form.open.click()
    dock.until(lambda: len(opened) == 2)
    assert Path(opened[1]) == dock.form.preferences.folder.parent


def test_closing_does_not_wait_for_the_encoder(
    dock: Dock, disk_predictor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()
    embed = disk_predictor.embed_rgb

    def slow(*args: Any) -> Any:
        begun.set()
        assert go.wait(20)
        return embed(*args)

    monkeypatch.setattr(disk_predictor, "embed_rgb", slow)
    dock.start()
    dock.annotator.points.add([[40.0, 50.0]])
    assert begun.wait(20)
    folder = dock.folder
    dock.stop()  # returns while the encoder runs
    assert dock.widget.source.start.text() == "Start annotating"
    go.set()
    panel = dock.ask()
    assert panel.line.text().startswith("1 prompt from ")
    assert objects_in(folder) == []


def test_an_image_removed_while_it_is_asked(dock: Dock) -> None:
    dock.start()
    dock.accept(40, 50)
    dock.stop()
    panel = dock.ask()
    dock.viewer.layers.remove(dock.layer)
    panel.resume.click()
    dock.until(lambda: "removed" in dock.widget.status.line.text())
    assert dock.widget.annotator is None


def test_narrow(dock: Dock) -> None:
    dock.start()
    dock.form.warn("no room " * 30)
    QApplication.processEvents()
    assert dock.widget.minimumSizeHint().width() <= 230
    assert dock.form.minimumSizeHint().width() <= 230
