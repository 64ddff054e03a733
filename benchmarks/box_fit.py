"""What it changes that masks fill their boxes: tight ones, jittered ones, and ones with room.

    python benchmarks/box_fit.py --threads 2

Prints, in thousandths of IoU, how much better masks are when they are cut off where they fill their
box (`engine/box_fit.py`) than at 0, for the same objects: the mean over the objects of an image,
then over images.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_samara import load
from napari_samara.engine.volume_decoding import SlicePrompt, decode_prompts
from napari_samara.settings import PredictSettings
from napari_samara.training.known_objects import known_objects
from napari_samara.training.manifest import read_manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.data import LabelledImage

DATA = Path(os.environ.get("SAMARA_DATA", "../shared/data"))

PARTS = (
    ("dsb2018", "train", 24),
    ("dsb2018", "val", 6),
    ("usiigaci", "train", 8),
    ("usiigaci", "val", 2),
    ("axon_sem", "train", 2),
)
"""Data set, part, and every how many of its images are looked at."""

SMALLEST = 25


def main() -> None:
    """Print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--objects", type=int, default=10, help="of each image")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    predictor = load(options.checkpoint, device="cpu")
    for dataset, part, step in PARTS:
        images = list(read_manifest(DATA, part, (dataset,)))[::step]
        rows = [gains(predictor, image, n, options.objects) for n, image in enumerate(images)]
        means = {kind: np.mean([row[kind] for row in rows if row], axis=0) for kind in rows[0]}
        line = "  ".join(f"{kind} {at:.3f} {1000 * by:+.0f}" for kind, (at, by) in means.items())
        print(f"{dataset}, {part}, {len(images)} images:  {line}", flush=True)


def gains(
    predictor: Predictor, image: LabelledImage, number: int, count: int
) -> dict[str, tuple[float, float]]:
    """IoU of masks that are cut off at 0, and the gain of those that fill their box."""
    rng = np.random.default_rng((3, number))
    objects = known_objects(image.labels, SMALLEST, rng)
    objects = [objects[at] for at in sorted(rng.permutation(len(objects))[:count])]
    if not objects:
        return {}
    embedding = predictor.embed(image.image)
    found = {}
    tight = np.array([item.box for item in objects], float)
    for kind, boxes in boxes_like(tight, image.labels.shape, number).items():
        asked = [SlicePrompt(box=tuple(box)) for box in boxes]
        at_zero = decode_prompts(predictor, embedding, asked, PredictSettings())
        filling = predictor.predict_many(embedding, boxes=boxes)
        before, after = (
            np.mean([item.iou(mask.data) for item, mask in zip(objects, masks, strict=True)])
            for masks in (at_zero, filling)
        )
        found[kind] = float(before), float(after - before)
    return found


def boxes_like(
    tight: NDArray[np.float64], shape: tuple[int, ...], seed: int
) -> dict[str, NDArray[np.float64]]:
    """Boxes (N, 4) as users may draw them, inside the image."""
    rng, side = np.random.default_rng(seed), np.tile(tight[:, 2:] - tight[:, :2], 2)
    away = {"tight": np.zeros_like(tight)}
    away |= {f"jitter {s:.0%}": rng.normal(0, s, tight.shape) for s in (0.05, 0.1)}
    away |= {f"larger {s:.0%}": np.array([-s, -s, s, s]) for s in (0.05, 0.1, 0.2)}
    most = np.tile(shape[:2], 2)
    return {kind: (tight + by * side).clip(0, most) for kind, by in away.items()}


if __name__ == "__main__":
    main()
