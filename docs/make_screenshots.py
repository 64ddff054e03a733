"""Make the pictures of docs/annotate.md, docs/finetune.md, docs/volumes.md and docs/similar.md.

Run it on a screen, or without one: ``xvfb-run -a -s "-screen 0 1400x1024x24" python
docs/make_screenshots.py``; names of functions (``tour extremes cell finetune volumes
measure``) make only theirs.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget
from scipy.ndimage import binary_fill_holes
from skimage import data
from skimage.filters import threshold_local
from skimage.measure import label as pieces_of
from skimage.morphology import remove_small_objects

from napari_samara.ui.sample_data import generated_nuclei

if TYPE_CHECKING:
    from napari_samara.ui.widgets.annotate import AnnotateWidget

OUT = Path(__file__).parent / "images"
COINS = [  # boxes around ten of them
    (25, 124, 77, 182),
    (27, 189, 76, 246),
    (31, 252, 75, 300),
    (93, 242, 147, 299),
    (101, 22, 149, 70),
    (102, 182, 147, 230),
    (167, 186, 219, 240),
    (172, 77, 220, 127),
    (230, 15, 291, 78),
    (237, 273, 291, 329),
]
LONG = "coins of Pompeii, exported by the microscope software on Monday (series 3, stitched).tif"


def let_it_work(seconds: float = 0.5) -> None:
    """Give Qt time to draw."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def picture(viewer: napari.Viewer, name: str, guide: str = "annotate") -> None:
    """Save the window with 256 colours: small, and nothing is lost that one would see."""
    let_it_work()
    shot = viewer.window.screenshot(canvas_only=False, flash=False)
    path = OUT / f"{guide}-{name}.png"
    Image.fromarray(shot[..., :3]).quantize(256, kmeans=3).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


def open_viewer(theme: str, width: int) -> tuple[napari.Viewer, AnnotateWidget]:
    """Viewer with the dock widget, `width` pixels of it."""
    get_settings().appearance.theme = theme
    viewer = napari.Viewer(show=True)
    viewer.theme = theme
    viewer.window.resize(1200, 860)
    widget = open_dock(viewer, "Annotate", width)
    let_it_work(1.0)
    return viewer, widget


def open_dock(viewer: napari.Viewer, name: str, width: int) -> Any:
    """Open a dock widget as the menu does, in the place of the one that is there."""
    window = viewer.window._qt_window  # noqa: SLF001
    before = [dock for dock in window.findChildren(QDockWidget) if "samara" in dock.windowTitle()]
    docked, widget = viewer.window.add_plugin_dock_widget("napari-samara", name)
    for dock in before:
        window.tabifyDockWidget(dock, docked)
    let_it_work()
    docked.raise_()
    window.resizeDocks([docked], [width], Qt.Orientation.Horizontal)
    return widget


def start(widget: AnnotateWidget) -> Any:
    """Press Start and wait for the model."""
    while not widget.source.checkpoint.count():
        let_it_work(0.1)
    widget.source.start.click()
    while widget.annotator is None:
        let_it_work(0.1)
    return widget.annotator


def tour(theme: str = "dark") -> None:
    """The pictures of the guided tour."""
    viewer, widget = open_viewer(theme, 290)
    viewer.add_image(data.coins(), name="coins")
    viewer.reset_view()
    while "Looking" in widget.source.device.text():
        let_it_work()
    picture(viewer, "start")
    handle = start(widget)
    handle.points.add([[196, 103]])
    handle.session.wait()
    picture(viewer, "preview")
    handle.positive = False
    handle.points.add([[160, 103]])
    handle.session.wait()
    picture(viewer, "negative")
    handle.session.clear()
    handle.positive = True
    for corners in [(173, 80, 219, 126), (27, 130, 77, 181), (232, 18, 289, 76)]:
        row0, col0, row1, col1 = corners
        handle.shapes.add(np.array([(row0, col0), (row0, col1), (row1, col1), (row1, col0)]))
        handle.session.wait()
        handle.accept()
        handle.session.wait()
    widget.objects.select([2])
    picture(viewer, "objects")
    handle.close()
    viewer.close()


def extremes() -> None:
    """A light theme, a narrow dock and a long name: what breaks first."""
    viewer, widget = open_viewer("light", 230)
    viewer.add_image(data.coins(), name=LONG)
    viewer.reset_view()
    handle = start(widget)
    widget.more.setChecked(True)
    handle.points.add([[196, 103]])
    handle.session.wait()
    widget.options.sees.setChecked(True)
    picture(viewer, "narrow")
    handle.close()
    viewer.close()


