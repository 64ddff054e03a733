"""A generated volume with known objects: nuclei as a confocal microscope would show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float64]

SHAPE = (40, 192, 192)
"""Slices, rows and columns."""

SPACING = (0.5, 0.2, 0.2)
"""Micrometres from one slice, row and column to the next."""

_COUNT, _RADII = 40, (2.8, 4.2)  # nuclei, and how large they are, in micrometres
_APART = 0.8  # nuclei may come as near as this share of their radii together


@dataclass(frozen=True, eq=False)
class VolumePhantom:
    """A volume and what is in it.

    Attributes
    ----------
    image : ndarray of uint16, shape (slices, rows, cols)
        As a microscope would show it.
    labels : ndarray of int32, shape (slices, rows, cols)
        Ids of the nuclei from 1 without gaps; 0 outside.
    spacing : tuple of float
        Micrometres along each axis.
    """

    image: npt.NDArray[np.uint16]
    labels: npt.NDArray[np.int32]
    spacing: tuple[float, float, float] = SPACING


def nuclei_phantom(seed: int = 0) -> VolumePhantom:
    """Generate nuclei: blurred, grainy, dimmer in the depth, some of them touching.

    Parameters
    ----------
    seed : int
        Decides everything.

    Returns
    -------
    VolumePhantom
        The same for the same seed.
    """
    rng = np.random.default_rng(seed)
    labels = _nuclei(rng)
    levels = np.concatenate([[0.0], rng.uniform(0.45, 1.0, int(labels.max()))])
    grain = 1 + 0.22 * _noise(rng, (2, 5, 5)) + 0.10 * _noise(rng, (1, 2, 2))
    signal = levels[labels] * np.clip(grain, 0.3, None)
    haze = 0.10 + 0.035 * _noise(rng, (6, 20, 20))
    blurred = ndimage.gaussian_filter(signal + np.clip(haze, 0.02, None), (0.9, 1.1, 1.1))
    depth = np.linspace(1.0, 0.65, SHAPE[0])[:, np.newaxis, np.newaxis]
    photons = rng.poisson(np.clip(blurred * depth, 0, None) * 90)
    image = 110 + 28 * photons + rng.normal(0, 12, SHAPE)
    return VolumePhantom(np.clip(image, 0, 65535).astype(np.uint16), labels)


def _nuclei(rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Place wavy ellipsoids at some distance from each other; where two meet, the nearer has it."""
    extent = np.array(SHAPE) * SPACING
    middles: list[Floats] = []
    sizes: list[float] = []
    for _ in range(40 * _COUNT):
        middle, size = rng.uniform(0, extent), rng.uniform(*_RADII)
        gaps = [
            np.linalg.norm(middle - other) / (size + others)
            for other, others in zip(middles, sizes, strict=True)
        ]
        if min(gaps, default=np.inf) > _APART:
            middles.append(middle)
            sizes.append(size)
        if len(middles) == _COUNT:
            break
    warp = [0.5 * _noise(rng, (4, 11, 11)) for _ in SPACING]  # micrometres
    nearest = np.ones(SHAPE)
    labels = np.zeros(SHAPE, np.int32)
    for number, (middle, size) in enumerate(zip(middles, sizes, strict=True), start=1):
        window, away = _ellipsoid(rng, middle, size, warp)
        closer = away < nearest[window]
        nearest[window][closer] = away[closer]
        labels[window][closer] = number
    return _whole(labels)


def _ellipsoid(
    rng: np.random.Generator, middle: Floats, size: float, warp: list[Floats]
) -> tuple[tuple[slice, ...], Floats]:
    """Distance from the middle as a share of the way to the surface, in a window around it."""
    reach = 1.6 * size
    low = np.maximum(0, ((middle - reach) / SPACING).astype(int))
    high = np.minimum(SHAPE, ((middle + reach) / SPACING).astype(int) + 1)
    window = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    grid = np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij")
    offsets = np.stack(
        [
            axis * step + field[window] - centre
            for axis, step, field, centre in zip(grid, SPACING, warp, middle, strict=True)
        ]
    )
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    stretch = size * np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.65, 0.9)])
    turned = np.tensordot(turn, offsets, axes=1) / stretch[:, np.newaxis, np.newaxis, np.newaxis]
    return window, np.asarray(np.sqrt((turned**2).sum(axis=0)))


def _whole(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Keep the largest piece of each object, leave out what is tiny, and number without gaps."""
    kept = np.zeros_like(labels)
    number = 0
    for label, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is None:
            continue
        pieces, count = ndimage.label(labels[window] == label)
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
        if sizes.max(initial=0) > 500:
            number += 1
            kept[window][pieces == int(sizes.argmax()) + 1] = number
    return kept


def _noise(rng: np.random.Generator, smooth: tuple[int, int, int]) -> Floats:
    """Return smooth noise of about unit standard deviation, drawn coarsely where it is smooth."""
    steps = np.maximum(1, np.array(smooth) // 2)
    coarse = rng.normal(size=tuple(np.array(SHAPE) // steps + 2))
    field = ndimage.gaussian_filter(coarse, np.array(smooth) / steps)
    field /= max(float(field.std()), 1e-9)
    return np.asarray(ndimage.zoom(field, steps, order=1))[tuple(slice(0, n) for n in SHAPE)]
