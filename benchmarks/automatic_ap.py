"""AP of automatic masks on labelled images, beside the mean IoU of what was matched.

python benchmarks/automatic_ap.py --data FOLDER --part val --datasets dsb2018

A label counts as found where one object overlaps it with an IoU of the limit or more, one to one;
AP is TP / (TP + FP + FN), the mean over images. Brackets: 95 % of bootstraps over images.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

import napari_samara as samara
from napari_samara.engine.automatic_settings import PRESETS, AutomaticSettings
from napari_samara.training.manifest import read_manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMITS = (0.5, 0.75)


def overlaps(truth: NDArray[np.int32], found: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the IoU (objects, found) of every known object with every one found."""
    known, one = np.unique(truth, return_inverse=True)
    seen, other = np.unique(found, return_inverse=True)
    pairs = np.bincount(one.ravel() * len(seen) + other.ravel(), minlength=len(known) * len(seen))
    both = pairs.reshape(len(known), len(seen)).astype(np.float64)
    union = both.sum(1, keepdims=True) + both.sum(0, keepdims=True) - both
    return (both / union)[known > 0][:, seen > 0]


def average_precision(ious: NDArray[np.float64], limit: float) -> tuple[float, float]:
    """Return AP at a limit, and the mean IoU of the pairs that count."""
    wanted = (ious >= limit) + 1e-3 * ious  # as many pairs as can be, of them the best
    matched = ious[linear_sum_assignment(wanted, maximize=True)]
    matched = matched[matched >= limit]
    wrong = sum(ious.shape) - 2 * len(matched)
    total = len(matched) + wrong
    return len(matched) / total if total else 1.0, float(matched.mean()) if len(matched) else np.nan


def bracket(values: NDArray[np.float64]) -> str:
    """Return the mean with the range of 95 % of bootstraps."""
    rng = np.random.default_rng(0)
    means = np.nanmean(values[rng.integers(0, len(values), (2000, len(values)))], axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{np.nanmean(values):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Search every image and print AP, and a row for each kind of image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", default="val")
    parser.add_argument("--datasets", nargs="+", default=["dsb2018"])
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--preset", choices=list(PRESETS), default="cells")
    parser.add_argument("--images", type=int, default=10**9, help="only so many, evenly spaced")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=JSON", help="settings")
    parser.add_argument("--smallest", type=int, default=1, help="leave out labels below this area")
    options = parser.parse_args()
    changes = {name: json.loads(value) for name, value in (s.split("=", 1) for s in options.set)}
    settings = AutomaticSettings.preset(options.preset, **changes)
    images = list(read_manifest(options.data, options.part, tuple(options.datasets)))
    images = images[:: max(1, len(images) // options.images)]
    predictor = samara.load(options.checkpoint)
    rows, kinds, start = [], [], time.perf_counter()
    for item in images:
        truth = np.array(item.labels)
        areas = np.bincount(truth.ravel())
        truth[(areas < options.smallest)[truth]] = 0
        ious = overlaps(truth, samara.segment_all(item.image, predictor, settings))
        rows.append([*(average_precision(ious, limit)[0] for limit in LIMITS),
                     average_precision(ious, LIMITS[0])[1]])  # fmt: skip
        kinds.append("x".join(map(str, np.shape(item.image))))
        print(f"{item.name} {kinds[-1]} {np.round(rows[-1], 3)}", flush=True)
    values = np.array(rows)
    for kind in sorted(set(kinds)):
        own = values[np.array(kinds) == kind]
        print(f"{kind:12s} {len(own):3d} images  AP@0.5 {own[:, 0].mean():.3f}")
    print(f"all          {len(values):3d} images  {time.perf_counter() - start:.0f} s")
    for name, column in zip(("AP@0.5", "AP@0.75", "mean IoU of matched"), values.T, strict=True):
        print(f"{name:20s} {bracket(column)}")


if __name__ == "__main__":
    main()
