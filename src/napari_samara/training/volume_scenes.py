"""Generated volumes with known objects of many kinds, far from real ones but wider than those.

A network that is to follow whatever it is shown learns from images that vary more than any real
ones would (domain randomisation; Billot et al. 2023, SynthSeg; Dey et al. 2024, AnyStar): nuclei,
cells between membranes, and pieces that fill space as organs do, each with brightness, grain, blur
and noise drawn by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import label as connected_pieces

from napari_samara.training.volume_fields import SHAPE, recorded, smooth_noise
from napari_samara.training.volume_organs import organs

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]
Random = np.random.Generator

_KINDS = (0.40, 0.23, 0.37)  # shares of nuclei, cells and organs
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


class Volume(NamedTuple):
    """A real volume that scenes are cut from.

    Attributes
    ----------
    image : ndarray of uint8, shape (slices, rows, cols)
        In grey, its voxels as long as they are wide.
    labels : ndarray of int32, shape (slices, rows, cols)
        Ids of the objects; 0 outside.
    """

    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]

    def scene(self, rng: Random) -> Scene:
        """Cut out a scene, along any axis in half of all cases, and with slices left out."""
        wanted = np.minimum((SHAPE[0] + 4, SHAPE[1] + 32, SHAPE[2] + 32), self.image.shape)
        low = [
            int(rng.integers(0, n - k + 1)) for n, k in zip(self.image.shape, wanted, strict=True)
        ]
        window = tuple(slice(a, a + int(k)) for a, k in zip(low, wanted, strict=True))
        order = rng.permutation(3) if rng.random() < 0.5 else np.arange(3)
        step = int(rng.integers(2, 4)) if rng.random() < 0.5 else 1
        image = self.image[window].transpose(order)[::step].copy()
        ids = self.labels[window].transpose(order)[::step]
        pieces = connected_pieces(ids, connectivity=1, background=0)
        return Scene(image, pieces.astype(np.int32), float(step))


def scene(rng: Random) -> Scene:
    """Generate a volume of a kind drawn by chance."""
    kind = rng.choice(3, p=_KINDS)
    image, labels, step = (_nuclei, _cells, organs)[kind](rng)
    pieces = connected_pieces(labels, connectivity=1, background=0)
    return Scene(image, pieces.astype(np.int32), step)


def _nuclei(rng: Random) -> tuple[npt.NDArray[np.uint8], Ids, float]:
    """Blobs of their own brightness on a dim ground, sparse or crowded, blurred along z."""
    step = 1.0 if rng.random() < _ISOTROPIC else float(np.exp(rng.uniform(0, np.log(4))))
    radius, crowded = rng.uniform(5, 13), rng.random() < 0.7
    if crowded:  # as large as they must be for not too many to fill the volume
        filling = np.cbrt(1.3 * np.prod(SHAPE) * step / (4.2 * _MOST))
        radius = max(radius, rng.uniform(0.85, 1.1) * float(filling))
    radii = radius * rng.uniform(0.6, 1), radius * 1.15
    apart = rng.uniform(0.55, 0.9) if crowded else rng.uniform(0.9, 1.5)
    room = np.prod(SHAPE) * step / (4.2 * radius**3)
    count = int(np.clip((1.3 if crowded else 0.4) * room, 6, _MOST))
    stacked = rng.random() < 0.65
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
    if rng.random() < 0.5:  # light from nuclei above and below
        far = rng.uniform(1, 4), *rng.uniform(1, 5, 2)
        signal += rng.uniform(0.1, 0.9) * ndimage.gaussian_filter(signal, far)
    haze = 1 + 0.4 * smooth_noise(rng, (6 / step + 1, 18, 18))
    signal += (rng.uniform(0.02, 0.4) * haze).clip(0)
    image = recorded(rng, signal, step, _blur_of_slices(rng, step))
    return 255 - image if rng.random() < 0.12 else image, labels, step


def _blur_of_slices(rng: Random, step: float) -> float:
    """Blur across slices, in slices: of a microscope, or so much that objects end behind it."""
    look = rng.random()
    if look < 0.4:
        return float(rng.uniform(0.7, 2.2))
    return float(rng.uniform(0.2, 2.6) if look < 0.7 else rng.uniform(1.4, 3.4)) / step


def _placed(
    rng: Random, how: tuple[float, tuple[float, float], float, int], flat: float | None
) -> tuple[Floats, Floats]:
    """Middles and radii of blobs some share of their radii apart; one above the other by `flat`."""
    step, radii, apart, count = how
    extent = np.array(SHAPE) * (step, 1, 1)
    middles, sizes = np.zeros((0, 3), np.float32), np.zeros(0, np.float32)
    for _ in range(25 * count):
        middle, size = rng.uniform(-0.03, 1.03, 3) * extent, rng.uniform(*radii)
        if flat is not None and len(sizes) and rng.random() < 0.8:  # right above or below another
            one = rng.integers(len(sizes))
            way = rng.choice([-1, 1]) * flat * rng.uniform(0.7, 1.0)
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
    """Cells that fill space, with membranes or gaps between them; some outside of the tissue."""
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
    signal, nuclei = np.exp(-((gap / thick) ** 2)) * walls, rng.random() < 0.35
    filled = np.exp(rng.normal(0, rng.uniform(0.05, 0.4), len(middles) + 1))[labels]
    filled *= 1 + 0.3 * smooth_noise(rng, (max(1.0, 4 / step), 4, 4))
    if nuclei:  # so crowded that there is hardly anything between them
        signal = filled * (1 - rng.uniform(0.2, 0.9) * signal).clip(0)
    else:
        signal += rng.uniform(0, 0.4) * filled
    if rng.random() < 0.5:
        outside = smooth_noise(rng, (30 / step + 1, 40, 40)) > rng.uniform(0.3, 1.5)
        numbers = np.unique(labels[outside])
        gone = np.isin(labels, numbers[rng.random(len(numbers)) < 0.8])
        labels, signal = np.where(gone, 0, labels), np.where(gone, 0.15 * signal, signal)
    if rng.random() < 0.12:  # the membranes are nobody's
        labels = np.where(gap < 0.6 * thick, 0, labels)
    deep = _blur_of_slices(rng, step) if nuclei else rng.uniform(0.2, 1.6) / step
    image = recorded(rng, signal + 0.05, step, deep)
    return 255 - image if rng.random() < 0.25 else image, labels.astype(np.int32), step
