"""What fine-tuning the decoder on some objects gives, on objects it has not seen.

python benchmarks/finetune.py --dataset usiigaci --objects 30 --minutes 3

The objects are drawn from one validation image; judged are all others of that image ("same image")
and objects of other validation images of the data set. SAMARA_DATA names the data folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import mean

import numpy as np
import torch

import napari_samara as samara
from napari_samara.settings import FinetuneSettings
from napari_samara.training.evaluation import one_prompt_ious
from napari_samara.training.known_objects import known_objects
from napari_samara.training.manifest import read_manifest

JUDGED = 40
"""Objects of an image that are looked at."""


def main() -> None:
    """Print mean IoU before and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--dataset", default="usiigaci")
    parser.add_argument("--objects", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--mode", default="decoder")
    parser.add_argument("--others", type=int, default=3, help="further images to judge by")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", default=os.environ.get("SAMARA_DATA", "../shared/data"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    planes = read_manifest(Path(options.data), "val", (options.dataset,))
    first, *others = islice(planes, 1 + options.others)
    ids = np.unique(first.labels)
    shown = np.random.default_rng(0).permutation(ids[ids > 0])[: options.objects]
    known = np.where(np.isin(first.labels, shown), first.labels, 0)
    unseen = np.where(np.isin(first.labels, shown), 0, first.labels)
    judged = {
        "same image": [(first.image, unseen)],
        "other images": [(o.image, o.labels) for o in others],
    }
    before = samara.load(options.checkpoint)
    figures = {name: [_ious(before, pairs)] for name, pairs in judged.items()}
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        found = samara.finetune(
            first.image,
            known,
            before,
            Path(folder) / "tuned",
            FinetuneSettings(minutes=options.minutes, mode=options.mode),
        )
        seconds = time.monotonic() - start
        after = samara.load(Path(folder) / "tuned")
        for name, pairs in judged.items():
            figures[name].append(_ious(after, pairs))
    base, best = found.history[0], found.best
    print(
        f"{options.dataset}, {options.mode}, {len(shown)} objects, {seconds:.0f} s, "
        f"{found.history[-1].step} steps, best at {best.step}; load {os.getloadavg()[0]:.1f}"
    )
    print(f"held out by the run: box {base.box:.3f} -> {best.box:.3f}", end=", ")
    print(f"point {base.point:.3f} -> {best.point:.3f}")
    for name, (old, new) in figures.items():
        print(f"{name}: box {old[0]:.3f} -> {new[0]:.3f}, point {old[1]:.3f} -> {new[1]:.3f}")


def _ious(
    predictor: samara.Predictor, pairs: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[float, float]:
    """Mean IoU of boxes and of points, over images."""
    boxes, points = [], []
    for image, labels in pairs:
        rng = np.random.default_rng(1)
        objects = known_objects(labels, 25, rng)
        chosen = [objects[i] for i in rng.permutation(len(objects))[:JUDGED]]
        found = one_prompt_ious(predictor, predictor.embed(image), chosen)
        boxes.append(mean(found["box"]))
        points.append(mean(found["point"]))
    return mean(boxes), mean(points)


if __name__ == "__main__":
    main()
