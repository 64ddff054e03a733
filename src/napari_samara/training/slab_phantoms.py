"""Generated slices of volumes, each with the slice beside it: objects that shrink, end and begin.

A microscope blurs along its axis too, so that an object still glows in slices behind its end; where
that end lies can only be learned from volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from napari_samara.training.data import LabelledImage
from napari_samara.training.phantoms import smooth_noise, to_grey

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ids = npt.NDArray[np.int32]

_SLICES = 7
"""Slices that are drawn: the one that is shown in the middle, and those that blur into it."""

_FARTHEST = 2
"""Slices that the other one lies away, at most."""

_COARSE = 2
"""Pixels a side that cells in tissue are drawn for at once."""


def slab_phantom(rng: np.random.Generator, side: int = 384) -> LabelledImage:
    """Draw a slice of a volume, with the labels of a slice beside it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything.
    side : int
        Rows and columns.

    Returns
    -------
    LabelledImage
        uint8 image; an object has the same id in `labels` and in `before`, and may be in one of
        them alone.
    """
    distance = _between(rng, 0.7, 6.0)  # pixels from slice to slice
    kind = rng.random()
    if kind < 0.45:
        image, labels = _nuclei(rng, side, distance)
    elif kind < 0.75:
        image, labels = _tissue(rng, side, distance)
    else:
        image, labels = _organs(rng, side, distance)
    middle = _SLICES // 2
    away = int(rng.integers(1, _FARTHEST + 1)) * (1 if rng.random() < 0.5 else -1)
    blur = rng.uniform(0, 1.6)
    grey = to_grey(rng, _seen(image, blur, rng.uniform(0.3, 3.0) * blur / distance))
    return LabelledImage("slab", "phantom", grey, labels[middle], before=labels[middle + away])


def _seen(image: Floats, blur: float, deep: float) -> Floats:
    """Blur the slice in the middle, by so many pixels, and so many slices along the axis."""
    middle = ndimage.gaussian_filter1d(image, min(deep, 2.0), axis=0)[len(image) // 2]
    return np.asarray(ndimage.gaussian_filter(middle, blur))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a size; halves are as likely as doubles."""
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))


def _nuclei(rng: np.random.Generator, side: int, distance: float) -> tuple[Floats, Ids]:
    """Bright ellipsoids on dark ground, or dark ones on bright, alike and apart from it."""
    size = _between(rng, 5, side / 9)
    labels = _ellipsoids(rng, side, distance, (size, 0.15, 0.5))
    levels = rng.normal(0, 0.08, int(labels.max()) + 1)
    levels[1:] += rng.uniform(0.2, 0.7)
    levels[0] = 0
    if rng.random() < 0.15:
        levels = -levels
    grain = 1 + rng.uniform(0, 0.35) * smooth_noise(rng, side, max(1.0, size / 4))
    return levels[labels] * grain + rng.uniform(0, 0.06) * smooth_noise(rng, side, side / 5), labels


def _organs(rng: np.random.Generator, side: int, distance: float) -> tuple[Floats, Ids]:
    """Large ellipsoids of levels of their own, of little contrast, one before the other."""
    size = _between(rng, 0.05 * side, 0.2 * side)
    labels = _ellipsoids(rng, side, distance, (size, 0.5, 0.0))
    levels = rng.normal(0, rng.uniform(0.05, 0.25), int(labels.max()) + 1)
    texture = rng.uniform(0, 0.08) * smooth_noise(rng, side, rng.uniform(0.6, 4.0))
    return levels[labels] + texture + rng.uniform(0, 0.1) * smooth_noise(
        rng, side, side / 3
    ), labels


