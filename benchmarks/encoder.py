"""ViT-B image encoder: seconds and peak memory against transformers and segment-anything.

python benchmarks/encoder.py --threads 1 --blocks 12 --rounds 3
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
from references import MAKERS, config, encoder_of, seeded_state
from timing import compare, report


def main() -> None:
    """Time all three, then measure each one's memory in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=12, help="of ViT-B, every third global")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(MAKERS), choices=list(MAKERS))
    parser.add_argument("--memory-of", choices=list(MAKERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = config(options.blocks, options.size)
    if options.memory_of:
        print(peak_of(options.memory_of, sizes))
        return
    pixels = torch.randn(1, 3, options.size, options.size, generator=torch.manual_seed(1))
    state = seeded_state(sizes)
    models = {name: MAKERS[name](sizes, state) for name in options.only}
    encoders = {name: encoder_of(model) for name, model in models.items()}
    with torch.inference_mode():
        outputs = {name: encode(pixels) for name, encode in encoders.items()}
        for name, output in outputs.items():
            gap = (output - outputs["ours"]).abs().max().item()
            print(f"  {name:18s} largest difference {gap:.1e} of {output.abs().max().item():.2f}")
        times = compare(
            {name: (lambda e=encode: e(pixels)) for name, encode in encoders.items()},
            options.rounds,
        )
    title = f"encoder, {options.blocks} blocks at {options.size}, {options.threads} thread(s)"
    report(title, times)
    peaks = {name: memory(name, options) for name in options.only}
    for name, peak in peaks.items():
        part = f"   {peak / peaks['ours']:.1f} x ours" if name != "ours" else ""
        print(f"  {name:18s} peak memory over the model {peak:7.0f} MiB{part}")


def memory(name: str, options: argparse.Namespace) -> float:
    """Return the peak in MiB of one encoder in a fresh process."""
    command = [sys.executable, str(Path(__file__)), "--memory-of", name]
    command += ["--blocks", str(options.blocks), "--size", str(options.size)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def peak_of(name: str, sizes: object) -> float:
    """Return by how many MiB resident memory grows over that of the loaded model."""
    model = MAKERS[name](sizes, seeded_state(sizes))
    side = sizes.image_size
    pixels = torch.randn(1, 3, side, side)
    before, peak, running = resident(), 0.0, True

    def watch() -> None:
        nonlocal peak
        while running:
            peak = max(peak, resident())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with torch.inference_mode():
        encoder_of(model)(pixels)
    running = False
    watcher.join()
    return peak - before


def resident() -> float:
    """Return resident memory in MiB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
