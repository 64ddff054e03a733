"""How long the main thread is away while a plane is encoded and 20 clicks are decoded.

``xvfb-run -a -s "-screen 0 1280x1024x24" python benchmarks/gui_responsiveness.py``: the real
viewer, a timer of 10 ms in its main thread, and real mouse events.  Each run takes a new viewer
and a new image.  Printed are the longest gap between two ticks, how much of it was drawing (Xvfb
draws in software) and how much the main thread was running at all; the same for napari alone, where
the clicks only add points; and how long one decoding takes in the worker, beside one in the main
thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
from typing import Any

import numpy as np
from live import Drawing, Stage, Stopwatch, Ticks, conditions, middle, pump

from napari_samara.api import load
from napari_samara.ui.workers import MainThread, Task

CLICKS = 20


def one_run(stage: Stage, drawing: Drawing) -> dict[str, float]:
    """Encode and click; return the longest gaps in milliseconds."""
    pump(0.5)
    with Ticks() as ticks:
        for row, col in stage.centres[: CLICKS + 1]:  # the first one encodes
            stage.click(row, col)
            pump(0.25)
            stage.settled()
        pump(0.2)
    gaps = ticks.gaps()
    start, end, running = max(gaps, key=lambda gap: gap[1] - gap[0])
    apart = [end - start - drawing.inside(start, end) for start, end, _ in gaps]
    return {
        "longest": 1e3 * (end - start),
        "drawing in it": 1e3 * drawing.inside(start, end),
        "running in it": 1e3 * running,
        "longest without drawing": 1e3 * max(apart),
        "gaps over 50 ms": sum(end - start > 0.05 for start, end, _ in gaps),
    }


def decodings(stage: Stage, count: int) -> dict[str, list[float]]:
    """Seconds of one decoding in the main thread and in a worker, in turns."""
    session, main = stage.annotator.session, MainThread()
    embeddings = session._decoder.embeddings  # noqa: SLF001
    embedding = embeddings.get(session.plane, session.contrast, None)
    watch = Stopwatch()
    watch.watch("decode", session.predictor, "predict")
    times: dict[str, list[float]] = {"main": [], "worker": []}
    for number in range(count + 1):
        point = stage.centres[number % len(stage.centres)][np.newaxis]

        def work(point: Any = point) -> Any:
            return session.predictor.predict(embedding, points=point)

        for where in times:
            over = threading.Event()
            if where == "main":
                work()
            else:
                Task(work, main, lambda _, over=over: over.set(), print)
                while not over.is_set():
                    pump(0.002)
            start, end = watch.spans["decode"].pop()
            if number:  # the first pair warms up
                times[where].append(end - start)
            pump(0.02)
    return times


def main() -> None:
    """Print each run and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    drawing, runs, ratios = Drawing(), [], []
    predictor = load(args.checkpoint)
    for number in range(args.runs):
        stage = Stage(predictor, args.side, seed=number)
        runs.append(one_run(stage, drawing))
        times = decodings(stage, 10)
        ratios.append(middle(times["worker"]) / middle(times["main"]))
        runs[-1] |= {f"decode, {where}": middle(values) for where, values in times.items()}
        stage.close()
        alone = Stage(None, args.side, seed=number)
        plain = one_run(alone, drawing)
        runs[-1] |= {
            "napari alone, longest": plain["longest"],
            "napari alone, without drawing": plain["longest without drawing"],
        }
        alone.close()
        if not args.json:
            told = ", ".join(f"{name} {value:.0f}" for name, value in runs[-1].items())
            print(f"run {number + 1}: {told}   [{conditions()}]", flush=True)
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    medians["decode, worker / main"] = statistics.median(ratios)
    if args.json:
        print(json.dumps({"runs": runs, "medians": medians, "where": conditions()}))
        return
    print(f"{args.checkpoint}, {args.side} x {args.side}, {CLICKS} clicks, {conditions()}")
    for name, value in medians.items():
        print(
            f"  {name:26s} {value:7.2f}" + (" ms" if "/" not in name and "over" not in name else "")
        )


if __name__ == "__main__":
    main()
