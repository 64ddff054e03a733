"""What fine-tuning the decoder on some objects gives, on objects it has not seen.

python benchmarks/finetune.py --dataset msd_hippocampus --objects 30 --minutes 3

Whole planes are drawn until there are so many objects (of the last one only as many as it takes).
Judged are objects of other images or volumes of the data set, of which the run sees nothing, and
what the run itself holds out. The weights are thrown away. SAMARA_DATA names the data folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
import torch

import napari_samara as samara
from napari_samara.settings import FinetuneSettings
from napari_samara.training.evaluation import one_prompt_ious
from napari_samara.training.known_objects import known_objects
from napari_samara.training.manifest import read_manifest
from napari_samara.training.slices import Reading

if TYPE_CHECKING:
    from napari_samara.training.data import LabelledImage

SMALLEST = 25
"""Pixels of an object that is learned from or judged by."""


def main() -> None:
    """Print mean IoU before and after."""
    options = _options()
    torch.set_num_threads(options.threads)
    learned, others = chosen(options)
    before = samara.load(options.checkpoint)
    old = judge(before, others)
    with tempfile.TemporaryDirectory() as folder:
        start, worked = time.monotonic(), time.process_time()
        found = samara.finetune(
            [plane.image for plane in learned],
            [plane.labels for plane in learned],
            before,
            Path(folder) / "tuned",
            FinetuneSettings(minutes=options.minutes, mode=options.mode),
        )
        seconds, worked = time.monotonic() - start, time.process_time() - worked
        new = judge(samara.load(Path(folder) / "tuned"), others)
    base, best = found.history[0], found.best
    count = sum(len(objects_of(plane)) for plane in learned)
    print(
        f"{options.dataset}, {options.mode}, {count} objects of {len(learned)} planes, "
        f"{seconds:.0f} s ({worked:.0f} s of processor time, {options.threads} threads), "
        f"{found.history[-1].step} steps, best at {best.step}; load {os.getloadavg()[0]:.1f}"
    )
    print(f"held out by the run: box {base.box:.3f} -> {best.box:.3f}", end=", ")
    print(f"point {base.point:.3f} -> {best.point:.3f}")
    print(f"{len(others)} planes of other images: box {old[0]:.3f} -> {new[0]:.3f}", end=", ")
    print(f"point {old[1]:.3f} -> {new[1]:.3f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--dataset", default="msd_hippocampus")
    parser.add_argument("--part", default="test")
    parser.add_argument("--objects", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--mode", default="decoder")
    parser.add_argument("--slices", type=int, default=4, help="of a volume, across each axis")
    parser.add_argument("--others", type=int, default=15, help="planes to judge by")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", default=os.environ.get("SAMARA_DATA", "../shared/data"))
    return parser.parse_args()


def objects_of(plane: LabelledImage) -> list[int]:
    """Labels of the objects of a plane that are large enough."""
    return [item.label for item in known_objects(plane.labels, SMALLEST, np.random.default_rng(1))]


def chosen(options: argparse.Namespace) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Planes to learn from, and planes of other files."""
    reading = Reading(slices=options.slices)
    planes = list(read_manifest(Path(options.data), options.part, (options.dataset,), reading))
    planes = [planes[at] for at in np.random.default_rng(0).permutation(len(planes))]
    learned: list[LabelledImage] = []
    missing = options.objects
    for plane in planes:
        ids = objects_of(plane)[:missing]
        if ids:
            labels = np.where(np.isin(plane.labels, ids), plane.labels, 0)
            learned.append(replace(plane, labels=labels))
            missing -= len(ids)
        if not missing:
            break
    files = {_file(plane) for plane in learned}
    others = [plane for plane in planes if _file(plane) not in files and objects_of(plane)]
    return learned, others[: options.others]


def _file(plane: LabelledImage) -> str:
    return plane.name.partition("[")[0]


def judge(predictor: samara.Predictor, planes: list[LabelledImage]) -> tuple[float, float]:
    """Mean IoU of boxes and of points, over planes; at most 15 objects of each."""
    boxes, points = [], []
    for plane in planes:
        objects = known_objects(plane.labels, SMALLEST, np.random.default_rng(1))[:15]
        found = one_prompt_ious(predictor, predictor.embed(plane.image), objects)
        boxes.append(mean(found["box"]))
        points.append(mean(found["point"]))
    return mean(boxes), mean(points)


if __name__ == "__main__":
    main()