def _ellipsoids(
    rng: np.random.Generator, side: int, distance: float, sizes: tuple[float, float, float]
) -> Ids:
    """Place ellipsoids of (radius, spread of its logarithm, part that has to lie apart)."""
    radius, spread, apart = sizes
    grid = np.mgrid[:side, :side].astype(np.float64)
    bend = 0.12 * radius * np.stack([smooth_noise(rng, side, max(radius, 2.0)) for _ in range(2)])
    grid += bend
    thickness = _SLICES * distance
    labels = np.zeros((_SLICES, side, side), np.int32)
    heights = (np.arange(_SLICES) - _SLICES // 2) * distance
    fill = rng.uniform(0.1, 0.45)
    count = int(fill * side**2 * (thickness + 2 * radius) / (4.2 * radius**3))
    number = 0
    for _ in range(int(np.clip(count, 4, 150))):
        own = radius * np.exp(rng.normal(0, spread))
        middle = rng.uniform(0, side, 2)
        height = rng.uniform(-0.5, 0.5) * (thickness + 1.6 * own)
        squeeze, turn = rng.uniform(0.55, 1.0), rng.uniform(0, np.pi)
        tall = own * rng.uniform(0.6, 1.3)
        lean = rng.normal(0, 0.4, 2)
        reach = int(1.5 * own + np.abs(lean).max() * tall) + 2
        rows, cols = (slice(max(0, int(m) - reach), int(m) + reach + 1) for m in middle)
        place = grid[:, rows, cols]
        if not place.size:
            continue
        up = ((heights - height) / tall)[:, None, None]
        y, x = (
            place[at] - middle[at] - lean[at] * (heights - height)[:, None, None] for at in (0, 1)
        )
        u = (x * np.cos(turn) + y * np.sin(turn)) / own
        v = (y * np.cos(turn) - x * np.sin(turn)) / (own * squeeze)
        inside = u**2 + v**2 + up**2 < 1
        window = labels[:, rows, cols]
        taken = np.count_nonzero(window[inside])
        if not inside.any() or taken > (1 - apart) * np.count_nonzero(inside):
            continue
        number += 1
        window[inside if not apart else inside & (window == 0)] = number
    return labels


def _tissue(rng: np.random.Generator, side: int, distance: float) -> tuple[Floats, Ids]:
    """Cells that fill the volume, with membranes between them."""
    size = _between(rng, 12, side / 5)
    thickness = _SLICES * distance
    count = int(np.clip(side**2 * (thickness + 2 * size) / size**3, 8, 900))
    seeds = rng.uniform(0, 1, (count, 3)) * (thickness + 2 * size, side, side)
    seeds[:, 0] -= size
    small = -(-side // _COARSE)
    rows, cols = (
        _COARSE * axis + 0.15 * size * smooth_noise(rng, small, max(2.0, size / (2 * _COARSE)))
        for axis in np.mgrid[:small, :small].astype(np.float64)
    )
    lean = rng.normal(0, 0.2, 2)
    heights = np.arange(_SLICES) * distance
    places = np.stack(
        [
            np.stack([np.full_like(rows, z), rows + lean[0] * z, cols + lean[1] * z], axis=-1)
            for z in heights
        ]
    )
    nearest = KDTree(seeds).query(places.reshape(-1, 3))[1].reshape(places.shape[:3])
    labels = nearest.repeat(_COARSE, 1).repeat(_COARSE, 2)[:, :side, :side].astype(np.int32) + 1
    edge = ndimage.grey_dilation(labels, (1, 3, 3)) != ndimage.grey_erosion(labels, (1, 3, 3))
    flat = ndimage.grey_dilation(labels, (3, 1, 1)) != ndimage.grey_erosion(labels, (3, 1, 1))
    line = ndimage.gaussian_filter(edge.astype(np.float64), (0, 0.7, 0.7))
    image = rng.normal(0, rng.uniform(0, 0.08), count + 1)[labels]
    image += rng.choice((-1.0, 1.0)) * rng.uniform(0.3, 0.9) * (line + 0.3 * flat)
    labels[edge & (rng.random() < 0.5)] = 0
    return image + rng.uniform(0, 0.15) * smooth_noise(rng, side, rng.uniform(0.6, 2.0)), labels
