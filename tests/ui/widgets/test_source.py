"""What is annotated and with which model, chosen with mouse and keys."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit

from napari_samara.engine.encode_times import EncodeTime
from napari_samara.errors import CancelledError
from napari_samara.ui.choice import Choice
from napari_samara.ui.layer_events import changes_of
from napari_samara.ui.layer_set import GivenLayers
from napari_samara.ui.offers import Machine, Offer
from napari_samara.ui.own_checkpoints import keep_own, own_checkpoints, own_source
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.checkpoint_form import OWN, CheckpointForm
from napari_samara.ui.widgets.source import SourceForm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_samara.checkpoints.transfer import Reporter
    from napari_samara.engine.predictor import Predictor

pytestmark = pytest.mark.gui

OFFERS = (
    Offer("samara-tiny", "samara-tiny", 6, Path("/here"), licence="BSD-3-Clause"),
    Offer("sam-vit-b", "sam-vit-b", 375, None, licence="Apache-2.0", description="photographs"),
)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _dialogs_of_qt(qapp: QApplication) -> Iterator[None]:
    attribute = Qt.ApplicationAttribute.AA_DontUseNativeDialogs
    qapp.setAttribute(attribute, True)
    yield
    qapp.setAttribute(attribute, False)


@pytest.fixture
def shown(make_napari_viewer: Callable[..., Any], qtbot: Any) -> Iterator[tuple[Any, SourceForm]]:
    """The form by itself, in a window, beside a viewer."""
    viewer = make_napari_viewer(show=True)
    form = SourceForm(viewer)
    viewer.window.add_dock_widget(form, name="source")
    changes = changes_of(viewer.layers.events)
    for event in changes:
        event.connect(form.refresh)
    form.set_checkpoints(OFFERS)
    qtbot.waitExposed(form)
    yield viewer, form
    for event in changes:
        event.disconnect(form.refresh)


def pick(combo: QComboBox, text: str) -> None:
    """Open the list with a click and click the entry that begins with a text."""
    QTest.mouseClick(combo, Qt.MouseButton.LeftButton)
    view = combo.view()
    QTest.qWaitForWindowExposed(view.window())
    index = combo.model().index(combo.findText(text, Qt.MatchFlag.MatchStartsWith), 0)
    view.scrollTo(index)
    place = view.visualRect(index).center()
    QTest.mouseMove(view.viewport(), place)
    QTest.qWait(QApplication.doubleClickInterval() + 50)  # as a hand does, after the list is up
    QApplication.processEvents()  # on a busy machine its timer may have run out only now
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()


def type_in(dialog: QFileDialog, path: Path, qtbot: Any) -> None:
    """Type the name of a file and press the return key, again where the dialog was still busy."""
    closed: list[int] = []
    dialog.finished.connect(closed.append)
    line = dialog.findChild(QLineEdit)

    def entered() -> bool:
        if not closed:
            line.selectAll()
            QTest.keyClicks(line, str(path))
            QTest.keyClick(line, Qt.Key.Key_Return)
        return bool(closed)

    qtbot.waitUntil(entered, timeout=20_000)


def camera(viewer: Any) -> Any:
    return getattr(viewer, "scene", viewer).camera


def started(form: SourceForm) -> Choice:
    """What a click on Start asks for."""
    asked: list[Choice] = []
    form.started.connect(asked.append)
    QTest.mouseClick(form.start, Qt.MouseButton.LeftButton)
    form.started.disconnect(asked.append)
    (choice,) = asked
    return choice


def test_one_image(shown: Any) -> None:
    viewer, form = shown
    assert not form.start.isEnabled()
    layer = viewer.add_image(np.zeros((32, 40), np.uint8))
    assert form.images.green.isHidden()
    assert form.images.blue.isHidden()
    assert started(form) == Choice((layer,), None, "samara-tiny")


def test_three_channels(shown: Any) -> None:
    viewer, form = shown
    red, green, blue = (viewer.add_image(np.zeros((8, 9), np.uint8), name=n) for n in "rgb")
    pick(form.image, "r")
    assert form.images.blue.isHidden()  # blue comes after green
    pick(form.images.green, "g")
    assert form.images.blue.findText("g") == -1
    pick(form.images.blue, "b")
    assert started(form).images == (red, green, blue)
    green.name = "actin " * 30
    assert form.images.green.currentText() == green.name
    assert started(form).images == (red, green, blue)
    pick(form.images.green, "none")
    assert started(form).images == (red,)


def test_an_rgb_image_has_its_channels(shown: Any) -> None:
    viewer, form = shown
    viewer.add_image(np.zeros((8, 9), np.uint8), name="grey")
    viewer.add_image(np.zeros((8, 9, 3), np.uint8), rgb=True, name="photo")
    pick(form.image, "photo")
    assert form.images.green.isHidden()
    pick(form.image, "grey")
    assert form.images.green.isHidden()  # a photo is no channel


@pytest.mark.parametrize(("zoom", "level"), [(1.5, 0), (0.5, 1), (0.26, 1), (0.25, 2), (0.1, 2)])
def test_level_by_zoom_is_that_of_the_moment_of_start(shown: Any, zoom: float, level: int) -> None:
    viewer, form = shown
    full = np.zeros((4096, 4096), np.uint8)
    viewer.add_image([full, full[::2, ::2], full[::4, ::4]], multiscale=True)
    assert started(form).level == 0  # the finest that is comfortable, until something is chosen
    pick(form.level, "By zoom")
    camera(viewer).zoom = zoom
    assert started(form).level == level


def test_level_by_zoom_is_the_one_that_napari_draws(shown: Any, qtbot: Any) -> None:
    viewer, form = shown
    full = np.zeros((8192, 8192), np.uint8)
    layer = viewer.add_image([full[::f, ::f] for f in (1, 2, 4, 8, 16)], multiscale=True)
    pick(form.level, "By zoom")
    for zoom in (0.9, 0.6, 0.4, 0.22):
        camera(viewer).zoom = zoom
        level = started(form).level
        qtbot.waitUntil(lambda wanted=level: layer.data_level == wanted, timeout=5000)
        assert layer.data_level == level


def test_a_chosen_level_stays_when_layers_come_and_go(shown: Any) -> None:
    viewer, form = shown
    full = np.zeros((64, 64), np.uint8)
    viewer.add_image([full, full[::2, ::2]], multiscale=True, name="pyramid")
    pick(form.level, "1:")
    viewer.add_points(np.zeros((1, 2)))
    viewer.layers["pyramid"].name = "renamed"
    assert started(form).level == 1


def test_entries_say_size_place_and_time(shown: Any) -> None:
    _, form = shown
    assert [form.checkpoint.itemText(i) for i in range(2)] == [
        "samara-tiny (6 MB)",
        "sam-vit-b (375 MB to download)",
    ]
    times = (EncodeTime(0.42, measured=True), EncodeTime(21.6, measured=False))
    timed = tuple(
        Offer(o.name, o.source, o.size_mb, o.path, licence=o.licence, time=t)
        for o, t in zip(OFFERS, times, strict=True)
    )
    pick(form.checkpoint, "sam-vit-b")
    form.set_machine(Machine("cpu, float32 encoder (no GPU)", timed))
    assert [form.checkpoint.itemText(i) for i in range(2)] == [
        "samara-tiny (6 MB, 0.4 s a plane)",
        "sam-vit-b (375 MB to download, about 22 s a plane)",
    ]
    assert form.checkpoints.chosen == "sam-vit-b"
    assert "estimated" in form.checkpoints.about.text()
    assert "Apache-2.0" in form.checkpoint.itemData(1, 3)
    assert form.device.text() == "Device: cpu, float32 encoder (no GPU)"


def test_own_file_by_the_dialog(shown: Any, tmp_path: Path, qtbot: Any) -> None:
    viewer, form = shown
    weights = tmp_path / ("fine tuned " * 10 + ".pt")
    weights.write_bytes(bytes(2_000_000))
    viewer.add_image(np.zeros((8, 9), np.uint8))
    chosen: list[Path] = []
    form.checkpoints.own_chosen.connect(chosen.append)
    pick(form.checkpoint, OWN)
    (dialog,) = form.findChildren(QFileDialog)
    assert form.checkpoints.chosen == "samara-tiny"  # until a file is picked
    type_in(dialog, weights, qtbot)
    assert chosen == [weights]
    assert started(form).checkpoint == str(weights)
    assert form.checkpoint.currentText().startswith("fine tuned")
    qtbot.waitUntil(lambda: not form.findChildren(QFileDialog))
    pick(form.checkpoint, "samara-tiny")
    form.checkpoints.choose(weights)  # again: it is there already
    assert form.checkpoint.count() == len(OFFERS) + 3  # its own entry, a line, the last entry


def test_a_dialog_that_is_closed_changes_nothing(shown: Any, qtbot: Any) -> None:
    _, form = shown
    pick(form.checkpoint, OWN)
    (dialog,) = form.findChildren(QFileDialog)
    dialog.reject()
    assert form.checkpoints.chosen == "samara-tiny"
    assert form.checkpoint.currentText().startswith("samara-tiny")
    qtbot.waitUntil(lambda: not form.findChildren(QFileDialog))


def test_own_checkpoints_are_kept(tmp_path: Path) -> None:
    one, gone = tmp_path / "one.pth", tmp_path / "gone.pth"
    for path in (one, gone, one):
        path.touch()
        keep_own(path)
    gone.unlink()
    assert own_checkpoints() == (one,)
    gone.touch()  # the disk is back
    assert own_checkpoints() == (one, gone)
    assert own_source(tmp_path / "config.json") == tmp_path
    file = tmp_path / "cache" / "own-checkpoints.json"
    assert json.loads(file.read_text())["version"] == 1
    file.write_text("{")
    assert own_checkpoints() == ()


def test_the_list_by_itself_is_empty_at_first(qtbot: Any) -> None:
    form = CheckpointForm()
    qtbot.addWidget(form)
    assert form.chosen is None
    assert form.combo.count() == 0


@pytest.fixture
def dock(make_napari_viewer: Callable[..., Any], qtbot: Any) -> tuple[Any, AnnotateWidget]:
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((48, 64), np.uint8), name="cells")
    widget = AnnotateWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Annotate")
    qtbot.waitUntil(lambda: widget.source.device.text().startswith("Device"), timeout=60_000)
    return viewer, widget


def test_the_device_is_known_before_anything_is_loaded(dock: Any) -> None:
    _, widget = dock
    assert widget.source.device.text().startswith("Device: c")
    assert widget.annotator is None
    assert "a plane" in widget.source.checkpoint.currentText()


def test_a_folder_of_weights_is_there_at_the_next_start(
    dock: Any, qtbot: Any, tiny_folder: Path
) -> None:
    viewer, widget = dock
    pick(widget.source.checkpoint, OWN)
    (dialog,) = widget.findChildren(QFileDialog)
    type_in(dialog, tiny_folder / "config.json", qtbot)
    qtbot.waitUntil(lambda: own_checkpoints() == (tiny_folder,), timeout=10_000)
    QTest.mouseClick(widget.source.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.annotator is not None, timeout=30_000)
    assert widget.annotator.session.predictor.checkpoint.path == tiny_folder
    assert "estimated" in widget.source.checkpoints.about.text()
    widget.annotator.session.encode()
    widget.annotator.session.wait(30)
    widget.annotator.close()
    about = widget.source.checkpoints.about
    qtbot.waitUntil(lambda: "as measured here" in about.text(), timeout=30_000)
    before = len(viewer.layers.events.inserted.callbacks)
    again = AnnotateWidget(viewer)
    found = again.source.checkpoint
    qtbot.waitUntil(lambda: found.findText("miniature", Qt.MatchFlag.MatchStartsWith) > 0)
    qtbot.waitUntil(lambda: again.source.device.text().startswith("Device"), timeout=30_000)
    again.deleteLater()
    qtbot.waitUntil(lambda: len(viewer.layers.events.inserted.callbacks) == before, timeout=5000)


def test_a_download_shows_progress_and_can_be_cancelled(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def slow(name: str, reporter: Reporter) -> Predictor:
        done = 0
        try:
            while True:
                done = min(done + 1_000_000, 300_000_000)
                reporter.tell(done, 375_000_000)
                threading.Event().wait(0.001)
        except CancelledError:
            stopped.set()
            raise

    _, widget = dock
    monkeypatch.setattr("napari_samara.api.load", slow)
    pick(widget.source.checkpoint, "sam-vit-b")
    QTest.mouseClick(widget.source.start, Qt.MouseButton.LeftButton)
    line, bar = widget.status.line, widget.status.bar
    qtbot.waitUntil(lambda: "of 375 MB" in line.text(), timeout=10_000)
    qtbot.waitUntil(lambda: 0 < bar.value() < bar.maximum(), timeout=10_000)
    assert line.text().startswith("Downloading sam-vit-b")
    assert not widget.source.checkpoint.isEnabled()
    QTest.mouseClick(widget.source.start, Qt.MouseButton.LeftButton)
    assert widget.source.start.text() == "Start annotating"
    assert "was stopped; what is downloaded is kept" in line.text()
    assert stopped.wait(5)
    assert widget.annotator is None


def test_channels_that_do_not_fit_are_refused_before_loading(
    dock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock
    monkeypatch.setattr("napari_samara.api.load", lambda *_, **__: pytest.fail("loaded"))
    viewer.add_image(np.zeros((48, 64), np.uint8), name="shifted", translate=(3, 0))
    pick(widget.source.images.green, "shifted")
    QTest.mouseClick(widget.source.start, Qt.MouseButton.LeftButton)
    assert "'cells' and 'shifted' cannot be channels" in widget.status.line.text()
    assert "translate" in widget.status.line.text()


def test_long_names_fit_a_narrow_dock(dock: Any, tmp_path: Path) -> None:
    viewer, widget = dock
    for number in range(3):
        viewer.add_image(np.zeros((48, 64), np.uint8), name=f"{number} of Pompeii " * 20)
    pick(widget.source.images.green, "1 of")
    weights = tmp_path / ("a" * 200 + ".pt")
    weights.touch()
    widget.source.checkpoints.choose(weights)
    QApplication.processEvents()
    assert widget.minimumSizeHint().width() <= 230
    assert widget.source.minimumSizeHint().width() <= 230


def test_channels_are_annotated(
    dock: Any, qtbot: Any, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock
    monkeypatch.setattr("napari_samara.api.load", lambda name, reporter: predictor)
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)
    viewer.add_image(pixels, name="actin", contrast_limits=(0, 255))
    pick(widget.source.images.green, "actin")
    QTest.mouseClick(widget.source.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.annotator is not None, timeout=20_000)
    seen = widget.annotator.session.encoder_input()
    assert np.array_equal(seen[..., 1], pixels)
    assert not seen[..., [0, 2]].any()
    widget.annotator.points.add([[20.0, 30.0]])
    qtbot.waitUntil(lambda: len(widget.annotator.session.candidates) == 3, timeout=20_000)
    viewer.layers.remove("actin")
    assert widget.status.line.text() == (
        "The channel 'actin' was removed; annotating goes on with it."
    )
    widget.annotator.accept()
    qtbot.waitUntil(lambda: len(widget.annotator.session.objects) == 1, timeout=20_000)
    widget.annotator.close()


def test_own_layers_that_fit_are_offered_and_given(shown: Any) -> None:
    viewer, form = shown
    viewer.add_image(np.zeros((40, 50), np.uint8), name="cells")
    assert not form.layers.isVisible()
    labels = viewer.add_labels(np.zeros((40, 50), np.int32), name="mine")
    viewer.add_labels(np.zeros((20, 25), np.int32), name="too small")
    viewer.add_labels([np.zeros((40, 50), np.int32), np.zeros((20, 25), np.int32)], name="levels")
    viewer.add_labels(np.zeros((40, 50), np.int32), name="shown").editable = False
    points = viewer.add_points([[3.0, 4.0]], name="nuclei")
    viewer.add_points(np.zeros((1, 3)), name="deep")
    viewer.add_shapes(np.array([[1, 1], [9, 9]]), shape_type="rectangle", name="boxes")
    offered = {
        kind: [combo.itemText(at) for at in range(combo.count())]
        for kind, combo in form.layers.combos.items()
    }
    assert offered == {
        "labels": ["New layer", "mine"],
        "points": ["New layer", "nuclei"],
        "shapes": ["New layer", "boxes"],
    }
    assert form.layers.isVisible()
    assert started(form).given == GivenLayers()
    pick(form.layers.combos["labels"], "mine")
    pick(form.layers.combos["points"], "nuclei")
    labels.name = "mine now"
    assert form.layers.combos["labels"].currentText() == "mine now"
    assert started(form).given == GivenLayers(points, None, labels)
    viewer.add_image(np.zeros((60, 50), np.uint8), name="others")
    form.image.setCurrentText("others")
    assert started(form).given == GivenLayers(points)
    viewer.layers.remove(points)
    assert started(form).given == GivenLayers()


def test_labels_of_one_level_of_a_pyramid(shown: Any) -> None:
    viewer, form = shown
    viewer.add_image([np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)], rgb=True)
    viewer.add_labels(np.zeros((32, 32), np.int32), name="coarse")
    assert form.layers.combos["labels"].findText("coarse") == 1
