"""How long the main thread is away while a volume is encoded and objects are followed through it.

``xvfb-run -a -s "-screen 0 1280x1024x24" python benchmarks/volume_responsiveness.py``: the real
viewer with both docks and a timer of 10 ms in its main thread.  Slices of generated nuclei are
encoded while somebody scrolls and clicks, then three objects are followed, and that is undone.
Beside it stands the same scrolling with nothing going on.  Xvfb draws in software.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from live import Drawing, conditions, gaps, pump

from napari_samara.api import load
from napari_samara.prompts import box
from napari_samara.store import ZarrStore
from napari_samara.training.volume_phantoms import nuclei_phantom
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.open_annotators import register
from napari_samara.ui.slices_run import SlicesRun
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.volumes import VolumesWidget
from napari_samara.ui.workers import MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

OBJECTS = 3


def scroll(viewer: napari.Viewer, until: Callable[[], bool], steps: int = 0) -> int:
    """Go from slice to slice, five times a second, until something is so; return the steps."""
    done, count = 0, viewer.dims.nsteps[0]
    while not until() and (not steps or done < steps):
        index = abs((done + count // 2) % (2 * count - 2) - (count - 1))
        viewer.dims.set_current_step(0, index)
        pump(0.2)
        done += 1
    return done


def measured(folder: Path, repeat: int) -> dict[str, dict[str, float]]:
    """Open the viewer, do all of it, close the viewer."""
    drawing, made = Drawing(), nuclei_phantom()
    image = np.kron(made.image, np.ones((1, repeat, repeat), np.uint16))
    truth = np.kron(made.labels, np.ones((1, repeat, repeat), np.int32))
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1200, 860)
    for widget, name in ((AnnotateWidget, "Annotate"), (VolumesWidget, "Volumes")):
        viewer.window.add_dock_widget(widget(viewer), name=f"{name} (Samara)")
    layer = viewer.add_image(image, contrast_limits=(100, 3400), scale=made.spacing)
    predictor = load("samara-tiny")
    annotator = register(viewer, lambda: Annotator(viewer, layer, predictor))
    session = annotator.session
    session._decoder.embeddings.store = ZarrStore(folder / "v.zarr")  # noqa: SLF001
    pump(1.0)
    figures = {"scrolling alone": gaps(lambda: scroll(viewer, lambda: False, 30), drawing)}
    ended: list[Any] = []

    def encode() -> None:
        main = MainThread()
        run = SlicesRun(session.slices_job(), main, print_nothing, ended.append, ended.append)
        scroll(viewer, lambda: bool(ended))
        run.join(5)

    figures["encoding, scrolling"] = gaps(encode, drawing)
    for label in largest(truth):
        index, corners = middle_box(truth == label)
        viewer.dims.set_current_step(0, index)
        session.add(box(*corners, index=index))
        settle(session)
        annotator.accept()
        settle(session)

    def follow() -> None:
        annotator.following.begin(every=True)
        while session.propagating is not None and not session.propagating.done:
            pump(0.1)
        settle(session)

    figures["following"] = gaps(follow, drawing)
    figures["undo of it"] = gaps(lambda: (annotator.undo(), pump(0.5)), drawing)
    annotator.close()
    viewer.close()
    return figures


def print_nothing(_: object) -> None:
    """Take progress: the dock would draw it."""


def settle(session: Any) -> None:
    """Let the viewer work until nothing is left to do."""
    while True:
        pump(0.05)
        if not session._runner.busy:  # noqa: SLF001
            return


def largest(labels: np.ndarray) -> list[int]:
    """Labels of the objects with the most voxels."""
    return (np.argsort(-np.bincount(labels.ravel())[1:])[:OBJECTS] + 1).tolist()


def middle_box(mask: np.ndarray) -> tuple[int, tuple[int, int, int, int]]:
    """Slice in which an object is largest, and its box there."""
    index = int(mask.sum((1, 2)).argmax())
    rows, cols = np.nonzero(mask[index])
    return index, (rows.min(), cols.min(), rows.max() + 1, cols.max() + 1)


def main() -> None:
    """Print the longest gaps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="pixels for one of the phantom")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), args.repeat)
    if args.json:
        print(json.dumps({"figures": figures, "where": conditions()}))
        return
    print(f"samara-tiny, 40 slices of {192 * args.repeat} x {192 * args.repeat}, {conditions()}")
    for name, found in figures.items():
        print(
            f"  {name:22s} longest {found['longest']:6.0f} ms, without drawing "
            f"{found['without drawing']:5.0f} ms, {found['seconds']:5.1f} s"
        )


if __name__ == "__main__":
    main()
