"""Find similar: from five accepted nuclei to the others of the image.

The five are drawn by chance from the known objects of each image; what is found is compared with
the others, an object counts as found where the IoU is 0.5 or more.  Mean over images.

python benchmarks/similar.py --images 50
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_samara import find_similar, load
from napari_samara.engine.similar_settings import SimilarSettings
from napari_samara.training.folders import read_folder
from napari_samara.training.slices import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCEPTED = 5
LIMITS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6)


def hits(found: Sequence, labels: np.ndarray) -> list[tuple[float, int]]:
    """Return likeness of each object found, and which label it is: 0 for none, each once."""
    areas, used, names = np.bincount(labels.ravel()), {0}, []
    for one in sorted(found, key=lambda one: -one.score):
        row0, col0, row1, col1 = one.outline.box
        counts = np.bincount(labels[row0:row1, col0:col1][one.outline.inside], minlength=2)
        counts[0] = 0
        best = int(counts.argmax())
        both = int(counts[best])
        iou = both / (np.count_nonzero(one.outline.inside) + areas[best] - both)
        name = best if iou >= 0.5 and best not in used else 0
        used.add(name)
        names.append((one.likeness, name))
    return names


def main() -> None:
    """Print recall and precision by likeness."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--part", default="val")
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--score", type=float, default=SimilarSettings().score)
    parser.add_argument("--every", type=int, default=1, help="take each n-th image only")
    args = parser.parse_args()
    predictor = load(args.checkpoint, device="cpu")
    root = Path(os.environ.get("SAMARA_DATA") or "../shared/data")
    reading = Reading(args.images, 10, "auto")
    table: dict[float, list[tuple[float, float]]] = {limit: [] for limit in LIMITS}
    start = time.perf_counter()
    given = list(read_folder(root, part=args.part, datasets=["dsb2018"], reading=reading))
    for number, one in enumerate(given[:: args.every]):
        known, labels = np.unique(one.labels, return_inverse=True)
        labels = labels.reshape(one.labels.shape)
        if len(known) - 1 < 2 * ACCEPTED:
            continue
        rng = np.random.default_rng(number)
        accepted = np.where(
            np.isin(labels, rng.permutation(len(known) - 1)[:ACCEPTED] + 1), labels, 0
        )
        found = find_similar(
            one.image,
            accepted,
            checkpoint=predictor,
            settings=SimilarSettings(at_least=0.0, score=args.score),
        ).objects
        others = np.where(accepted > 0, 0, labels)
        names = hits(found, others)
        for limit in LIMITS:
            kept = [name for likeness, name in names if likeness >= limit]
            right = sum(name > 0 for name in kept)
            table[limit].append((right / (len(known) - 1 - ACCEPTED), right / max(len(kept), 1)))
    print(f"{len(table[0.0])} images, {time.perf_counter() - start:.0f} s")
    for limit, rows in table.items():
        recall, precision = np.mean(rows, axis=0)
        print(f"  likeness >= {limit:.1f}: recall {recall:.3f}, precision {precision:.3f}")


if __name__ == "__main__":
    main()
