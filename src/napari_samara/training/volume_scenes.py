"""Generated volumes with known objects of many kinds, far from real ones but wider than those.

A network that is to follow whatever it is shown learns from images that vary more than any real
ones would (domain randomisation; Billot et al. 2023, SynthSeg; Dey et al. 2024, AnyStar): nuclei,
cells between membranes, and pieces that fill space as organs do, each with brightness, grain, blur
and noise drawn by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import label as connected_pieces

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]
Random = np.random.Generator

SHAPE = (36, 128, 128)
"""Slices, rows and columns."""

_KINDS = (0.54, 0.16, 0.30)  # shares of nuclei, cells and organs
_ISOTROPIC = 0.35  # share of nuclei and cells with slices as far apart as pixels
_MOST = 160  # objects of a volume


@dataclass(frozen=True, eq=False)
class Scene:
    """A volume and what is in it.

    Attributes
    ----------
    image : ndarray of uint8, shape (slices, rows, cols)
        In grey.
    labels : ndarray of int32, shape (slices, rows, cols)
        Ids of the objects, each in one piece; 0 outside.
    step : float
        Distance between slices in pixels.
    """

    image: npt.NDArray[np.uint8]
    labels: Ids
    step: float


def scene(rng: Random) -> Scene:
    """Generate a volume of a kind drawn by chance."""
    kind = rng.choice(3, p=_KINDS)
    image, labels, step = (_nuclei, _cells, _organs)[kind](rng)
    pieces = connected_pieces(labels, connectivity=1, background=0)
    return Scene(image, pieces.astype(np.int32), step)


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


def _nuclei(rng: Random) -> tuple[npt.NDArray[np.uint8], Ids, float]:
    """Blobs of their own brightness on a dim ground, sparse or crowded, blurred along z."""
    step = 1.0 if rng.random() < _ISOTROPIC else float(np.exp(rng.uniform(0, np.log(4))))
    radius, crowded = rng.uniform(5, 13), rng.random() < 0.55
    radii = radius * rng.uniform(0.6, 1), radius * 1.15
    apart = rng.uniform(0.6, 0.9) if crowded else rng.uniform(0.9, 1.5)
    room = np.prod(SHAPE) * step / (4.2 * radius**3)
    count = int(np.clip((1.1 if crowded else 0.4) * room, 6, _MOST))
    stacked = rng.random() < 0.5
    flat = rng.uniform(0.7, 1.1) if stacked else 1.0
    middles, sizes = _placed(rng, (step, radii, apart, count), flat if stacked else None)
    labels, depth = _blobs(rng, step, middles, sizes, flat)
    levels = np.exp(rng.normal(0, rng.uniform(0.05, 0.35), len(sizes) + 1))
    levels[0] = 0
    signal = levels[labels].astype(np.float32)
    coarse = max(1.0, 3 / step), rng.uniform(2, 6), rng.uniform(2, 6)
    grain = rng.uniform(0, 0.35) * smooth_noise(rng, coarse)
    grain += rng.uniform(0, 0.15) * smooth_noise(rng, (1, 2, 2))
    signal *= (1 + grain).clip(0.2)
    look = rng.random()
    if look < 0.15:  # a bright rim
        signal *= np.where(depth < 0.85, rng.uniform(0.3, 0.8), 1)
    elif look < 0.3:  # brighter in the middle
        signal *= 1.3 - 0.6 * np.minimum(depth, 1)
    haze = 1 + 0.4 * smooth_noise(rng, (6 / step + 1, 18, 18))
    signal += (rng.uniform(0.02, 0.35) * haze).clip(0)
    deep = rng.uniform(0.2, 2.6) if rng.random() < 0.6 else rng.uniform(1.4, 3.2)
    image = _recorded(rng, signal, step, deep / step)
    return 255 - image if rng.random() < 0.12 else image, labels, step


def _placed(
    rng: Random, how: tuple[float, tuple[float, float], float, int], flat: float | None
) -> tuple[Floats, Floats]:
    """Middles and radii of blobs some share of their radii apart; one above the other by `flat`."""
    step, radii, apart, count = how
    extent = np.array(SHAPE) * (step, 1, 1)
    middles, sizes = np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    for _ in range(25 * count):
        middle, size = rng.uniform(-0.03, 1.03, 3) * extent, rng.uniform(*radii)
        if flat is not None and len(sizes) and rng.random() < 0.6:  # right above or below another
            one = rng.integers(len(sizes))
            way = rng.choice([-1, 1]) * flat * rng.uniform(0.8, 1.1)
            aside = rng.normal(0, 0.35, 2) * size
            middle = middles[one] + np.array([way * (size + sizes[one]), *aside])
        gaps = np.linalg.norm(middles - middle, axis=1) / (size + sizes)
        if (gaps >= apart).all():
            middles, sizes = np.vstack([middles, middle]), np.append(sizes, size)
        if len(sizes) == count:
            break
    return middles, sizes


def _blobs(
    rng: Random, step: float, middles: Floats, sizes: Floats, flat: float
) -> tuple[Ids, Floats]:
    """Draw turned, warped ellipsoids; return labels and how far from a middle, 1 outside."""
    spacing, aspect, warp = np.array([step, 1, 1]), rng.uniform(0.55, 0.95), rng.uniform(0.3, 1.6)
    waves = max(1.0, 6 / step), 6 + rng.uniform(0, 8), 6 + rng.uniform(0, 8)
    fields = [warp * smooth_noise(rng, waves) for _ in range(3)]
    labels, nearest = np.zeros(SHAPE, np.int32), np.ones(SHAPE, np.float32)
    for number, (middle, size) in enumerate(zip(middles, sizes, strict=True), start=1):
        low = np.maximum(0, ((middle - 1.9 * size) / spacing).astype(int))
        high = np.minimum(SHAPE, ((middle + 1.9 * size) / spacing).astype(int) + 1)
        if (high <= low).any():
            continue
        window = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        axes = (np.arange(a, b) * c for a, b, c in zip(low, high, spacing, strict=True))
        grid = np.meshgrid(*axes, indexing="ij")
        away = np.stack(
            [g + f[window] * size / 8 - m for g, f, m in zip(grid, fields, middle, strict=True)]
        )
        away[0] /= flat
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        stretch = size * np.array([1, rng.uniform(aspect, 1), rng.uniform(aspect, 1)])
        turned = np.tensordot(turn, away, 1) / stretch[:, None, None, None]
        depth = np.sqrt((turned**2).sum(0)).astype(np.float32)
        closer = depth < nearest[window]
        nearest[window][closer] = depth[closer]
        labels[window][closer] = number
    return labels, nearest


def _cells(rng: Random) -> tuple[npt.NDArray[np.uint8], Ids, float]:
    """Cells that fill space, with membranes between them; outside of the tissue there are none."""
    step = 1.0 if rng.random() < _ISOTROPIC else float(np.exp(rng.uniform(0, np.log(4))))
    radius = rng.uniform(7, 16)
    count = int(np.clip(np.prod(SHAPE) * step / (4.2 * radius**3), 8, _MOST))
    places = step, (radius, radius), 0.55, count
    middles, _ = _placed(rng, places, None)
    squeeze = np.array([1, rng.uniform(0.5, 1) if rng.random() < 0.5 else 1.0, 1])
    axes = (np.arange(n) * s for n, s in zip(SHAPE, (step, 1, 1), strict=True))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    for axis in range(3):
        grid[..., axis] += rng.uniform(0.5, 2.5) * smooth_noise(rng, (max(1.0, 8 / step), 9, 9))
    away, nearest = cKDTree(middles * squeeze).query(grid * squeeze, k=2)
    labels, gap = (nearest[..., 0] + 1).astype(np.int32), away[..., 1] - away[..., 0]
    thick = np.exp(rng.uniform(np.log(0.8), np.log(4.2)))
    walls = (1 + 0.3 * smooth_noise(rng, (max(1.0, 8 / step), 10, 10))).clip(0.3)
    signal = np.exp(-((gap / thick) ** 2)) * walls
    filled = rng.uniform(0, 0.4) * np.exp(rng.normal(0, 0.4, len(middles) + 1))[labels]
    signal += filled * (1 + 0.3 * smooth_noise(rng, (max(1.0, 4 / step), 4, 4)))
    if rng.random() < 0.5:
        outside = smooth_noise(rng, (30 / step + 1, 40, 40)) > rng.uniform(0.3, 1.5)
        numbers = np.unique(labels[outside])
        gone = np.isin(labels, numbers[rng.random(len(numbers)) < 0.8])
        labels, signal = np.where(gone, 0, labels), np.where(gone, 0.15 * signal, signal)
    if rng.random() < 0.12:  # the membranes are nobody's
        labels = np.where(gap < 0.6 * thick, 0, labels)
    image = _recorded(rng, signal + 0.05, step, rng.uniform(0.2, 1.6) / step)
    return 255 - image if rng.random() < 0.25 else image, labels.astype(np.int32), step


def _organs(rng: Random) -> tuple[npt.NDArray[np.uint8], Ids, float]:
    """Pieces that fill space, some as bright as their neighbours, with others put into them."""
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
    image = _recorded(rng, signal, step, rng.uniform(0.1, 1.0) / step**0.5)
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


def _recorded(
    rng: Random, signal: npt.NDArray[np.floating], step: float, deep: float
) -> npt.NDArray[np.uint8]:
    """Blur, shade and record a volume with noise, in 8 bits; `deep` is the blur across slices."""
    wide = rng.uniform(0.3, 1.6)
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
    if rng.random() < 0.7:
        seen = rng.poisson(seen.clip(0) * photons) / photons
    noise = rng.uniform(0, 0.08) * rng.normal(size=seen.shape)
    if rng.random() < 0.5:  # of neighbours that are not independent
        noise = 1.5 * ndimage.gaussian_filter(noise, (0, *rng.uniform(0.3, 0.9, 2)))
    seen = seen + noise
    low, high = np.percentile(seen, (rng.uniform(0, 2), rng.uniform(98.5, 100)))
    shown = ((seen - low) / (high - low + 1e-6)).clip(0, 1)
    if rng.random() < 0.3:
        shown = shown ** rng.uniform(0.6, 1.6)
    return np.asarray(255 * shown, dtype=np.uint8)
