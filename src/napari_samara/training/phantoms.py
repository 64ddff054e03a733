"""Generated images with known objects: blobs, polygons and organs under texture, blur and noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_samara.training.data import LabelledImage


def phantom(rng: np.random.Generator, side: int = 384) -> LabelledImage:
    """Draw one image of random style.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything.
    side : int
        Rows and columns.

    Returns
    -------
    LabelledImage
        uint8 image with up to 40 objects, from a few pixels to half the image across; ids count
        from 1 without gaps.
    """
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
    if rng.random() < 0.4:  # outlines, as membranes in electron microscopy
        edge = ndimage.grey_dilation(labels, 3) != ndimage.grey_erosion(labels, 3)
        edge_map = ndimage.gaussian_filter(edge.astype(np.float64), rng.uniform(0.4, 1.5))
        image = image + rng.uniform(-0.8, 0.8) * edge_map
    image = ndimage.gaussian_filter(image, rng.uniform(0, 1.8))
    image = image + rng.normal(0, rng.uniform(0.005, 0.12), image.shape)
    low, high = np.percentile(image, (0.5, 99.5))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255
    return LabelledImage("phantom", "phantom", scaled.astype(np.uint8), labels)


def _noise(rng: np.random.Generator, side: int, smooth: float) -> npt.NDArray[np.float64]:
    """Return smooth noise of unit standard deviation, drawn coarsely where it is smooth."""
    step = max(1, int(smooth // 2))
    coarse = rng.normal(size=(side // step + 2, side // step + 2))
    field = ndimage.gaussian_filter(coarse, smooth / step)
    field = ndimage.zoom(field, step, order=1)[:side, :side] if step > 1 else field[:side, :side]
    return np.asarray(field / max(float(field.std()), 1e-9))


def _shapes(rng: np.random.Generator, side: int) -> npt.NDArray[np.int32]:
    labels = np.zeros((side, side), np.int32)
    typical = np.exp(rng.uniform(np.log(8), np.log(side / 3)))
    count = int(np.clip(0.35 * (side / typical) ** 2, 3, 40))
    apart = rng.random() < 0.6
    for number in range(1, count + 1):
        size = typical * np.exp(rng.normal(0, 0.35))
        row, col = rng.uniform(0, side, 2)
        half = int(size) + 2
        r0, c0 = max(0, int(row) - half), max(0, int(col) - half)
        r1, c1 = min(side, int(row) + half + 1), min(side, int(col) + half + 1)
        grid = np.mgrid[r0:r1, c0:c1].astype(np.float64)
        inside = _star(rng, grid[0] - row, grid[1] - col, size / 2)
        window = labels[r0:r1, c0:c1]
        if apart and (window[inside] > 0).any():
            continue
        window[inside] = number
    kept = np.zeros(count + 1, np.int32)
    kept[labels] = 1
    kept[0] = 0
    dense: npt.NDArray[np.int32] = np.cumsum(kept, dtype=np.int32)[labels]
    return dense


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
    inside: npt.NDArray[np.bool_] = np.hypot(u, v) <= radius * np.clip(outline, 0.3, 1.6)
    return inside
