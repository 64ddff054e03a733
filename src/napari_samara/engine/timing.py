"""How long encoding and decoding take on this machine, and how much memory."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_samara.engine.device import PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor

BATCH = 32
"""Boxes that are decoded together in one of the measurements."""

# Matrix product of the size of a layer, and seconds that repeating it may take altogether.
_ROWS, _WIDTH, _CALIBRATION_S = 512, 768, 0.15


@dataclass(frozen=True)
class Timing:
    """Medians over several runs, after one that does not count.

    Attributes
    ----------
    input_size : int
        Side of the image that was encoded, which is that of the model input.
    runs : int
        How many of each kind.
    embed_ms : float
        Image to embedding.
    point_ms, box_ms : float
        One prompt to masks at the resolution of the image.
    batch_ms : float
        `BATCH` boxes to as many masks.
    memory_mb : float or None
        Most memory of the device since the start, for the CPU that of the whole process;
        None where the system does not tell.
    """

    input_size: int
    runs: int
    embed_ms: float
    point_ms: float
    box_ms: float
    batch_ms: float
    memory_mb: float | None


def time_predictor(
    predictor: Predictor, runs: int = 5, progress: Callable[[int, int], None] | None = None
) -> Timing:
    """Encode and decode an image of random disks.

    Parameters
    ----------
    predictor : Predictor
        What to measure.
    runs : int
        Of each measurement, 1 or more.
    progress : callable, optional
        Called as ``progress(done, total)`` after each measurement.

    Returns
    -------
    Timing
        In milliseconds.
    """
    size = predictor.input_size
    image = _picture(size)
    embedding: Embedding = predictor.embed(image)  # the result, and the run that does not count
    corners = np.random.default_rng(1).uniform(0, 0.8 * size, (BATCH, 2))
    boxes = np.concatenate([corners, corners + size / 8], axis=1)
    jobs: tuple[Callable[[], object], ...] = (
        lambda: predictor.embed(image),
        lambda: predictor.predict(embedding, points=[(size / 2, size / 2)]),
        lambda: predictor.predict(embedding, box=boxes[0]),
        lambda: predictor.predict_many(embedding, boxes=boxes),
    )
    found: list[float] = []
    for done, job in enumerate(jobs, start=1):
        found.append(_median_ms(job, runs))
        if progress is not None:
            progress(done, len(jobs))
    embed, point, box, batch = found
    memory = _peak_memory_mb(predictor.device.kind)
    return Timing(size, runs, embed, point, box, batch, memory)


def calibrate(device: str, precision: str = "float32") -> float:
    """Measure how fast a device multiplies matrices; takes less than 0.3 s.

    Parameters
    ----------
    device : str
        As torch names it.
    precision : str
        Number format, one of `device.PRECISIONS`.

    Returns
    -------
    float
        Multiply-adds in a second.
    """
    left = torch.ones(_ROWS, _WIDTH, device=device, dtype=PRECISIONS[precision])
    right = torch.ones(_WIDTH, _WIDTH, device=device, dtype=PRECISIONS[precision])

    def once() -> float:
        start = time.perf_counter()
        (left @ right)[0, 0].item()  # waits until it is there
        return time.perf_counter() - start

    with torch.inference_mode():
        once()
        end, seconds = time.perf_counter() + _CALIBRATION_S, [once()]
        while time.perf_counter() < end:
            seconds.append(once())
    return _ROWS * _WIDTH * _WIDTH / statistics.median(seconds)


def _picture(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    rng = np.random.default_rng(0)
    rows, cols = np.indices((size, size))
    image = rng.normal(40, 5, (size, size))
    for row, col in rng.uniform(0, size, (20, 2)):
        image[np.hypot(rows - row, cols - col) < size / 20] += 120
    return np.asarray(np.clip(image, 0, 255), dtype=np.uint8)


def _median_ms(job: Callable[[], object], runs: int) -> float:
    """Median time of a job whose results are on the host when it returns."""
    job()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def _peak_memory_mb(kind: str) -> float | None:
    if kind == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    if kind == "mps" or sys.platform == "win32":
        return None
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
