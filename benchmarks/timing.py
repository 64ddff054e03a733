"""Fair comparison of two functions: alternating runs, ratios pair by pair."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def seconds(job: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def compare(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the times of every job, which take turns; one unmeasured turn comes first."""
    for job in jobs.values():
        job()
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            times[name].append(seconds(job))
    return times


def report(title: str, times: Mapping[str, list[float]], ours: str = "ours") -> None:
    """Print medians and, for each reference, how many times faster we are."""
    print(f"{title}   [load {os.getloadavg()[0]:.1f}]")
    mine = times[ours]
    for name, values in times.items():
        line = f"  {name:18s} median {statistics.median(values) * 1e3:9.1f} ms"
        if name != ours:
            ratios = [b / a for a, b in zip(mine, values, strict=True)]
            low, high = min(ratios), max(ratios)
            line += f"   ours is {statistics.median(ratios):5.2f} x faster ({low:.2f}-{high:.2f})"
        print(line, flush=True)
