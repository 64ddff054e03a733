"""Memory while a volume of 8 GB on disk is embedded, propagated in and annotated.

``python benchmarks/volume_memory.py``: makes a sparse zarr volume of 2,000 slices of 2,048 x
2,048 with an object in some of them, and runs each part in a process of its own: the peak of its
memory over that of the loaded model.  Only `--slices` slices are encoded, since what is read of
one slice is let go before the next but one; nothing in any part may grow with the volume.  The
exit status is 1 where a part takes more than the limit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE, CHUNK = (2000, 2048, 2048), (4, 256, 256)
CENTRE, RADII = (1000, 900, 1100), (40, 70, 90)

LIMIT = 1.5e9
"""Bytes over the model."""


def make(path: Path) -> None:
    """Write a dark volume, of which only chunks near the object lie on the disk."""
    import zarr

    group = zarr.create_group(str(path), attributes={"ome": {"version": "0.5", **_multiscales()}})
    array = group.create_array(
        "0", shape=SHAPE, chunks=CHUNK, dtype="uint8", fill_value=30, dimension_names=list("zyx")
    )
    rng = np.random.default_rng(0)
    low = [c - r - 20 for c, r in zip(CENTRE, RADII, strict=True)]
    high = [c + r + 20 for c, r in zip(CENTRE, RADII, strict=True)]
    rows, cols = np.ogrid[low[1] : high[1], low[2] : high[2]]
    for z in range(low[0], high[0]):
        away = ((z - CENTRE[0]) / RADII[0]) ** 2 + ((rows - CENTRE[1]) / RADII[1]) ** 2
        inside = away + ((cols - CENTRE[2]) / RADII[2]) ** 2 <= 1
        grey = rng.normal(30, 6, inside.shape) + 130 * inside
        array[z, low[1] : high[1], low[2] : high[2]] = grey.clip(0, 255).astype(np.uint8)


def _multiscales() -> dict[str, Any]:
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    level = {"path": "0", "coordinateTransformations": scale}
    return {"multiscales": [{"axes": axes, "datasets": [level]}]}


def prompt() -> Any:
    """Box around the object on its middle slice."""
    from napari_samara.prompts import box

    (z, r, c), (_, dr, dc) = CENTRE, RADII
    return box(r - dr, c - dc, r + dr, c + dc, index=z)


def embed(folder: Path, predictor: Any, slices: int) -> str:
    """Encode slices into a store until it is enough."""
    import napari_samara as samara
    from napari_samara.errors import CancelledError

    done = [0]

    def told(now: int, _: int) -> None:
        done[0] = now

    with contextlib.suppress(CancelledError):
        samara.embed(
            folder / "v.ome.zarr",
            folder / "store.zarr",
            predictor,
            progress=told,
            cancelled=lambda: done[0] >= slices,
        )
    return f"{done[0]} slices encoded"


def propagate(folder: Path, predictor: Any, slices: int) -> str:
    """Follow the object into an OME-Zarr folder."""
    import napari_samara as samara
    from napari_samara.prompts import PromptSet

    span = CENTRE[0] - slices // 2, CENTRE[0] + slices // 2
    out = folder / "labels.ome.zarr"
    found = samara.segment_volume(
        folder / "v.ome.zarr", PromptSet([prompt()]), predictor, z_range=span, out=out
    )
    return f"{len(found.objects[1])} slices found"


def session(folder: Path, predictor: Any, slices: int) -> str:
    """Propagate in a session with a journal, undo, redo, save, and go on."""
    import napari_samara as samara

    span = CENTRE[0] - slices // 2, CENTRE[0] + slices // 2
    image, labels = folder / "v.ome.zarr", folder / "session.ome.zarr"
    for begun in (False, True):
        one = samara.open_session(image, predictor, labels=labels, resume=folder / "journal")
        if not begun:
            one.add(prompt())
            one.propagate(z_range=span)
        one.undo()
        one.redo()
        one.save(folder / "s.samara.json")
        count = len(one.objects[1].parts)
        one.close()
    again = samara.replay(folder / "s.samara.json", out=folder / "again.ome.zarr")
    z, r, c = CENTRE
    assert again[z, r, c] == 1
    return f"{count} slices accepted, undone, saved and replayed"


PARTS: dict[str, Callable[[Path, Any, int], str]] = {
    "embed": embed,
    "propagate": propagate,
    "session": session,
}


def memory() -> tuple[float, float]:
    """Bytes of this process now, and at most so far."""
    status = Path("/proc/self/status")
    if not status.is_file():
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return 0.0, peak * (1.0 if sys.platform == "darwin" else 1024.0)
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    now, peak = (float(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def run_part(name: str, folder: Path, slices: int) -> dict[str, Any]:
    """Run one part in this process."""
    import napari_samara as samara

    predictor = samara.load(device="cpu")
    predictor.embed(np.zeros((64, 64), np.uint8))  # what PyTorch sets up once
    model = memory()[0]
    start = time.perf_counter()
    what = PARTS[name](folder, predictor, slices)
    return {
        "part": name,
        "model": model,
        "over": memory()[1] - model,
        "seconds": time.perf_counter() - start,
        "what": what,
    }


def main() -> int:
    """Make the volume, run the parts, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=30, help="slices of each part (default: 30)")
    parser.add_argument("--part", choices=PARTS, help="only this part, in this process")
    parser.add_argument("--folder", type=Path, help="with the volume; made and removed by default")
    args = parser.parse_args()
    if args.part is not None:
        print(json.dumps(run_part(args.part, args.folder, args.slices)))
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = args.folder or Path(made)
        if not (folder / "v.ome.zarr").is_dir():
            make(folder / "v.ome.zarr")
        worst = 0.0
        print(f"volume {SHAPE}, {np.prod(SHAPE, dtype=float) / 1e9:.1f} GB, lazily opened")
        for name in PARTS:
            command = [sys.executable, __file__, "--part", name, "--folder", str(folder)]
            command += ["--slices", str(args.slices)]
            ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(ran.stdout.splitlines()[-1])
            worst = max(worst, found["over"])
            print(
                f"{name:10s} {found['over'] / 1e6:6.0f} MB over the model "
                f"({found['model'] / 1e6:.0f} MB), {found['seconds']:.0f} s: {found['what']}"
            )
    print(f"limit {LIMIT / 1e6:.0f} MB: {'kept' if worst < LIMIT else 'passed'}")
    return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
