"""The Fine-tune dock: a run from layers to a checkpoint, by real clicks."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton

from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.errors import OutputError
from napari_samara.settings import FinetuneSettings
from napari_samara.training.finetune import Finetuner
from napari_samara.ui import own_checkpoints, running
from napari_samara.ui.offers import own_offer
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.finetune import FinetuneWidget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Disks

pytestmark = pytest.mark.gui


def click(button: QPushButton) -> None:
    """A real click with the left button."""
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every step is followed by a look, each better than the one before; own cache."""
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("napari_samara.training.finetune._LOOK_SHARE", 0.0)
    monkeypatch.setattr("napari_samara.training.finetune._LOOK_STEPS", 1)
    scores = [0.39]

    def ious(*_: Any) -> dict[str, list[float]]:
        scores.append(scores[-1] + (1 - scores[-1]) / 10)
        return {"box": [scores[-1]], "point": [scores[-1] / 2]}

    monkeypatch.setattr("napari_samara.training.finetune.one_prompt_ious", ious)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Say how many steps a run takes; without, it goes on until somebody ends it."""

    def limit(count: int) -> None:
        def settings(form: Any) -> FinetuneSettings:
            return FinetuneSettings(form.mode.currentData(), 5.0, steps=count, views=4, objects=3)

        monkeypatch.setattr(
            "napari_samara.ui.widgets.mode_form.ModeForm.settings", property(settings)
        )

    limit(100_000)
    return limit


@pytest.fixture
def dock(
    make_napari_viewer: Callable[..., Any], qtbot: Any, disks: Disks, tiny_folder: Path,
    steps: object,
) -> tuple[Any, FinetuneWidget]:  # fmt: skip
    """A viewer with an image, its labels, and the dock with the miniature chosen."""
    viewer = make_napari_viewer(show=True)
    viewer.add_image(disks.image, name="disks")
    viewer.add_labels(disks.labels.copy(), name="truth")
    widget = FinetuneWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Fine-tune")
    qtbot.waitUntil(lambda: widget.checkpoints.combo.count() > 0, timeout=20_000)
    assert widget.start.isEnabled()  # as it is: nothing has to be chosen first
    widget.checkpoints.choose(tiny_folder)
    return viewer, widget


def wait_for_looks(qtbot: Any, widget: FinetuneWidget, count: int) -> None:
    qtbot.waitUntil(lambda: len(widget.view.history) >= count, timeout=30_000)


def test_a_run_from_layers_to_a_checkpoint(
    dock: Any, qtbot: Any, steps: Callable[[int], None], tmp_path: Path
) -> None:
    steps(3)
    viewer, widget = dock
    other = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(other, name="Annotate")
    qtbot.waitUntil(lambda: other.source.checkpoint.count() > 0, timeout=20_000)
    chosen = other.source.checkpoints.chosen
    assert widget.start.text() == "Start training"
    folder = widget.target.folder
    assert folder == tmp_path / "annotations" / "checkpoints" / "disks-finetuned-1"
    click(widget.start)
    assert "Cancel" in widget.start.text()
    assert not widget.pairs.isEnabled()
    qtbot.waitUntil(lambda: widget.start.text() == "Start training", timeout=30_000)
    assert [at.step for at in widget.view.history] == [0, 1, 2, 3]
    assert "Done" in widget.view.line.text()
    assert widget.view.figures.text() == "IoU of boxes 0.45 → 0.60\nIoU of points 0.23 → 0.30"
    assert folder.name in widget.view.line.text()
    assert widget.view.curve.isVisibleTo(widget)
    assert load_checkpoint(folder).checkpoint.family == "vit"
    # It is offered everywhere, and at the next start, with its figures.
    for form in (widget.checkpoints, widget.remake.checkpoints, other.source.checkpoints):
        (offer,) = [one for one in form.offers if one.source == str(folder)]
        assert "box 0.45 → 0.60, point 0.23 → 0.30" in offer.about
        assert "Fine-tuned from miniature" in offer.details
    assert other.source.checkpoints.chosen == chosen
    assert own_checkpoints.own_checkpoints() == (folder,)
    assert own_offer(folder).gain.endswith("box 0.45 → 0.60, point 0.23 → 0.30.")
    assert widget.remake.checkpoints.chosen == str(folder)
    assert widget.target.name.text() == "disks-finetuned-2"  # nothing is overwritten
    assert not (folder / "finetune-state.pt").exists()


def test_cancel_keeps_the_best_and_can_be_gone_on_with(
    dock: Any, qtbot: Any, steps: Callable[[int], None]
) -> None:
    _, widget = dock
    folder = widget.target.folder
    click(widget.start)
    wait_for_looks(qtbot, widget, 3)
    assert "left" in widget.view.line.text()
    click(widget.start)
    qtbot.waitUntil(lambda: widget.job is None, timeout=30_000)
    assert "Ended by you" in widget.view.line.text()
    assert load_checkpoint(folder).checkpoint.sha256
    done = widget.view.history[-1].step
    assert widget.target.folder == folder
    assert widget.start.text() == "Continue training"
    steps(done + 2)
    click(widget.start)
    qtbot.waitUntil(lambda: "Done" in widget.view.line.text(), timeout=30_000)
    assert [at.step for at in widget.view.history] == list(range(done + 3))


def test_the_viewer_stays_live(dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, widget = dock
    threads, gate, held = [], threading.Event(), threading.Event()
    real = Finetuner._train_step

    def step(trainer: Finetuner) -> None:
        threads.append(threading.current_thread())
        held.set()
        assert gate.wait(20)
        real(trainer)

    monkeypatch.setattr(Finetuner, "_train_step", step)
    click(widget.start)
    qtbot.waitUntil(held.is_set, timeout=30_000)
    viewer.add_labels(np.zeros((128, 160), int), name="meanwhile")  # no wait for the step
    viewer.layers["truth"].name = "renamed"
    del viewer.layers["renamed"]
    gate.set()
    wait_for_looks(qtbot, widget, 2)
    click(widget.start)
    qtbot.waitUntil(lambda: widget.job is None, timeout=30_000)
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("how", ["dock", "viewer"])
def test_closing_ends_training_and_keeps_the_best(
    dock: Any, qtbot: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock
    folder = widget.target.folder
    tasks: list[Any] = []
    real = running.started
    monkeypatch.setattr(
        "napari_samara.ui.widgets.finetune.started",
        lambda job, task: (tasks.append(task), real(job, task)),
    )
    click(widget.start)
    wait_for_looks(qtbot, widget, 3)
    if how == "dock":
        title = widget.parent().title if hasattr(widget.parent(), "title") else None
        assert title is not None
        click(title.close_button)
    else:
        viewer.close()
    (task,) = tasks
    qtbot.waitUntil(lambda: not task.alive, timeout=20_000)
    assert load_checkpoint(folder).checkpoint.sha256
    assert own_checkpoints.own_checkpoints() == (folder,)


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (np.zeros((128, 160), int), "the labels have 0 objects"),
        (np.pad(np.ones((20, 20), int), ((0, 108), (0, 140))), "the labels have 1 object of"),
        (np.ones((64, 80), int), "'disks' has the shape 128 × 160 and 'bad' 64 × 80"),
        (np.ones((3, 128, 160), int), "'disks' has the shape 128 × 160 and 'bad' 3 × 128 × 160"),
    ],
)
def test_what_cannot_be_learned_from_is_said(
    dock: Any, qtbot: Any, labels: np.ndarray, line: str
) -> None:
    viewer, widget = dock
    layer = viewer.add_labels(labels, name="bad")
    (row,) = widget.pairs.rows
    row.labels.setCurrentIndex(row.labels.findText("bad"))
    assert row.pair == (viewer.layers["disks"], layer)
    click(widget.start)
    qtbot.waitUntil(lambda: line in widget.view.line.text(), timeout=10_000)
    assert widget.start.isEnabled()
    assert not widget.target.folder.exists()


def test_a_full_disk_is_said_and_loses_nothing(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_samara.training import finetune_files

    real, calls = finetune_files.save_pretrained, []

    def save(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise OutputError(f"cannot write: {OSError(errno.ENOSPC, 'No space left on device')}")
        return real(*args, **options)

    monkeypatch.setattr(finetune_files, "save_pretrained", save)
    _, widget = dock
    folder = widget.target.folder
    click(widget.start)
    qtbot.waitUntil(lambda: "No space left" in widget.view.line.text(), timeout=30_000)
    assert load_checkpoint(folder).checkpoint.sha256
    assert str(folder) in [offer.source for offer in widget.checkpoints.offers]


def test_a_name_that_is_taken_is_refused(dock: Any, qtbot: Any) -> None:
    _, widget = dock
    folder = widget.target.folder
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("keep")
    click(widget.start)
    qtbot.waitUntil(lambda: "nothing is overwritten" in widget.view.line.text(), timeout=20_000)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert widget.target.name.text() == "disks-finetuned-2"  # one that is free


def test_several_pairs_by_reference(dock: Any, qtbot: Any, disks: Disks) -> None:
    viewer, widget = dock
    viewer.add_image(disks.image[:100], name="second")
    viewer.add_labels(disks.labels[:100].copy(), name="of the second")
    click(widget.pairs.more)
    assert [row.pair and row.pair[0].name for row in widget.pairs.rows] == ["disks", "second"]
    viewer.layers["disks"].name = "first"  # a new name changes nothing
    assert widget.pairs.rows[0].image.currentText() == "first"
    assert [source.name for source in widget.pairs.sources()] == ["first", "second"]
    click(widget.pairs.rows[0].remove)
    assert [source.name for source in widget.pairs.sources()] == ["second"]
    del viewer.layers["of the second"]
    assert widget.pairs.rows[0].pair[1] is viewer.layers["truth"]
    del viewer.layers["truth"]
    assert not widget.start.isEnabled()


def test_a_dock_without_anything(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer()
    widget = FinetuneWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Fine-tune")
    qtbot.waitUntil(lambda: widget.checkpoints.combo.count() > 0, timeout=20_000)
    assert not widget.start.isEnabled()
    assert not widget.remake.redo.isEnabled()
    assert "Choose an image" in widget.start.toolTip()


def test_cancelling_before_training(dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def load(*_: Any, **__: Any) -> None:
        assert gate.wait(20)

    monkeypatch.setattr("napari_samara.api.load", load)
    _, widget = dock
    click(widget.start)
    qtbot.waitUntil(lambda: "oading" in widget.view.line.text(), timeout=20_000)
    click(widget.start)
    gate.set()
    assert widget.start.text() == "Start training"
    assert "stopped" in widget.view.line.text() or "Nothing" in widget.view.line.text()
    assert not widget.target.folder.exists()
