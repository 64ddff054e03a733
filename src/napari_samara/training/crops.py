"""Random views of labelled images: scale, place, orientation, shape, intensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage

from napari_samara.model.preprocess import SMALLEST_STD

if TYPE_CHECKING:
    from napari_samara.training.data import LabelledImage

Floats = npt.NDArray[np.float32]
Pixel = TypeVar("Pixel", bound=np.generic)

STRETCH = 0.15
"""Spread of the logarithm by which half of the views are higher and less wide, or the reverse."""

WARPED, CELLS, SHIFT = 0.05, 4, 0.2
"""Share of views that are bent, by a grid of so many cells a side whose corners are off by this
part of a cell (standard deviation)."""


@dataclass(frozen=True)
class Crop:
    """A square view at the resolution of the model input.

    Attributes
    ----------
    pixels : numpy.ndarray
        (3, side, side) float32, standardised over the part that holds image; 0 elsewhere.
    labels : numpy.ndarray
        (side, side) int32; 0 outside the image.
    """

    pixels: Floats
    labels: npt.NDArray[np.int32]


def typical_diameter(image: LabelledImage) -> float:
    """Return the median diameter of disks of the objects' areas, in pixels; 16 without objects."""
    areas = np.bincount(image.labels.ravel())[1:]
    areas = areas[areas >= 9]
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if len(areas) else 16.0


def random_crop(image: LabelledImage, diameter: float, side: int, rng: np.random.Generator) -> Crop:
    """Cut a view in which the typical object is from 10 pixels to 0.45 of the view across.

    Parameters
    ----------
    image : LabelledImage
        Source.
    diameter : float
        Its `typical_diameter`.
    side : int
        Side of the view.
    rng : numpy.random.Generator
        Decides everything.

    Returns
    -------
    Crop
        Pixels and labels.
    """
    wanted = np.exp(rng.uniform(np.log(10), np.log(0.45 * side)))
    scale = float(np.clip(wanted / diameter, 0.15, 8.0))
    stretch = float(np.exp(rng.normal(0, STRETCH))) if rng.random() < 0.5 else 1.0
    rows, cols = image.labels.shape
    down, across = side / (scale * stretch), side / (scale / stretch)
    centre = _centre(image.labels, rng)
    r0, c0 = (
        float(np.clip(c - rng.uniform(0.2, 0.8) * span, min(0, n - span), max(0, n - span)))
        for c, n, span in zip(centre, (rows, cols), (down, across), strict=True)
    )
    r0, c0 = max(r0, 0.0), max(c0, 0.0)  # a small image sits at the top left, padding behind it
    r1, c1 = min(r0 + down, rows), min(c0 + across, cols)
    size = max(1, round((c1 - c0) / across * side)), max(1, round((r1 - r0) / down * side))
    size = min(size[0], side), min(size[1], side)
    box = (c0, r0, c1, r1)
    view = Image.fromarray(image.image).resize(size, Image.Resampling.BILINEAR, box=box)
    labels = Image.fromarray(image.labels).resize(size, Image.Resampling.NEAREST, box=box)
    if rng.random() < WARPED and min(size) >= CELLS**2:
        mesh = _bent(size, rng)
        view = view.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
        labels = labels.transform(size, Image.Transform.MESH, mesh, Image.Resampling.NEAREST)
    pixels = _intensity(np.asarray(view), rng)
    flip, turns = rng.random() < 0.5, int(rng.integers(4))
    pixels = _orient(pixels, flip, turns)
    ids = _orient(np.asarray(labels, dtype=np.int32), flip, turns)
    full = np.zeros((3, side, side), np.float32)
    full_ids = np.zeros((side, side), np.int32)
    height, width = ids.shape
    full[:, :height, :width] = pixels.transpose(2, 0, 1)
    full_ids[:height, :width] = ids
    return Crop(full, full_ids)


def _centre(labels: npt.NDArray[np.int32], rng: np.random.Generator) -> tuple[float, float]:
    """Return a random pixel, of an object if one of 20 draws hits one."""
    for _ in range(20):
        at = rng.integers(labels.shape[0]), rng.integers(labels.shape[1])
        if labels[at]:
            break
    return float(at[0]), float(at[1])


