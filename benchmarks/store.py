"""The store of embeddings: times, size, what half precision does to masks, and a job's throughput.

python benchmarks/store.py --threads 1 --images 8 --slices 24
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import skimage.data
import torch

from napari_samara.api import load
from napari_samara.engine.encoding import prepare
from napari_samara.engine.model_calls import encode
from napari_samara.engine.plane_order import planes_of
from napari_samara.images import read_image
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.session.embed_settings import EmbedSettings
from napari_samara.session.volume_job import volume_job
from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor

MOST_OBJECTS = 20


class Case(NamedTuple):
    """An image and boxes of objects in it."""

    name: str
    image: np.ndarray
    boxes: np.ndarray


def cases(count: int) -> Iterator[Case]:
    """Yield images with boxes: labelled ones where they are, else photographs with a grid."""
    root = Path(os.environ.get("SAMARA_DATA") or "../shared/data")
    if not (root / "MANIFEST.tsv").is_file():
        for name in ("coins", "camera", "page", "brick")[:count]:
            image = getattr(skimage.data, name)()
            corners = np.indices((4, 4)).reshape(2, -1).T * np.array(image.shape[:2]) / 4
            boxes = np.hstack([corners, corners + np.array(image.shape[:2]) / 4])
            yield Case(name, image, boxes)
        return
    with (root / "MANIFEST.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["part"] == "val"]
    flat = [row for row in rows if row["image"].endswith(".png")]
    for row in flat[:: max(1, len(flat) // count)][:count]:
        labels = read_image(root / row["labels"])
        yield Case(row["image"], read_image(root / row["image"]), _boxes(labels))


def _boxes(labels: np.ndarray) -> np.ndarray:
    found = []
    for label in np.unique(labels[labels > 0])[:MOST_OBJECTS]:
        rows, cols = np.nonzero(labels == label)
        found.append((rows.min(), cols.min(), rows.max() + 1, cols.max() + 1))
    return np.array(found, dtype=float)


def masks(predictor: Predictor, embedding: Embedding, boxes: np.ndarray) -> list[np.ndarray]:
    """Return the masks of boxes, and of the points in their middles."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    found = predictor.predict_many(embedding, boxes=boxes)
    found += predictor.predict_many(embedding, points=middles)
    return [mask.data for mask in found]


def precision(predictor: Predictor, count: int) -> None:
    """Print how masks change when the embedding was kept in 16 bits, and what the store takes."""
    ious, pixels, total = [], 0, 0
    times: dict[str, list[float]] = {"put": [], "get": []}
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        stores = {kind: ZarrStore(Path(folder) / kind, kind) for kind in ("float16", "float32")}
        for case in cases(count):
            embedding = predictor.embed(case.image)
            assert embedding.key is not None
            kept = {}
            for kind, store in stores.items():
                start = time.perf_counter()
                store.put(embedding)
                middle = time.perf_counter()
                kept[kind] = store.get(embedding.key)
                times.setdefault(f"{kind} put", []).append(middle - start)
                times.setdefault(f"{kind} get", []).append(time.perf_counter() - middle)
            pairs = [masks(predictor, kept[kind], case.boxes) for kind in stores]
            for half, single in zip(*pairs, strict=True):
                union = np.count_nonzero(half | single)
                ious.append(np.count_nonzero(half & single) / union if union else 1.0)
                pixels += np.count_nonzero(half ^ single)
                total += union
        sizes = {kind: store.nbytes / count / 1e6 for kind, store in stores.items()}
    print(
        f"{predictor.checkpoint.name}: {len(ious)} masks in {count} images, float16 against float32"
    )
    print(
        f"  IoU mean {np.mean(ious):.5f}, worst {min(ious):.4f}, identical "
        f"{np.mean(np.array(ious) == 1):.0%}, pixels that differ {pixels / total:.5%}"
    )
    for kind in ("float16", "float32"):
        put, get = (statistics.median(times[f"{kind} {verb}"]) * 1e3 for verb in ("put", "get"))
        print(f"  {kind}: put {put:.1f} ms, get {get:.1f} ms, {sizes[kind]:.2f} MB an image")


def throughput(predictor: Predictor, slices: int, rounds: int, batch: int) -> None:
    """Print the rate of an embedding job against that of bare forward passes on the same slices."""
    size = predictor.input_size
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 4000, (slices, size, size)).astype(np.uint16)
    contrast = Contrast("limits", limits=(0, 4000))
    inputs = []
    for plane in planes_of(volume.shape):
        rgb = to_rgb(plane.extract(volume), contrast)
        inputs.append(prepare(predictor, rgb, predictor.key(rgb, contrast)).pixels)
    ratios, job_s, bare_s = [], [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for pixels in inputs:
            encode(predictor.model, pixels, predictor.device.dtype)
        bare = time.perf_counter() - start
        with tempfile.TemporaryDirectory() as folder:
            settings = EmbedSettings(batch=batch)
            job = volume_job(
                volume, predictor, Path(folder) / "v.zarr", settings=settings, contrast=contrast
            )
            start = time.perf_counter()
            job.run()
            took = time.perf_counter() - start
        ratios.append(bare / took)
        bare_s.append(bare / slices)
        job_s.append(took / slices)
    print(
        f"job of {slices} slices of {size} x {size}, {predictor.device.device}, batch "
        f"{batch or 'auto'}   [load {os.getloadavg()[0]:.1f}]\n"
        f"  bare forward {statistics.median(bare_s) * 1e3:.1f} ms, job with store "
        f"{statistics.median(job_s) * 1e3:.1f} ms a slice: {statistics.median(ratios):.2f} of the "
        f"rate ({min(ratios):.2f}-{max(ratios):.2f})"
    )


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--slices", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="*", default=[0])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    predictor = load(options.checkpoint, options.device)
    precision(predictor, options.images)
    for batch in options.batch:
        throughput(predictor, options.slices, options.rounds, batch)


if __name__ == "__main__":
    main()
