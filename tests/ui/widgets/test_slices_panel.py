"""Slices encoded from the dock: told beforehand, followed on the strip, ended at any time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_samara.session import InlineRunner
from napari_samara.session.volume_embedding import VolumeEmbedding
from napari_samara.store import ZarrStore
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.keeping import Keeping
from napari_samara.ui.open_annotators import register
from napari_samara.ui.widgets.volumes import VolumesWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor

pytestmark = pytest.mark.gui

SHAPE = (6, 40, 48)
PATIENCE = 20_000

Opened = tuple[VolumesWidget, Annotator]


class Gate:
    """Encoder calls of a model; held back while it is shut."""

    def __init__(self, model: Any) -> None:
        self._encode = model.encode
        self.open = threading.Event()
        self.open.set()
        self.calls = 0
        self.threads: set[threading.Thread] = set()

    def __call__(self, pixels: Any) -> Any:
        self.calls += 1
        self.threads.add(threading.current_thread())
        assert self.open.wait(20)
        return self._encode(pixels)


@pytest.fixture
def gate(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate(predictor.model)
    monkeypatch.setattr(predictor.model, "encode", made)
    return made


@pytest.fixture
def open_(
    make_napari_viewer: Callable[..., Any], predictor: Predictor, gate: Gate, tmp_path: Path
) -> Iterator[Callable[..., Opened]]:
    made: list[Annotator] = []

    def make(shape: tuple[int, ...] = SHAPE, stored: bool = True) -> Opened:
        viewer = make_napari_viewer()
        noise = np.random.default_rng(4).integers(0, 4000, shape).astype(np.uint16)
        layer = viewer.add_image(noise, contrast_limits=(0, 4000))
        viewer.dims.set_point(len(shape) - 3, 2)
        dock = VolumesWidget(viewer)
        viewer.window.add_dock_widget(dock, name="Volumes")
        keeping = Keeping(store=ZarrStore(tmp_path / "v.zarr") if stored else None)
        annotator = register(
            viewer,
            lambda: Annotator(
                viewer, layer, predictor, keeping=keeping, runner=lambda _: InlineRunner()
            ),
        )
        made.append(annotator)
        return dock, annotator

    yield make
    gate.open.set()
    for annotator in made:
        annotator.close()


def states(dock: VolumesWidget) -> list[str]:
    QApplication.processEvents()
    dock.slices.refresh()
    return list(dock.slices.strip.state.states)


def ready(dock: VolumesWidget, qtbot: Any) -> None:
    qtbot.waitUntil(dock.slices.encode.button.isEnabled, timeout=PATIENCE)


def ended(dock: VolumesWidget, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: dock.slices.encode.run is None, timeout=PATIENCE)


def test_it_says_what_it_takes_and_then_does_it(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate
) -> None:
    dock, _ = open_()
    ready(dock, qtbot)
    said = dock.slices.encode.estimate.text()
    assert "6 planes" in said
    assert "on disk of" in said
    assert "of memory" in said
    assert gate.calls == 0
    assert states(dock) == ["not encoded"] * 6
    dock.slices.encode.button.click()
    ended(dock, qtbot)
    assert states(dock) == ["encoded"] * 6
    assert gate.calls == 6
    assert dock.slices.encode.progress.line.text().startswith("6 slices encoded")
    assert "All 6 slices" in dock.slices.encode.estimate.text()
    assert all(thread is not threading.main_thread() for thread in gate.threads)


def test_the_slice_that_is_shown_comes_first_and_scrolling_is_followed(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[int] = []
    keep = VolumeEmbedding.keep

    def noted(job: VolumeEmbedding, plane: Any, embedding: Any) -> None:
        ends.append(plane.index)
        keep(job, plane, embedding)

    monkeypatch.setattr(VolumeEmbedding, "keep", noted)
    dock, annotator = open_()
    ready(dock, qtbot)
    gate.open.clear()
    dock.slices.encode.button.click()
    qtbot.waitUntil(lambda: gate.calls == 1, timeout=PATIENCE)
    assert states(dock)[2] == "encoding"
    assert states(dock).count("queued") == 5
    annotator.viewer.dims.set_point(0, 5)
    gate.open.set()
    ended(dock, qtbot)
    assert ends[0] == 2
    assert ends.index(5) <= 2  # behind those that were read by then
    assert sorted(ends) == list(range(6))


def test_stop_keeps_what_is_encoded_and_another_run_goes_on(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate
) -> None:
    dock, _ = open_()
    ready(dock, qtbot)
    gate.open.clear()
    dock.slices.encode.button.click()
    assert dock.slices.encode.button.text().startswith("Stop")
    qtbot.waitUntil(lambda: gate.calls == 1, timeout=PATIENCE)
    dock.slices.encode.button.click()
    assert not dock.slices.encode.button.isEnabled()
    gate.open.set()
    ended(dock, qtbot)
    assert "Stopped: 1 of 6" in dock.slices.encode.progress.line.text()
    assert states(dock).count("encoded") == 1
    ready(dock, qtbot)
    assert "5 planes" in dock.slices.encode.estimate.text()
    dock.slices.encode.button.click()
    ended(dock, qtbot)
    assert gate.calls == 6
    assert "1 were there" in dock.slices.encode.progress.line.text()


def test_another_contrast_makes_slices_stale_and_ends_the_run(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate
) -> None:
    dock, annotator = open_()
    ready(dock, qtbot)
    gate.open.clear()
    dock.slices.encode.button.click()
    qtbot.waitUntil(lambda: gate.calls == 1, timeout=PATIENCE)
    annotator.binding.layer.contrast_limits = (100, 3000)
    gate.open.set()
    ended(dock, qtbot)
    assert dock.slices.encode.progress.line.text().startswith("The contrast was changed.")
    qtbot.waitUntil(lambda: states(dock).count("stale") == 1, timeout=PATIENCE)
    annotator.binding.layer.contrast_limits = (0, 4000)
    qtbot.waitUntil(lambda: states(dock).count("encoded") == 1, timeout=PATIENCE)


def test_all_three_directions(open_: Callable[..., Opened], qtbot: Any, gate: Gate) -> None:
    dock, annotator = open_((3, 5, 4))
    dock.slices.ways.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "12 planes" in dock.slices.encode.estimate.text(), timeout=PATIENCE)
    ready(dock, qtbot)
    dock.slices.encode.button.click()
    ended(dock, qtbot)
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        annotator.viewer.dims.order = order
        assert set(states(dock)) == {"encoded"}
    assert gate.calls == 12


def test_of_four_axes_only_the_volume_that_is_shown(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate
) -> None:
    dock, annotator = open_((2, *SHAPE))
    annotator.viewer.dims.set_point(0, 1)
    qtbot.waitUntil(lambda: annotator.session.plane.fixed[0] == (0, 1), timeout=PATIENCE)
    states(dock)
    ready(dock, qtbot)
    dock.slices.encode.button.click()
    ended(dock, qtbot)
    assert gate.calls == 6
    assert set(states(dock)) == {"encoded"}
    annotator.viewer.dims.set_point(0, 0)
    assert set(states(dock)) == {"not encoded"}


def test_what_the_store_has_is_seen_at_the_next_start(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate
) -> None:
    dock, annotator = open_()
    annotator.session.slices_job(annotator.following.volume.slices[1:3]).run()
    annotator.close()
    again, _ = open_()
    qtbot.waitUntil(lambda: states(again).count("encoded") == 2, timeout=PATIENCE)
    assert states(again)[1:3] == ["encoded"] * 2
    qtbot.waitUntil(lambda: "4 planes" in again.slices.encode.estimate.text(), timeout=PATIENCE)
    assert dock.slices.annotator is None


def test_without_a_store_it_says_what_to_do(open_: Callable[..., Opened], qtbot: Any) -> None:
    dock, _ = open_(stored=False)
    qtbot.waitUntil(
        lambda: "Keep embeddings" in dock.slices.encode.estimate.text(), timeout=PATIENCE
    )
    assert not dock.slices.encode.button.isEnabled()


def test_a_plane_that_cannot_be_read_is_told(
    open_: Callable[..., Opened], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, annotator = open_()
    ready(dock, qtbot)
    embeddings = annotator.session.slices_job().embeddings
    read = embeddings.encoder_input

    def broken(plane: Any, contrast: Any, *crop: Any) -> Any:
        if plane.index == 4:
            raise OSError("the disk is gone")
        return read(plane, contrast, *crop)

    monkeypatch.setattr(embeddings, "encoder_input", broken)
    dock.slices.encode.button.click()
    ended(dock, qtbot)
    assert "1 of 6 planes could not be read" in dock.slices.encode.progress.line.text()
    assert states(dock).count("encoded") == 5


@pytest.mark.parametrize("what", ["annotation", "dock", "viewer"])
def test_closing_ends_the_run(
    open_: Callable[..., Opened], qtbot: Any, gate: Gate, what: str
) -> None:
    dock, annotator = open_()
    ready(dock, qtbot)
    gate.open.clear()
    dock.slices.encode.button.click()
    qtbot.waitUntil(lambda: gate.calls == 1, timeout=PATIENCE)
    run = dock.slices.encode.run
    if what == "annotation":
        annotator.close()
    elif what == "dock":
        annotator.viewer.window.remove_dock_widget(dock)
        qtbot.waitUntil(lambda: run.ending, timeout=PATIENCE)
    else:
        annotator.viewer.close()
        qtbot.waitUntil(lambda: run.ending, timeout=PATIENCE)
    assert run.ending
    gate.open.set()
    run.join(10)
    qtbot.wait(50)
    assert not any(thread.is_alive() for thread in gate.threads)
    assert gate.calls <= 2
    if what == "annotation":
        assert dock.slices.encode.run is None
        assert "Annotate" in dock.line.text()


def test_the_window_stays_responsive(open_: Callable[..., Opened], qtbot: Any, gate: Gate) -> None:
    """Events are handled while the encoder is at work, whatever it takes."""
    dock, annotator = open_()
    ready(dock, qtbot)
    gate.open.clear()
    dock.slices.encode.button.click()
    qtbot.waitUntil(lambda: gate.calls == 1, timeout=PATIENCE)
    for index in (0, 1, 4):
        annotator.viewer.dims.set_point(0, index)
        assert states(dock)[2] == "encoding"
        assert dock.slices.strip.state.current == index
    gate.open.set()
    ended(dock, qtbot)