def cell() -> None:
    """A cell, in the light theme."""
    viewer, widget = open_viewer("light", 290)
    viewer.add_image(data.cell(), name="cell")
    viewer.reset_view()
    handle = start(widget)
    handle.shapes.add(np.array([(305.0, 360), (305, 500), (445, 500), (445, 360)]))
    handle.session.wait()
    picture(viewer, "light")
    handle.close()
    viewer.close()


def finetune(theme: str = "dark", width: int = 300, minutes: float = 1.5) -> None:
    """Coins that were accepted are learned from, and redone with what came out."""
    viewer, widget = open_viewer(theme, width)
    viewer.add_image(data.coins(), name="coins")
    viewer.reset_view()
    handle = start(widget)
    for row0, col0, row1, col1 in COINS:
        handle.shapes.add(np.array([(row0, col0), (row0, col1), (row1, col1), (row1, col0)]))
        handle.session.wait()
        handle.accept()
        handle.session.wait()
        let_it_work(0.1)
    dock = open_dock(viewer, "Fine-tune", width)
    while not dock.start.isEnabled():
        let_it_work(0.1)
    dock.mode.minutes.setValue(minutes)
    picture(viewer, f"start-{theme}", "finetune")
    dock.start.click()
    while len(dock.view.history) < 3 and not dock.pairs.isEnabled():
        let_it_work(0.1)
    picture(viewer, f"training-{theme}", "finetune")
    while dock.job is not None:
        let_it_work(0.1)
    dock.remake.redo.click()
    while not dock.remake.accept.isEnabled():
        let_it_work(0.1)
    picture(viewer, f"redo-{theme}", "finetune")
    handle.close()
    viewer.close()


def volumes() -> None:
    """Slices of the generated nuclei are encoded; three nuclei are followed and reviewed."""
    (image, shown, _), (truth, _, _) = generated_nuclei()
    viewer, widget = open_viewer("dark", 290)
    viewer.window.resize(1200, 960)
    viewer.add_image(image, **shown)
    viewer.dims.set_point(0, 20 * shown["scale"][0])
    viewer.reset_view()
    handle = start(widget)
    dock = open_dock(viewer, "Volumes", 290)
    control = dock.slices.encode
    while not control.button.isEnabled():
        let_it_work(0.1)
    control.button.click()
    while control.progress.bar.value() < 13:
        let_it_work(0.02)
    picture(viewer, "encoding", "volumes")
    while control.run is not None:
        let_it_work(0.1)
    viewer.theme = get_settings().appearance.theme = "light"
    for label in (3, 7, 12):
        rows, cols = np.nonzero(truth[20] == label)
        low, high = (rows.min(), cols.min()), (rows.max() + 1, cols.max() + 1)
        corners = [low, (low[0], high[1]), high, (high[0], low[1])]
        handle.shapes.add(np.array([(20, *corner) for corner in corners], float))
        handle.session.wait()
        handle.accept()
        handle.session.wait()
        let_it_work(0.1)
    dock.following.every.click()
    while handle.session.propagating is not None or not handle.review.listed:
        let_it_work(0.1)
    handle.review.step(1)
    picture(viewer, "review", "volumes")
    handle.close()
    viewer.close()


def measure() -> None:
    """Coins told apart by a threshold, measured; a large one is looked at."""
    get_settings().appearance.theme = "dark"
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1200, 860)
    coins = data.coins()
    bright = remove_small_objects(coins > threshold_local(coins, 101), max_size=300)
    labels = pieces_of(binary_fill_holes(bright)).astype(np.int32)
    viewer.add_image(coins, name="coins", scale=(0.2, 0.2))
    viewer.add_labels(labels, name="thresholded", scale=(0.2, 0.2))
    widget = open_dock(viewer, "Measure", 330)
    let_it_work(1.0)
    viewer.reset_view()
    widget.start.click()
    while "its object" not in widget.line.text():
        let_it_work(0.1)
    widget.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    widget.table.selectRow(3)
    widget.cleanup.widgets["remove_border"].setChecked(True)
    picture(viewer, "table", "measure")
    viewer.close()


PARTS = {
    "tour": tour,
    "extremes": extremes,
    "cell": cell,
    "finetune": finetune,
    "volumes": volumes,
    "measure": measure,
}

if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    theme_before = get_settings().appearance.theme
    with tempfile.TemporaryDirectory() as elsewhere:  # nothing is saved in the home directory
        os.environ["SAMARA_CONFIG"] = elsewhere
        os.environ["SAMARA_CACHE"] = elsewhere
        os.environ["SAMARA_AUTOSAVE"] = str(Path(elsewhere) / "napari-samara")
        try:
            for part in sys.argv[1:] or PARTS:
                PARTS[part]()
        finally:
            get_settings().appearance.theme = theme_before
