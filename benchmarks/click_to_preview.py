"""From a click to the changed preview, in the real viewer, and what the time is made of.

``xvfb-run -a -s "-screen 0 1280x1024x24" python benchmarks/click_to_preview.py``: the embedding is
there, each click adds a point to the object.  The clock starts before the mouse button goes down
and stops when the data of the preview layer has changed.  Where the object is small, a window
around it is encoded after that, and "the last mask" replaces the first one.  Drawing stands beside
it: Xvfb draws in software, and napari keeps Python's lock while a window is put together.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

import torch
from live import Drawing, Stage, Stopwatch, conditions, percentile, pump

from napari_samara.api import load
from napari_samara.engine import predictor as engine
from napari_samara.session import decoder
from napari_samara.session.paced_runner import PacedRunner
from napari_samara.ui.layers.preview import Preview

PARTS = (
    "napari, to the prompt",
    "debounce and queue",
    "decode",
    "upsample",
    "to the main thread",
    "data change",
)


def watches() -> Stopwatch:
    """Return a stopwatch on every step of the way."""
    watch = Stopwatch()
    watch.watch("submit", PacedRunner, "submit")
    watch.watch("work", decoder, "decode")
    watch.watch("predict", engine.Predictor, "predict")
    watch.watch("upsample", engine, "finished_mask")
    watch.watch("show", Preview, "show")
    return watch


def split(start: float, watch: Stopwatch, drawing: Drawing) -> dict[str, float]:
    """Seconds of each part of one click."""
    submitted = watch.spans["submit"][0][0]
    begun, last = watch.spans["work"][-1][0], watch.spans["show"][-1][1]
    ended = watch.spans["predict"][0][1]
    shown, changed = next(span for span in watch.spans["show"] if span[0] > ended)
    upsample = watch.inside("upsample", begun, ended)
    values = (
        submitted - start,
        begun - submitted,
        ended - begun - upsample,
        upsample,
        shown - ended,
        changed - shown,
    )
    found = dict(zip(PARTS, values, strict=True))
    total = changed - start
    drawn = drawing.inside(start, changed)
    return found | {"total": total, "drawing meanwhile": drawn, "the last mask": last - start}


def one_click(stage: Stage, at: Any, watch: Stopwatch, drawing: Drawing) -> dict[str, float]:
    """Click, wait, and return the parts in seconds."""
    for spans in (*watch.spans.values(), drawing.spans):
        spans.clear()
    start = stage.click(*at)
    stage.settled()
    found = split(start, watch, drawing)
    end = start + found["the last mask"]
    pump(0.2)
    after = max(span[1] for span in drawing.spans)
    return found | {"drawn after": after - end}


def main() -> None:
    """Print medians and 95th percentiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    drawing, watch = Drawing(), watches()
    predictor = load(args.checkpoint)
    stage = Stage(predictor, args.side)
    stage.click(*stage.centres[0])  # encodes
    stage.settled()
    clicks = []
    for number in range(1, args.clicks + 4):
        if number % 8 == 0:  # a new object
            stage.annotator.attempt(stage.annotator.session.clear)
        pump(0.15)
        clicks.append(one_click(stage, stage.centres[number % 36], watch, drawing))
    stage.close()
    parts = {name: [1e3 * click[name] for click in clicks[3:]] for name in clicks[0]}
    parts["total without drawing"] = [
        total - drawn
        for total, drawn in zip(parts["total"], parts["drawing meanwhile"], strict=True)
    ]
    table = {name: (statistics.median(v), percentile(v, 0.95)) for name, v in parts.items()}
    where = f"{conditions()}, {torch.get_num_threads()} threads of torch"
    if args.json:
        print(json.dumps({"parts": table, "clicks": args.clicks, "where": where}))
        return
    print(f"{args.checkpoint}, {args.side} x {args.side}, {args.clicks} clicks, {where}")
    print(f"  {'milliseconds':24s} {'median':>8s} {'p95':>8s}")
    for name, (median, high) in table.items():
        print(f"  {name:24s} {median:8.1f} {high:8.1f}")


if __name__ == "__main__":
    main()
