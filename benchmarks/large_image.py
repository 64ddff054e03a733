"""An image far larger than the model input: seams, memory, and what the first click encodes.

A mosaic of real images with known objects (validation part of dsb2018).  Border objects cross a
line on which windows of their size begin.  They are looked for once more in the same mosaic without
its first rows and columns, where the lines run elsewhere and the same objects are inner ones: what
differs is the border alone.  Joined: every object is decoded in every tile that holds its point,
the labels of the tiles are joined, and objects that a tile border cuts are compared with others.

python benchmarks/large_image.py --side 8192 --objects 150
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_samara import load, open_session
from napari_samara.engine.tile_joining import join_labels, tiles_covering
from napari_samara.engine.tiling import window_side
from napari_samara.prompts import PromptSet, box, point
from napari_samara.training.folders import read_folder
from napari_samara.training.slices import Reading

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor


def mosaic(side: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (side, side, 3) pixels and labels: whole images in rows, over and over."""
    root = Path(os.environ.get("SAMARA_DATA") or "../shared/data")
    given = list(
        read_folder(root, part="val", datasets=["dsb2018"], reading=Reading(images, 10, "auto"))
    )
    pixels = np.zeros((side, side, 3), np.uint8)
    labels = np.zeros((side, side), np.int32)
    row = height = col = number = count = 0
    while row < side:
        one = given[number % len(given)]
        number += 1
        rows, cols = one.labels.shape
        if col + cols > side:
            row, col, height = row + height, 0, 0
        high, wide = min(rows, side - row), min(cols, side - col)
        if high <= 0:
            break
        image = np.broadcast_to(one.image.reshape(rows, cols, -1)[..., :3], (rows, cols, 3))
        pixels[row : row + high, col : col + wide] = image[:high, :wide]
        part = np.where(one.labels > 0, one.labels + count, 0)
        labels[row : row + high, col : col + wide] = part[:high, :wide]
        count += int(one.labels.max())
        col, height = col + wide, max(height, rows)
        if wide < cols:
            row, col, height = row + height, 0, 0
    return pixels, labels


def objects_of(labels: np.ndarray) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Return label and box of objects of 25 pixels and more, away from the edge of the mosaic."""
    from scipy import ndimage

    areas = np.bincount(labels.ravel())
    found = []
    for label, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is None or areas[label] < 25:
            continue
        rows, cols = window
        corners = (rows.start, cols.start, rows.stop, cols.stop)
        if min(corners) > 0 and max(corners) < labels.shape[0]:
            found.append((label, corners))
    return found


def length(corners: tuple[int, int, int, int]) -> int:
    """Return the longer side."""
    return max(corners[2] - corners[0], corners[3] - corners[1])


def crosses(corners: tuple[int, int, int, int]) -> bool:
    """Whether a line on which a window for the object may begin runs through it."""
    step = window_side(length(corners)) // 2
    return any(corners[axis] // step != (corners[axis + 2] - 1) // step for axis in (0, 1))


def deepest(labels: np.ndarray, item: tuple) -> tuple[int, int]:
    """Return the pixel deepest inside an object."""
    from napari_samara.masks import interior_point

    row0, col0, row1, col1 = item[1]
    row, col = interior_point(labels[row0:row1, col0:col1] == item[0])
    return row0 + row, col0 + col


def iou(data: np.ndarray, corners: tuple, labels: np.ndarray, item: tuple) -> float:
    """Return the IoU of a mask, cut to its box, with an object."""
    label, whole = item
    row0, col0, row1, col1 = corners
    both = np.count_nonzero(data & (labels[row0:row1, col0:col1] == label))
    area = np.count_nonzero(labels[whole[0] : whole[2], whole[1] : whole[3]] == label)
    return both / max(np.count_nonzero(data) + area - both, 1)


def peak() -> float:
    """Return the largest memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def found_ious(
    predictor: Predictor, image: np.ndarray, labels: np.ndarray, items: list, name: str
) -> list[float]:
    """Return the IoU of each object, found by its box or by its deepest point."""
    session = open_session(image, predictor, rgb=True)
    prompts = {
        at: [box(*item[1]) if name == "box" else point(*deepest(labels, item))]
        for at, item in enumerate(items, start=1)
    }
    found = session.many(PromptSet.from_objects(prompts))
    session.close()
    pairs = zip(found, items, strict=True)
    return [iou(one.crop, one.box, labels, item) for one, item in pairs]


