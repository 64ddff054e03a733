"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


class Disks(NamedTuple):
    """Synthetic cells: the picture and the truth."""

    image: np.ndarray  # (rows, cols) uint8
    labels: np.ndarray  # (rows, cols) int32, 0 is background


def _place_disks(
    shape: tuple[int, int], count: int, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """(row, col, radius) of `count` disks that neither touch each other nor the border."""
    placed: list[tuple[float, float, float]] = []
    while len(placed) < count:
        radius = rng.uniform(6.0, 11.0)
        row, col = rng.uniform(radius + 2, np.subtract(shape, radius + 2))
        if all(np.hypot(row - r, col - c) > radius + other + 3 for r, c, other in placed):
            placed.append((row, col, radius))
    return placed


@pytest.fixture(scope="session")
def disks() -> Disks:
    """Twelve bright disks on a noisy background of 128 x 160 pixels; read-only arrays."""
    rng = np.random.default_rng(20)
    shape = (128, 160)
    rows, cols = np.indices(shape, dtype=float)
    labels = np.zeros(shape, np.int32)
    light = np.full(shape, 30.0)
    for label, (row, col, radius) in enumerate(_place_disks(shape, 12, rng), start=1):
        distance = np.hypot(rows - row, cols - col)
        labels[distance <= radius] = label
        # A soft edge of about two pixels, half-way up at the radius.
        light += rng.uniform(90, 170) / (1 + np.exp((distance - radius) / 0.6))
    image = np.clip(light + rng.normal(0, 4, shape), 0, 255).astype(np.uint8)
    image.flags.writeable = labels.flags.writeable = False
    return Disks(image, labels)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of evaluation images; the test is skipped where there is none."""
    root = Path(os.environ.get("SAMARA_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (root / "MANIFEST.tsv").is_file():
        pytest.skip(f"no evaluation images in {root}: set SAMARA_DATA to their folder")
    return root


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Same random numbers for every test, and one thread: sums in one order.

    Torch is left alone unless the test module has imported it, so that the tests of the
    torch-free layers stay quick.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(1)
