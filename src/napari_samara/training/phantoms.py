"""Generated images with known objects: blobs, organs in a body, and cells packed in tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import KDTree

from napari_samara.training.data import LabelledImage

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

UNSEEN = 0.04
"""Share of images in which the objects cannot be seen: where a box lies is all that is known."""

LARGEST = 1.6
"""Times its radius that an outline reaches, at most."""


def phantom(rng: np.random.Generator, side: int = 384) -> LabelledImage:
    """Draw one image of random kind and style.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything.
    side : int
        Rows and columns.

    Returns
    -------
    LabelledImage
        uint8 image with some dozens of objects, from a few pixels to half the image across; ids
        count from 1 without gaps.
    """
    kind = rng.random()
    if kind < 0.3:
        image, labels = _blobs(rng, side)
    elif kind < 0.8:
        image, labels = _organs(rng, side)
    else:
        image, labels = _tissue(rng, side)
    if rng.random() < UNSEEN:
        slope = rng.normal(size=2) * rng.choice((0.0, 1.0))
        image = np.tensordot(slope, np.mgrid[:side, :side] / side, 1)
    image = ndimage.gaussian_filter(image, rng.uniform(0, 1.8))
    image = image + rng.normal(0, rng.uniform(0.005, 0.12), image.shape)
    low, high = np.percentile(image, (0.5, 99.5))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255
    return LabelledImage("phantom", "phantom", scaled.astype(np.uint8), labels)


def _blobs(rng: np.random.Generator, side: int) -> tuple[Floats, Ids]:
    """Draw scattered shapes, alike or not, under textures of two sizes."""
    labels = _shapes(rng, side)
    count = int(labels.max())
    levels = rng.uniform(0, 1, count + 1)
    if rng.random() < 0.5:  # objects alike and apart from the background, as in most microscopy
        levels[1:] = levels[0] + rng.choice((-1, 1)) * rng.uniform(0.15, 0.6)
        levels[1:] += rng.normal(0, 0.06, count)
    image = levels[labels]
    texture_side = rng.uniform(0.6, 6.0)
    for strength, smooth in ((rng.uniform(0, 0.25), texture_side), (rng.uniform(0, 0.3), side / 6)):
        image = image + strength * _noise(rng, side, smooth)
    if rng.random() < 0.4:
        image = image + rng.uniform(-0.8, 0.8) * _outlines(rng, labels)
    return image, labels


def _organs(rng: np.random.Generator, side: int) -> tuple[Floats, Ids]:
    """Draw a body on empty ground with smooth organs of little contrast, as CT and MR show them."""
    row, col = rng.uniform(0.4, 0.6, 2) * side
    grid = np.mgrid[:side, :side].astype(np.float64)
    body = _star(rng, grid[0] - row, grid[1] - col, rng.uniform(0.4, 0.75) * side)
    labels = np.zeros((side, side), np.int32)
    count = int(rng.integers(4, 16))
    for number in range(1, count + 1):
        radius = 0.5 * side * np.exp(rng.uniform(np.log(0.03), np.log(0.5)))
        at = rng.uniform(0.1, 0.9, 2) * side
        window = _around(at, LARGEST * radius, side)
        rows, cols = (axis[window] - centre for axis, centre in zip(grid, at, strict=True))
        labels[window][_star(rng, rows, cols, radius) & body[window]] = number
    labels = _numbered(labels)
    contrast = rng.uniform(0.05, 0.25)
    levels = 0.6 + rng.normal(0, contrast, int(labels.max()) + 1)
    hollow = rng.random(len(levels)) < 0.15  # lungs, bowel: as dark as what is around the body
    hollow[0] = False
    levels[hollow] = rng.uniform(0, 0.25, int(hollow.sum()))
    image = np.where(body, levels[labels], rng.uniform(0, 0.3))
    fat = body & ~ndimage.binary_erosion(body, iterations=int(rng.integers(1, 12)))
    image[fat & (labels == 0)] += rng.normal(0, 0.3)
    image = image + rng.uniform(0, 0.08) * _noise(rng, side, rng.uniform(0.6, 4.0))
    return image + rng.uniform(0, 0.15) * _noise(rng, side, side / 3), labels


def _tissue(rng: np.random.Generator, side: int) -> tuple[Floats, Ids]:
    """Draw cells that fill the plane, with membranes and grains, as electron microscopy shows."""
    count = int(np.clip(np.exp(rng.uniform(np.log(6), np.log(120))), 6, 120))
    rows, cols = (
        axis + rng.uniform(0, 0.04) * side * _noise(rng, side, side / rng.uniform(6, 20))
        for axis in np.mgrid[:side, :side].astype(np.float64)
    )
    seeds = rng.uniform(0, side, (count, 2))
    places = np.stack([rows.ravel(), cols.ravel()], axis=1)
    labels = KDTree(seeds).query(places)[1].reshape(side, side).astype(np.int32) + 1
    image = rng.uniform(0.5, 0.8) + rng.normal(0, rng.uniform(0, 0.12), count + 1)[labels]
    image = image - rng.uniform(0.3, 0.9) * _outlines(rng, labels)
    if rng.random() < 0.6:  # mitochondria and vesicles, which are no objects
        grains = _noise(rng, side, rng.uniform(1.5, 5.0)) > rng.uniform(1.2, 2.2)
        image = image + rng.uniform(-0.4, 0.2) * grains
    image = image + rng.uniform(0, 0.15) * _noise(rng, side, rng.uniform(0.6, 2.0))
    if rng.random() < 0.5:  # some of it is no cell
        labels[np.isin(labels, rng.permutation(count)[: count // 3] + 1)] = 0
    labels[ndimage.grey_dilation(labels, 3) != ndimage.grey_erosion(labels, 3)] = 0
    return image, _numbered(labels)


def _outlines(rng: np.random.Generator, labels: Ids) -> Floats:
    """Draw soft lines around objects, as membranes."""
    edge = ndimage.grey_dilation(labels, 3) != ndimage.grey_erosion(labels, 3)
    return np.asarray(
        ndimage.gaussian_filter(edge.astype(np.float64), rng.uniform(0.4, 1.5)), dtype=np.float64
    )


def _numbered(labels: Ids) -> Ids:
    """Return labels numbered anew, without gaps."""
    kept = np.zeros(int(labels.max()) + 1, np.int32)
    kept[labels] = 1
    kept[0] = 0
    dense: Ids = np.cumsum(kept, dtype=np.int32)[labels] * (labels > 0)
    return dense.astype(np.int32)


def _noise(rng: np.random.Generator, side: int, smooth: float) -> Floats:
    """Return smooth noise of unit standard deviation, drawn coarsely where it is smooth."""
    step = max(1, int(smooth // 2))
    coarse = rng.normal(size=(side // step + 2, side // step + 2))
    field = ndimage.gaussian_filter(coarse, smooth / step)
    field = ndimage.zoom(field, step, order=1)[:side, :side] if step > 1 else field[:side, :side]
    return np.asarray(field / max(float(field.std()), 1e-9))


def _shapes(rng: np.random.Generator, side: int) -> Ids:
    labels = np.zeros((side, side), np.int32)
    typical = np.exp(rng.uniform(np.log(8), np.log(side / 3)))
    count = int(np.clip(0.35 * (side / typical) ** 2, 3, 40))
    apart = rng.random() < 0.6
    for number in range(1, count + 1):
        size = typical * np.exp(rng.normal(0, 0.35))
        row, col = rng.uniform(0, side, 2)
        around = _around((row, col), size, side)
        grid = np.mgrid[around].astype(np.float64)
        inside = _star(rng, grid[0] - row, grid[1] - col, size / 2)
        window = labels[around]
        if apart and (window[inside] > 0).any():
            continue
        window[inside] = number
    return _numbered(labels)


def _around(
    centre: Sequence[float] | npt.NDArray[np.float64], reach: float, side: int
) -> tuple[slice, slice]:
    """Return the window that reaches so far from a place."""
    row, col = (
        slice(max(0, int(at) - int(reach) - 2), min(side, int(at) + int(reach) + 3))
        for at in centre
    )
    return row, col


def _star(
    rng: np.random.Generator, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], radius: float
) -> npt.NDArray[np.bool_]:
    """Return the inside of a star-shaped outline: an ellipse, wavy to a random degree."""
    turn, squeeze = rng.uniform(0, np.pi), rng.uniform(0.45, 1.0)
    u, v = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / squeeze
    angle = np.arctan2(v, u)
    outline = np.ones_like(angle)
    wave = rng.choice((0.0, 0.05, 0.15))
    for order in range(2, 6):
        outline += wave / order * rng.normal() * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    inside: npt.NDArray[np.bool_] = np.hypot(u, v) <= radius * np.clip(outline, 0.3, LARGEST)
    return inside
