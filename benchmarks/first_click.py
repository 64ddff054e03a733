"""The first click in a volume of 512 slices against one slice encoded and decoded by itself.

``python benchmarks/first_click.py``: a zarr volume of generated nuclei on disk, opened anew for
each click, with a store.  Only the slice that is clicked in may be encoded for the first mask; a
small object is looked at closer after that.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import zarr
from timing import compare, report

from napari_samara import load, open_session
from napari_samara.planes import Plane
from napari_samara.prompts import point
from napari_samara.training.volume_phantoms import nuclei_phantom

SIDE, CHUNK = 512, 64


def write_volume(path: Path, slices: int) -> np.ndarray:
    """Write generated nuclei again and again, as high as it is asked for; return one slice."""
    made = nuclei_phantom().image
    reps = -(-SIDE // made.shape[1]), -(-SIDE // made.shape[2])
    chunks = (1, SIDE, SIDE)
    volume = zarr.create_array(path, shape=(slices, SIDE, SIDE), chunks=chunks, dtype=made.dtype)
    for at in range(0, slices, CHUNK):
        part = [np.tile(made[z % len(made)], reps)[:SIDE, :SIDE] for z in range(at, at + CHUNK)]
        volume[at : at + CHUNK] = np.stack(part)[: slices - at]
    return np.asarray(volume[slices // 2])


def main() -> None:
    """Print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    predictor = load("samara-tiny", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        plane = write_volume(path / "v.zarr", args.slices)
        volume = zarr.open_array(path / "v.zarr", mode="r")
        number, firsts = [0], list[float]()

        def click() -> None:
            number[0] += 1
            index = args.slices // 2
            store = path / f"store{number[0]}.zarr"
            with contextlib.closing(open_session(volume, predictor, store)) as session:
                session.set_plane(Plane.of(3, fixed={0: index}))
                start, shown = time.perf_counter(), list[float]()
                session.events.candidates.connect(
                    lambda masks, _: shown.append(time.perf_counter() - start) if masks else None
                )
                session.add(point(index, 200, 200))
                firsts.append(shown[0])

        def alone() -> None:
            embedding = predictor.embed(plane)
            predictor.predict(embedding, points=[(200, 200)])

        times = compare({"one slice alone": alone, "open and click": click}, args.rounds)
        times["first mask"] = firsts[-args.rounds :]
        report(f"{args.slices} slices of {SIDE} x {SIDE}", times, ours="one slice alone")


if __name__ == "__main__":
    main()
