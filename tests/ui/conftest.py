"""Fixtures of the tests with windows: a model that draws disks, real clicks and keys, no leaks."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_samara.embedding import IMAGE_EMBEDDINGS, Embedding, EmbeddingKey, pixels_digest
from napari_samara.engine.device import DeviceChoice
from napari_samara.geometry import Frame
from napari_samara.masks import Mask
from napari_samara.session import InlineRunner
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.open_annotators import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_samara.settings import PredictSettings

RADII = (9, 5, 13)


class DiskPredictor:
    """Stands for a model: disks around the positive points, or the inside of the box."""

    def __init__(self) -> None:
        about = {"name": "disks", "sha256": "0" * 64}
        self.checkpoint = SimpleNamespace(**about, to_dict=lambda: about)
        self.device = DeviceChoice("cpu", "float32", "a test")
        self.asked: list[dict[str, Any]] = []
        self.encoded: list[np.ndarray] = []

    def key(self, rgb: np.ndarray, contrast: Any, plane: Any = "") -> EmbeddingKey:
        return EmbeddingKey(pixels_digest(rgb), plane, None, "0" * 64, contrast.to_dict())

    def embed_rgb(self, rgb: np.ndarray, contrast: Any, plane: Any = "") -> Embedding:
        self.encoded.append(rgb)
        features = {IMAGE_EMBEDDINGS: np.zeros((1, 4, 4), np.float32)}
        frame = Frame(rgb.shape[0], rgb.shape[1], 64)
        return Embedding(features, frame, self.key(rgb, contrast, plane))

    def predict(
        self,
        embedding: Embedding,
        points: Any = None,
        positive: Any = None,
        box: Any = None,
        mask: Any = None,
        multimask: bool | None = None,
        settings: PredictSettings | None = None,
        steps: Any = None,
    ) -> list[Mask]:
        self.asked.append({"points": points, "positive": positive, "box": box, "mask": mask})
        shape = (embedding.frame.rows, embedding.frame.cols)
        rows, cols = np.indices(shape)
        if mask is not None:
            return [Mask(np.asarray(mask), 0.9)]
        if box is not None:
            r0, c0, r1, c1 = box
            inside = (rows + 0.5 > r0) & (rows + 0.5 < r1) & (cols + 0.5 > c0) & (cols + 0.5 < c1)
            return [Mask(inside, 0.8)]
        found = []
        for rank, radius in enumerate(RADII):
            data = np.zeros(shape, bool)
            for (row, col), sign in sorted(
                zip(points, positive, strict=True), key=lambda item: -int(item[1])
            ):
                data[(rows - row) ** 2 + (cols - col) ** 2 <= radius**2] = bool(sign)
            found.append(Mask(data, 0.9 - rank / 10))
        return found

    def iterate_many(
        self, embedding: Embedding, boxes: Any = None, points: Any = None, settings: Any = None
    ) -> Iterator[Mask]:
        for item in points if points is not None else boxes:
            given = {"points": [item], "positive": [True]} if points is not None else {"box": item}
            yield self.predict(embedding, **given)[0]


def disk(shape: tuple[int, int], row: float, col: float, radius: int = RADII[0]) -> np.ndarray:
    """The first mask of the model for a point, which reaches it in single precision."""
    rows, cols = np.indices(shape)
    row, col = np.float32(row), np.float32(col)
    return (rows - row) ** 2 + (cols - col) ** 2 <= radius**2


@pytest.fixture(scope="session", autouse=True)
def _spare_references_to_none() -> None:
    """PySide6 6.12 drops references to None, 4,400 a viewer, and Python 3.11 counts them.

    After about forty viewers in one process the interpreter would end with "deallocating None".
    """
    if sys.version_info < (3, 12):  # None is immortal from there on
        for _ in range(3_000_000):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))


@pytest.fixture(autouse=True)
def _saved_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is saved in the home directory, nor read from there."""
    monkeypatch.setenv("SAMARA_AUTOSAVE", str(tmp_path / "annotations"))
    monkeypatch.setenv("SAMARA_CONFIG", str(tmp_path / "config"))


@pytest.fixture(scope="session", autouse=True)
def _torch_is_there() -> None:
    """The dock widget imports torch in a thread; no test waits for that."""
    import torch  # noqa: F401


@pytest.fixture
def disk_predictor() -> DiskPredictor:
    return DiskPredictor()


@pytest.fixture(autouse=True)
def _no_leaks(qapp: QApplication) -> Iterator[None]:
    """A test that leaves a window or a thread behind fails."""
    windows = set(qapp.topLevelWidgets())
    threads = set(threading.enumerate())
    yield
    qapp.processEvents()
    left = [
        thread
        for thread in threading.enumerate()
        if thread not in threads and "samara" in thread.name.lower()
    ]
    for thread in left:
        thread.join(2)
    assert not [thread for thread in left if thread.is_alive()]
    ours = [
        window
        for window in set(qapp.topLevelWidgets()) - windows
        if type(window).__module__.startswith("napari_samara")
    ]
    assert not ours


@pytest.fixture
def begin(disk_predictor: DiskPredictor) -> Iterator[Callable[..., Annotator]]:
    """Begin to annotate with the model that draws disks, in the main thread."""
    made: list[Annotator] = []

    def make(viewer: Viewer, layer: Image, level: int | None = None, **kwargs: Any) -> Annotator:
        image = ImageBinding.of(layer, level)
        annotator = register(
            viewer,
            lambda: Annotator(
                viewer, image, disk_predictor, runner=lambda _: InlineRunner(), **kwargs
            ),
        )
        made.append(annotator)
        return annotator

    yield make
    for annotator in made:
        annotator.close()


class Hands:
    """A user: real mouse and key events on the canvas of a viewer."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.canvas = viewer.window._qt_viewer.canvas
        self.native = self.canvas.native
        self.settle()

    def settle(self) -> None:
        """Let a window that was just opened take its size: a click meets what it aims at then."""
        same = 0
        before: Any = None
        for _ in range(200):
            QApplication.processEvents()
            camera = getattr(self.viewer, "scene", self.viewer).camera
            now = (self.native.width(), self.native.height(), camera.zoom, *camera.center)
            same = same + 1 if now == before else 0
            before = now
            if same == 3:
                return
            time.sleep(0.005)

    def pixel(self, world: Any) -> QPoint:
        """Place on the canvas of a world position (its displayed axes)."""
        camera = getattr(self.viewer, "scene", self.viewer).camera
        row, col = np.asarray(world, dtype=float)
        zoom = camera.zoom * 1.0
        centre = np.asarray(camera.center)[-2:]
        width, height = self.native.width(), self.native.height()
        x = (col - centre[1]) * zoom + width / 2
        y = (row - centre[0]) * zoom + height / 2
        return QPoint(round(x), round(y))

    def click(self, row: float, col: float, modifier: Any = None) -> None:
        """Click with the left button."""
        place = self.pixel((row, col))
        modifier = modifier or Qt.KeyboardModifier.NoModifier
        QTest.mouseMove(self.native, place)
        QTest.mouseClick(self.native, Qt.MouseButton.LeftButton, modifier, place)
        QApplication.processEvents()

    def key(self, name: str) -> None:
        """Press a key, or several with a plus sign between them."""
        *modifiers, key = name.split("+")
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= getattr(Qt.KeyboardModifier, f"{modifier}Modifier")
        self.native.setFocus()
        QTest.keyClick(self.native, getattr(Qt.Key, f"Key_{key}"), held)
        QApplication.processEvents()


@pytest.fixture
def hands() -> Callable[[Viewer], Hands]:
    return Hands
