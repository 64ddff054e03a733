"""How long the main thread is away while all objects are looked for, and how soon that ends.

``xvfb-run -a -s "-screen 0 1280x1024x24" python benchmarks/find_responsiveness.py``: the real
viewer with the dock and a timer of 10 ms in its main thread.  Find all runs on a picture of disks
while somebody moves the view; a second search is stopped half-way, and the time until it has ended
is taken; then all candidates are accepted in one step, and that is undone.  Beside it stands the
same moving with nothing going on.  Xvfb draws in software.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from live import Drawing, Stage, conditions, gaps, pump

from napari_samara.api import load

if TYPE_CHECKING:
    from collections.abc import Callable


def wander(stage: Stage, until: Callable[[], bool], steps: int = 0) -> None:
    """Move the view back and forth, five times a second, until something is so."""
    camera, done = getattr(stage.viewer, "scene", stage.viewer).camera, 0
    middle = np.array(camera.center)
    while not until() and (not steps or done < steps):
        camera.center = tuple(
            middle + 12 * np.array([0, np.sin(done), np.cos(done)])[-len(middle) :]
        )
        pump(0.2)
        done += 1
    camera.center = tuple(middle)


def measured(side: int) -> dict[str, Any]:
    """Open the viewer, do all of it, close the viewer."""
    drawing = Drawing()
    stage = Stage(load("samara-tiny"), side)
    session, annotator = stage.annotator.session, stage.annotator
    figures: dict[str, Any] = {
        "moving alone": gaps(lambda: wander(stage, lambda: False, 30), drawing)
    }

    def search() -> None:
        session.find_all()
        wander(stage, lambda: not session.finding)
        stage.settled()

    figures["find all, moving"] = gaps(search, drawing)
    figures["found"] = len(session.batch)
    stops = []
    for wait in (0.15, 0.4, 0.8, 1.2, 1.6):
        annotator.undo()
        stage.settled()
        session.find_all()
        pump(wait)
        start = time.perf_counter()
        session.stop_finding()
        while session.finding:
            pump(0.005)
        stops.append(time.perf_counter() - start)
        stage.settled()
    figures["seconds to stop"] = stops
    annotator.undo()
    session.find_all()
    while session.finding:
        pump(0.05)
    stage.settled()

    def accept() -> None:
        session.accept_many()
        stage.settled()
        pump(0.3)

    figures["accept all"] = gaps(accept, drawing)
    figures["accepted"] = len(session.objects)
    figures["undo of it"] = gaps(lambda: (annotator.undo(), stage.settled(), pump(0.3)), drawing)
    figures["left after undo"] = len(session.objects)
    stage.close()
    return figures


def main() -> None:
    """Print the longest gaps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024, help="of the picture, in pixels")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = measured(args.side)
    if args.json:
        print(json.dumps({"figures": figures, "where": conditions()}))
        return
    print(f"samara-tiny, {args.side} x {args.side}, {conditions()}")
    for name, found in figures.items():
        if isinstance(found, dict):
            print(
                f"  {name:18s} longest {found['longest']:6.0f} ms, without drawing "
                f"{found['without drawing']:5.0f} ms, {found['seconds']:5.1f} s"
            )
        elif isinstance(found, list):
            print(f"  {name:18s} {' '.join(f'{value:.2f}' for value in found)}")
        else:
            print(f"  {name:18s} {found}")


if __name__ == "__main__":
    main()
