"""Kill a process with SIGKILL while it accepts objects, and count what is there afterwards.

``python benchmarks/kill_accept.py --kills 20``: each round resumes the annotation of the round
before, accepts as fast as it can, and is killed at a random moment.  Every object whose accept
had returned must be there with its pixels.  Exit status 1 if one is not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_samara.embedding import Embedding, EmbeddingKey, pixels_digest
from napari_samara.geometry import Frame
from napari_samara.masks import Mask
from napari_samara.prompts import box
from napari_samara.session import Session, ThreadRunner, recover
from napari_samara.session import journal as journal_module

SIDE, CELL = 1024, 4
"""Of the image, and of the square that each object fills."""


class Boxes:
    """A stand-in for a model that answers at once: each box is its own mask."""

    def __init__(self) -> None:
        self.checkpoint: Any = None
        self.device = SimpleNamespace(device="cpu", precision="float32")

    def key(self, rgb: Any, contrast: Any, plane: Any = "") -> EmbeddingKey:
        """Key of a plane."""
        return EmbeddingKey(pixels_digest(rgb), plane, intensity=contrast.to_dict())

    def embed_rgb(self, rgb: Any, contrast: Any, plane: Any = "") -> Embedding:
        """Features that say nothing."""
        features = {"image_embeddings": np.zeros((1, 1, 1), np.float32)}
        return Embedding(features, Frame(*rgb.shape[:2], 64), self.key(rgb, contrast, plane))

    def predict(self, embedding: Embedding, *_: Any, **given: Any) -> list[Mask]:
        """Return the inside of the box."""
        row0, col0, row1, col1 = (int(number) for number in given["box"])
        data = np.zeros((embedding.frame.rows, embedding.frame.cols), np.bool_)
        data[row0:row1, col0:col1] = True
        return [Mask(data, 1.0)]

    def iterate_many(self, *_: Any, **__: Any) -> Any:
        """Not asked for."""
        raise NotImplementedError


def cell(label: int) -> tuple[int, int, int, int]:
    """Half-open box of an object; no two share a pixel."""
    row, col = divmod(label, SIDE // CELL)
    return row * CELL, col * CELL, row * CELL + CELL, col * CELL + 1 + label % CELL


def accept_for_ever(folder: Path, threaded: bool) -> None:
    """Resume what is in the folder and accept object after object, telling each."""
    journal_module._COMPACT_AFTER = 25  # noqa: SLF001 - so that some kills meet a compaction
    image = np.zeros((SIDE, SIDE), np.uint8)
    runner = ThreadRunner() if threaded else None
    session = Session(image, Boxes(), runner=runner, journal=folder, saved=recover(folder))
    while True:
        session.add(box(*cell(max(session.objects, default=0) + 1)))
        session.wait()
        label = session.accept().label
        session.wait()
        assert label in session.objects
        print(label, flush=True)


def kill_once(folder: Path, threaded: bool, rng: random.Random) -> list[int]:
    """Labels that a process told before it was killed."""
    command = [sys.executable, __file__, "--child", str(folder), *["--threads"] * threaded]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline()]
        time.sleep(rng.uniform(0, 0.7))
        child.kill()
        told += child.stdout.readlines()
    return [int(line) for line in told if line.endswith("\n")]


def lost(folder: Path, told: set[int]) -> list[str]:
    """Say what is wrong with the folder."""
    saved = recover(folder)
    if saved is None:
        return ["nothing to resume"]
    labels = saved.labels_before()
    saved.replayed(labels)
    objects = saved.objects()
    wrong = [f"object {label} is lost" for label in sorted(told - set(objects))]
    for label, record in objects.items():
        row0, col0, row1, col1 = cell(label)
        inside = int(np.count_nonzero(labels[row0:row1, col0:col1] == label))
        if not inside == record["area"] == (row1 - row0) * (col1 - col0):
            wrong.append(f"object {label} has {inside} pixels, its record {record['area']}")
    if np.count_nonzero(labels) != sum(record["area"] for record in objects.values()):
        wrong.append("there are pixels of no object")
    return wrong


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        accept_for_ever(args.child, args.threads)
    rng, told, wrong, extra = random.Random(args.seed), set(), [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "annotation"
        for number in range(args.kills):
            told |= set(kill_once(folder, number % 2 == 1, rng))
            wrong += lost(folder, told)
            saved = recover(folder)
            extra = len(set(saved.objects()) - told) if saved else 0
    report = {"kills": args.kills, "accepted": len(told), "untold": extra, "wrong": wrong}
    if args.json:
        print(json.dumps(report))
    else:
        print(f"{args.kills} kills, {len(told)} objects told as accepted, {len(wrong)} wrong")
        print(f"{extra} were on the disk before they could be told")
        print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
