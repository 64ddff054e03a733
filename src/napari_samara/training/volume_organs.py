"""Generated volumes of pieces that fill space as organs do, with tubes and bones among them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_samara.training.volume_fields import SHAPE, recorded, smooth_noise

Places = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]
Random = np.random.Generator


def organs(rng: Random) -> tuple[npt.NDArray[np.uint8], Ids, float]:
    """Generate pieces that fill space, some as bright as their neighbours, and others in them.

    Parameters
    ----------
    rng : Generator
        Decides everything.

    Returns
    -------
    image : ndarray of uint8, shape `SHAPE`
        In grey.
    labels : ndarray of int32, shape `SHAPE`
        Ids from 1 up, perhaps in several pieces each.
    step : float
        Distance between slices in pixels.
    """
    step = float(np.exp(rng.uniform(0, np.log(5))))
    labels = _pieces(rng, step)
    for _ in range(rng.integers(2, 14)):  # ellipsoids and slanted tubes
        middle = rng.uniform(0, 1, 3) * SHAPE
        radii = rng.uniform(4, 22) * np.array([rng.uniform(0.6, 5) / step, 1, rng.uniform(0.5, 1)])
        waves = 1 + 0.25 * smooth_noise(rng, (8 / step + 1, 8, 8))
        slant = rng.normal(0, 0.4, 2) * step
        labels[_distance(rng, middle, radii, slant) < waves] = labels.max() + 1
    for _ in range(rng.integers(0, 5)):  # several that are one object, as a vertebra is
        middle, size = rng.uniform(0.1, 0.9, 3) * SHAPE, rng.uniform(5, 14)
        number = labels.max() + 1
        for _ in range(rng.integers(2, 6)):
            part = middle + rng.normal(0, 0.7, 3) * np.array([size / step, size, size])
            long = np.array([rng.uniform(0.5, 2) / step, 1, 1])
            radii = np.maximum(size * rng.uniform(0.35, 1.1, 3) * long, 0.8)
            labels[_distance(rng, part, radii, np.zeros(2)) < 1] = number
    for _ in range(rng.integers(0, 4)):
        _draw_tubes(rng, labels, step)
    count = int(labels.max()) + 1
    levels = rng.uniform(0, 1, count)
    if rng.random() < 0.5:
        few = rng.uniform(0, 1, rng.integers(3, 6))
        levels = rng.choice(few, count) + rng.normal(0, 0.04, count)
    signal = levels[labels].astype(np.float32)
    signal += rng.uniform(0, 0.12) * smooth_noise(rng, (max(1.0, 5 / step), 6, 6))
    signal += rng.uniform(0, 0.08) * smooth_noise(rng, (1, 2, 2))
    if rng.random() < 0.4:  # structures inside that labels do not tell apart
        spots = smooth_noise(rng, (max(1.0, 8 / step), 8, 8)) > 1.2
        signal += rng.uniform(0.05, 0.3) * spots
    if rng.random() < 0.4:  # a shell around some, as bones and vessels have
        shell = _borders(labels, step < 2)
        if rng.random() < 0.5:
            shell = ndimage.binary_dilation(shell, np.ones((1, 3, 3)))
        signal += rng.normal(0, 0.5) * (shell & (rng.random(count) < 0.5)[labels])
    if rng.random() < 0.3:  # walls between all
        signal += rng.normal(0, 0.3) * _borders(labels, False)
    image = recorded(rng, signal, step, rng.uniform(0.1, 1.0) / step**0.5)
    return image, labels, step


def _pieces(rng: Random, step: float) -> Ids:
    """Label each voxel by the highest of several smooth fields, which leaves no room between."""
    size, long = rng.uniform(12, 34), rng.uniform(0.6, 2.2)
    highest, labels = np.full(SHAPE, -np.inf, np.float32), np.zeros(SHAPE, np.int32)
    for number in range(1, rng.integers(7, 23)):
        smooth = max(1.0, size * long / step), *(size * rng.uniform(0.6, 1.4, 2))
        field = smooth_noise(rng, smooth) + np.float32(rng.normal(0, 0.3))
        higher = field > highest
        highest[higher], labels[higher] = field[higher], number
    return labels


def _draw_tubes(rng: Random, labels: Ids, step: float) -> None:
    """Draw a bent tube, or a few side by side as ribs are, which may run within slices or across.

    Their width changes along them, and they are flat or round.
    """
    width = rng.uniform(2.5, 12)
    path = _path(rng, step, width)
    along = np.linspace(0, 1, len(path))
    widths = width * (1 + (rng.uniform(0.3, 1) - 1) * along)
    widths *= 1 + rng.uniform(0, 0.3) * np.sin(rng.uniform(2, 9) * along + rng.uniform(0, 6))
    flat, turn = rng.uniform(0.5, 1), rng.uniform(0, np.pi)
    beside = rng.normal(size=3) * rng.uniform(2.4, 4) * width
    for number in range(1 if rng.random() < 0.6 else int(rng.integers(2, 6))):
        one = labels.max() + 1
        for middle, radius in zip(path + number * beside, widths, strict=True):
            _draw_ball(labels, one, (step, 1, 1), middle, radius, (flat, turn))


def _path(rng: Random, step: float, width: float) -> Places:
    """Places (z, y, x) in pixels along a tube; it turns one way first, another way later."""
    place = rng.uniform(0, 1, 3) * SHAPE * (step, 1, 1)
    way = rng.normal(size=3)
    way[0] = np.sign(way[0]) * max(abs(way[0]), 0.35)
    length, bend = rng.uniform(4, 12) * width, rng.uniform(0, 0.12)
    pace, bends, places = 0.45 * width, rng.normal(size=(2, 3)), [place]
    for at in np.arange(0, length, pace) / length:
        way = way / np.linalg.norm(way) + bend * (bends[0] * (1 - at) + bends[1] * at)
        places.append(places[-1] + pace * way / np.linalg.norm(way))
    return np.array(places)


def _draw_ball(
    labels: Ids,
    number: int,
    spacing: tuple[float, float, float],
    middle: Places,
    radius: float,
    shape: tuple[float, float],
) -> None:
    """Draw a ball that is flat by some share, and turned, within slices."""
    flat, turn = shape
    low = np.maximum(0, np.floor((middle - radius) / spacing)).astype(int)
    high = np.minimum(SHAPE, np.ceil((middle + radius) / spacing).astype(int) + 1)
    if (low >= high).any():
        return
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    z, y, x = (g * s - m for g, s, m in zip(np.ogrid[window], spacing, middle, strict=True))
    aside = (x * np.cos(turn) + y * np.sin(turn)) / flat
    over = y * np.cos(turn) - x * np.sin(turn)
    labels[window][z**2 + aside**2 + over**2 < radius**2] = number


def _distance(rng: Random, middle: Places, radii: Places, slant: Places) -> Places:
    """Squared distance from a middle in radii, turned within slices and slanted across them."""
    z, y, x = (np.arange(n) - m for n, m in zip(SHAPE, middle, strict=True))
    z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
    y, x = y - slant[0] * z, x - slant[1] * z
    turn = rng.uniform(0, np.pi)
    along, across = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
    return np.asarray((z / radii[0]) ** 2 + (along / radii[1]) ** 2 + (across / radii[2]) ** 2)


def _borders(labels: Ids, deep: bool) -> npt.NDArray[np.bool_]:
    """Voxels beside those of another label within slices, and across them where `deep`."""
    found = np.zeros(labels.shape, np.bool_)
    for axis in (0, 1, 2) if deep else (1, 2):
        one, other = (
            tuple(part if a == axis else slice(None) for a in range(3))
            for part in (slice(1, None), slice(None, -1))
        )
        differ = labels[one] != labels[other]
        found[one] |= differ
        found[other] |= differ
    return found