def by_prompts(predictor: Predictor, image: np.ndarray, labels: np.ndarray, count: int) -> None:
    """Print the IoU of objects on borders, and of the same ones where they are inner."""
    rng = np.random.default_rng(0)
    border = [item for item in objects_of(labels) if crosses(item[1]) and length(item[1]) < 100]
    border = [border[at] for at in rng.permutation(len(border))[:count]]
    for name in ("box", "point"):
        start = time.perf_counter()
        pairs: list[tuple[float, float]] = []
        for side in sorted({window_side(length(corners)) for _, corners in border}):
            items = [item for item in border if window_side(length(item[1])) == side]
            off = side // 4
            moved = [(label, tuple(n - off for n in corners)) for label, corners in items]
            items, moved = zip(
                *[two for two in zip(items, moved, strict=True) if min(two[1][1]) > 0], strict=True
            )
            on_border = found_ious(predictor, image, labels, list(items), name)
            inner = found_ious(predictor, image[off:, off:], labels[off:, off:], list(moved), name)
            pairs += zip(on_border, inner, strict=True)
        one, other = np.mean(pairs, axis=0)
        error = np.std(np.diff(pairs, axis=1)) / np.sqrt(len(pairs))
        print(
            f"  {name:5s}  {len(pairs)} objects on borders {one:.3f}, the same inside {other:.3f}, "
            f"difference {one - other:+.3f} (standard error {error:.3f}), "
            f"{time.perf_counter() - start:.0f} s, peak {peak():.0f} MB",
            flush=True,
        )


def first_click(predictor: Predictor, image: np.ndarray, labels: np.ndarray) -> None:
    """Print what the first click on a new image encodes."""
    item = objects_of(labels)[len(objects_of(labels)) // 2]
    session = open_session(image, predictor, rgb=True)
    encoded: list[tuple[int, ...]] = []
    embed = predictor.embed_rgb

    def counted(rgb: np.ndarray, *args: object) -> object:
        encoded.append(rgb.shape)
        return embed(rgb, *args)

    predictor.embed_rgb = counted  # type: ignore[method-assign]
    start = time.perf_counter()
    session.add(point(*deepest(labels, item)))
    seconds = time.perf_counter() - start
    predictor.embed_rgb = embed  # type: ignore[method-assign]
    print(f"first click: {len(encoded)} encoded, {encoded}, {seconds:.2f} s, peak {peak():.0f} MB")
    session.close()


def joined(predictor: Predictor, image: np.ndarray, labels: np.ndarray, side: int) -> None:
    """Print the IoU of objects cut by a tile, and of others, after the tiles are joined."""
    image, labels = image[:side, :side], labels[:side, :side]
    found = [item for item in objects_of(labels) if length(item[1]) < 128]
    boxes = tiles_covering((side, side), 512, 128)
    tiles, cut = [], set()
    for tile in boxes:
        row0, col0, row1, col1 = tile
        here = []
        for item in found:
            a, b, c, d = item[1]
            row, col = deepest(labels, item)
            if row0 <= row < row1 and col0 <= col < col1:
                clipped = max(a, row0), max(b, col0), min(c, row1), min(d, col1)
                here.append((item[0], clipped))
                if clipped != item[1]:
                    cut.add(item[0])
        part = np.zeros((row1 - row0, col1 - col0), np.int32)
        if here:
            embedding = predictor.embed(image[row0:row1, col0:col1])
            corners = np.array([corners for _, corners in here]) - [row0, col0, row0, col0]
            for (label, _), mask in zip(
                here, predictor.iterate_many(embedding, boxes=corners), strict=True
            ):
                part[mask.data & (part == 0)] = label
        tiles.append((tile, part))
    plane = join_labels(tiles, (side, side))
    scores: dict[bool, list[float]] = {True: [], False: []}
    double = 0
    for label, corners in found:
        row0, col0, row1, col1 = corners
        inside = labels[row0:row1, col0:col1] == label
        numbers, counts = np.unique(plane[row0:row1, col0:col1][inside], return_counts=True)
        double += np.count_nonzero(counts[numbers > 0] > 0.2 * inside.sum()) > 1
        best = int(numbers[counts.argmax()])
        whole = np.count_nonzero(plane == best) if best else 0
        both = int(counts.max()) if best else 0
        scores[label in cut].append(both / max(whole + inside.sum() - both, 1))
    print(
        f"joined tiles: {len(boxes)} of 512, {len(found)} objects; cut by a tile "
        f"{np.mean(scores[True]):.3f} ({len(scores[True])}), others {np.mean(scores[False]):.3f}, "
        f"in two pieces {double}",
        flush=True,
    )


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--objects", type=int, default=150)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--checkpoint", default="samara-tiny")
    parser.add_argument("--joined", type=int, default=1600, help="side of the part that is joined")
    args = parser.parse_args()
    predictor = load(args.checkpoint, device="cpu")
    predictor.embed(np.zeros((64, 64), np.uint8))
    image, labels = mosaic(args.side, args.images)
    print(f"{args.side} x {args.side}, {len(objects_of(labels))} objects; before: {peak():.0f} MB")
    first_click(predictor, image, labels)
    by_prompts(predictor, image, labels, args.objects)
    joined(predictor, image, labels, args.joined)


if __name__ == "__main__":
    main()
