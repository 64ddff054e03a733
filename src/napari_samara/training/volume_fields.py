"""Smooth noise over generated volumes, and what a microscope or scanner records of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]
Random = np.random.Generator

SHAPE = (36, 128, 128)
"""Slices, rows and columns."""


def smooth_noise(rng: Random, smooth: tuple[float, float, float]) -> Floats:
    """Return noise of about unit deviation over a volume, drawn coarsely where it is smooth.

    Parameters
    ----------
    rng : Generator
        Decides it.
    smooth : tuple of float
        Voxels along each axis that are alike.
    """
    steps = np.maximum(1, np.array(smooth) / 2)
    coarse = rng.normal(size=tuple((np.array(SHAPE) / steps).astype(int) + 3))
    field = ndimage.gaussian_filter(coarse, np.array(smooth) / steps * 0.7)
    field /= max(float(field.std()), 1e-9)
    for axis, (size, step) in enumerate(zip(SHAPE, steps, strict=True)):
        places = np.linspace(0, (size - 1) / step, size) + rng.uniform(0, 1)
        low = np.minimum(places.astype(int), field.shape[axis] - 2)
        share = np.expand_dims(places - low, tuple(a for a in range(3) if a != axis))
        field = field.take(low, axis) * (1 - share) + field.take(low + 1, axis) * share
    return np.asarray(field, np.float32)


def recorded(
    rng: Random, signal: npt.NDArray[np.floating], step: float, deep: float
) -> npt.NDArray[np.uint8]:
    """Blur, shade and record a volume with noise, in 8 bits.

    Parameters
    ----------
    rng : Generator
        Decides how.
    signal : ndarray of float, shape `SHAPE`
        Light of each voxel.
    step : float
        Distance between slices in pixels.
    deep : float
        Blur across slices, as the deviation of a normal distribution in slices.
    """
    soft = rng.random() < 0.2  # as what was enlarged, or smoothed after it was recorded
    wide = rng.uniform(1.2, 3.0) if soft else rng.uniform(0.3, 1.6)
    seen = ndimage.gaussian_filter(signal, (deep, wide, wide))
    if rng.random() < 0.5:
        seen = (
            seen
            * np.linspace(1, rng.uniform(0.5, 1), len(seen))[:: rng.choice([-1, 1]), None, None]
        )
    if rng.random() < 0.3:
        seen = seen * np.exp(0.25 * smooth_noise(rng, (20 / step + 1, 40, 40)))
    seen = seen - seen.min()
    seen = seen / max(np.percentile(seen, 99.5), 1e-6)
    photons = np.exp(rng.uniform(np.log(8), np.log(400)))
    if rng.random() < 0.7 and not soft:
        seen = rng.poisson(seen.clip(0) * photons) / photons
    noise = rng.uniform(0, 0.02 if soft else 0.08) * rng.normal(size=seen.shape)
    if rng.random() < 0.5:  # of neighbours that are not independent
        noise = 1.5 * ndimage.gaussian_filter(noise, (0, *rng.uniform(0.3, 0.9, 2)))
    seen = seen + noise
    low, high = np.percentile(seen, (rng.uniform(0, 2), rng.uniform(98.5, 100)))
    shown = ((seen - low) / (high - low + 1e-6)).clip(0, 1)
    if rng.random() < 0.3:
        shown = shown ** rng.uniform(0.6, 1.6)
    return np.asarray(255 * shown, dtype=np.uint8)
