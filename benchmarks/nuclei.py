"""Mean IoU of one prompt an object on images with ground truth, beside simple baselines.

Protocol: objects of at least 25 pixels; the point is the maximum of the distance transform moved
by up to one pixel, the box is tight; the mean over the objects of an image, then over images.
Baselines: the ellipse filling the box; the component of Otsu's threshold that holds the point.

    python benchmarks/nuclei.py --data ../shared/data --dataset dsb2018
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from skimage.filters import threshold_otsu

import napari_samara as samara
from napari_samara.masks import interior_point
from napari_samara.training.data import LabelledImage, read_manifest

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor

SMALLEST = 25


def main() -> None:
    """Print one row a data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--dataset", nargs="*", default=["dsb2018"])
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--images", type=int, default=None, help="only the first so many")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    predictor = samara.load(options.checkpoint)
    for name in options.dataset:
        images = list(read_manifest(options.data, "val", (name,)))[: options.images]
        rows = [
            scores(predictor, image, np.random.default_rng(i)) for i, image in enumerate(images)
        ]
        rows = [row for row in rows if row]
        means = {k: round(statistics.mean(row[k] for row in rows), 4) for k in rows[0]}
        print(json.dumps({"dataset": name, "images": len(rows), **means}), flush=True)


def scores(
    predictor: Predictor, image: LabelledImage, rng: np.random.Generator
) -> dict[str, float]:
    """Return the mean IoU of every method over the objects of one image."""
    found = ndimage.find_objects(image.labels)
    objects = [(i + 1, s) for i, s in enumerate(found) if s is not None]
    objects = [(i, s) for i, s in objects if (image.labels[s] == i).sum() >= SMALLEST]
    if not objects:
        return {}
    truths = [image.labels == i for i, _ in objects]
    boxes = [(s[0].start, s[1].start, s[0].stop, s[1].stop) for _, s in objects]
    points = [_jittered(truth, rng) for truth in truths]
    embedding = predictor.embed(image.image)
    by_box = predictor.iterate_many(embedding, boxes=np.array(boxes))
    by_point = predictor.iterate_many(embedding, points=np.array(points))
    components, _ = ndimage.label(_foreground(image, points))
    rows: dict[str, list[float]] = {"box": [], "point": [], "ellipse": [], "otsu": []}
    for truth, box, point in zip(truths, boxes, points, strict=True):
        rows["box"].append(iou(next(by_box).data, truth))
        rows["point"].append(iou(next(by_point).data, truth))
        rows["ellipse"].append(iou(_ellipse(box, truth.shape), truth))
        label = components[point]
        rows["otsu"].append(iou(components == label, truth) if label else 0.0)
    return {name: float(np.mean(values)) for name, values in rows.items()}


def iou(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return intersection over union of two boolean arrays."""
    return float((predicted & truth).sum() / max((predicted | truth).sum(), 1))


def _jittered(truth: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    row, col = interior_point(truth)
    moved = row + int(rng.integers(-1, 2)), col + int(rng.integers(-1, 2))
    inside = all(0 <= v < n for v, n in zip(moved, truth.shape, strict=True))
    return moved if inside and truth[moved] else (row, col)


def _foreground(image: LabelledImage, points: list[tuple[int, int]]) -> np.ndarray:
    """Return Otsu's foreground, on the side of the threshold where most points lie."""
    grey = image.image.mean(2) if image.image.ndim == 3 else image.image.astype(float)
    above = grey > threshold_otsu(grey) if grey.min() < grey.max() else np.ones(grey.shape, bool)
    return above if np.mean([above[p] for p in points]) >= 0.5 else ~above


def _ellipse(box: tuple[int, int, int, int], shape: tuple[int, int]) -> np.ndarray:
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    y = (rows + 0.5 - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    x = (cols + 0.5 - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    return x**2 + y**2 <= 1


if __name__ == "__main__":
    main()