def _bent(
    size: tuple[int, int], rng: np.random.Generator
) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Return a mesh, as `PIL.Image.Image.transform` takes it, that bends all but the border."""
    x, y = np.meshgrid(*(np.linspace(0, n, CELLS + 1).round().astype(int) for n in size))
    away = rng.normal(0, SHIFT / CELLS, (2, CELLS + 1, CELLS + 1)).clip(-0.4 / CELLS, 0.4 / CELLS)
    away[0, :, [0, -1]] = away[1, [0, -1], :] = 0
    from_x, from_y = x + away[0] * size[0], y + away[1] * size[1]
    mesh = []
    for i in range(CELLS):
        for j in range(CELLS):
            target = int(x[i, j]), int(y[i, j]), int(x[i + 1, j + 1]), int(y[i + 1, j + 1])
            corners = (i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)
            source = tuple(float(v) for at in corners for v in (from_x[at], from_y[at]))
            mesh.append((target, source))
    return mesh


def _orient(array: npt.NDArray[Pixel], flip: bool, turns: int) -> npt.NDArray[Pixel]:
    return np.rot90(array[:, ::-1] if flip else array, turns)


def _intensity(view: npt.NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """Return (rows, cols, 3) standardised values after random changes of colour and quality."""
    x: Floats = np.asarray(view / np.float32(255), dtype=np.float32)
    if x.ndim == 2:
        x = np.repeat(x[..., None], 3, axis=2)
    elif rng.random() < 0.3:
        mix = rng.dirichlet((1, 1, 1)).astype(np.float32)
        x = np.repeat((x @ mix)[..., None], 3, axis=2)
    elif rng.random() < 0.6:
        x = x[..., rng.permutation(3)] * rng.uniform(0.7, 1.3, 3).astype(np.float32)
    if rng.random() < 0.12:
        x = 1 - x
    if rng.random() < 0.5:
        low, high = float(x.min()), float(x.max())
        unit = np.clip((x - low) / max(high - low, 1e-6), 0, 1)
        x = np.asarray(unit ** np.exp(rng.uniform(-0.6, 0.6)), dtype=np.float32)
    if rng.random() < 0.1:
        x = _toned(x, rng)
    if rng.random() < 0.03:
        x = _filtered(x, rng)
    if rng.random() < 0.12:
        x = ndimage.gaussian_filter(x, (*[rng.uniform(0.3, 1.2)] * 2, 0))
    if rng.random() < 0.15:  # uneven light
        ramp = np.linspace(0, 1, x.shape[0])[:, None] * rng.normal() + (
            np.linspace(0, 1, x.shape[1]) * rng.normal()
        )
        x = x + (0.3 * float(x.std()) * ramp[..., None]).astype(np.float32)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(0.02, 0.25) * float(x.std()), x.shape[:2])
        x = x + noise[..., None].astype(np.float32)
    return standardise(x)


def _toned(x: Floats, rng: np.random.Generator) -> Floats:
    """Return values under a rising curve of random steepness everywhere."""
    knots = np.linspace(x.min(), x.max(), 6)
    curve = np.concatenate([[0.0], rng.dirichlet([1.5] * 5).cumsum()])
    return np.asarray(np.interp(x, knots, curve), dtype=np.float32)


def _filtered(x: Floats, rng: np.random.Generator) -> Floats:
    """Return (rows, cols, 3) values mixed with what a random small network makes of them.

    The objects stay where they are and look as no microscope would show them (global intensity
    non-linear augmentation, Ouyang et al. 2022).
    """
    pixels = torch.from_numpy(x.transpose(2, 0, 1).copy())[None]
    first = torch.from_numpy(rng.normal(size=(4, 3, 3, 3)).astype(np.float32))
    second = torch.from_numpy(rng.normal(size=(3, 4, 1, 1)).astype(np.float32))
    centred = pixels - pixels.mean()
    made = F.conv2d(
        F.leaky_relu(F.conv2d(F.pad(centred, (1, 1, 1, 1), "replicate"), first)), second
    )
    made = made * (centred.std(correction=0) / made.std(correction=0).clamp(min=SMALLEST_STD))
    share = float(rng.uniform())
    mixed = share * centred + (1 - share) * (made - made.mean())
    return np.asarray(mixed[0].numpy().transpose(1, 2, 0))


def standardise(x: npt.NDArray[np.floating]) -> Floats:
    """Return values of zero mean and unit deviation, as the image processor of samara-tiny."""
    return np.asarray((x - x.mean()) / max(float(x.std()), SMALLEST_STD), dtype=np.float32)
