"""Masks that an object is known by in the first slices of a window, with the errors they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from napari_samara.model.propagation_net import BEHIND, DEPTH, SIDE

if TYPE_CHECKING:
    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]
    Random = np.random.Generator

# Pixels of the object in the known slice of a window, and those that are too few to be one.
_LEAST, _GONE = 6, 20

# Share of the masks that are too large or too small, and by how many pixels about.
_BIASED, _BIAS = 0.4, 1.0


def known(rng: Random, inside: Tensor, there: Bools, left: Bools | None) -> Tensor | None:
    """Masks of the known slice, and of those behind it at times, as a decoder makes them.

    Parameters
    ----------
    rng : Generator
        Decides them.
    inside : Tensor, shape (DEPTH, SIDE, SIDE)
        Share of each pixel that lies in the object.
    there : ndarray of bool, shape (DEPTH,)
        Whether the volume has the slice.
    left : ndarray of bool, shape (SIDE, SIDE), or None
        One of the last masks of an object that is not there any more: what is known of it is what
        is left of that, something that has been found and is no object.

    Returns
    -------
    Tensor, shape (DEPTH, SIDE, SIDE), or None
        1 inside, -1 outside, 0 where nothing is known; None where there is too little of it.
    """
    amount, first = 1.6 * rng.uniform(0, 1) ** 1.5, 0 if rng.random() < 0.4 else BEHIND
    masks = (inside[: BEHIND + 1] > 0.5).numpy()
    if left is None and masks[BEHIND].sum() < _LEAST:
        return None
    if left is not None:
        deep = ndimage.distance_transform_edt(left)
        gone = masks.sum((1, 2)) < _GONE
        rest = [deep > deep.max() * rng.uniform(0, 0.75) for _ in masks]
        masks = np.where(gone[:, None, None], np.stack(rest), masks)
    bias = rng.normal(0, _BIAS) if left is None and rng.random() < _BIASED else 0.0
    moved = _moved(rng, masks, amount, bias)
    if not moved[BEHIND].any():
        if left is not None:
            return None
        moved[BEHIND] = masks[BEHIND]
    return told(moved[first:], first) * torch.from_numpy(there)[:, None, None]


def told(masks: Bools, first: int) -> Tensor:
    """Return known masks as they are shown to the network.

    Parameters
    ----------
    masks : ndarray of bool, shape (N, SIDE, SIDE)
        The first N of them.
    first : int
        Slice of the window that they begin in.
    """
    known = torch.zeros(DEPTH, SIDE, SIDE)
    known[first : first + len(masks)] = 2.0 * torch.from_numpy(masks) - 1
    return known


def drawn_otherwise(rng: Random, inside: Tensor) -> Tensor:
    """Move all outlines of an object in, or out, as far as somebody else might draw them.

    Parameters
    ----------
    rng : Generator
        Decides how far.
    inside : Tensor, shape (DEPTH, SIDE, SIDE)
        Share of each pixel that lies in the object.
    """
    further, masks = rng.uniform(-2.2, 2.2), (inside > 0.5).numpy()
    moved = [mask.any() & (_depth(mask) > further) for mask in masks]
    return torch.from_numpy(np.stack(moved)).float()


def _moved(rng: Random, masks: Bools, amount: float, bias: float) -> Bools:
    """Move outlines by a smooth field of about `amount` pixels, much the same in all slices.

    A `bias` moves all of them out, or in where it is below 0.
    """
    side = int(rng.integers(3, 9))
    common, moved = rng.normal(size=(side, side)), masks.copy()
    for at, mask in enumerate(masks):
        own = torch.from_numpy(common + 0.4 * rng.normal(size=(side, side)))[None, None]
        field = F.interpolate(own, mask.shape, mode="bicubic", align_corners=False)[0, 0].numpy()
        if mask.any():
            moved[at] = _depth(mask) + bias + amount * (2.2 * field + rng.normal(0, 0.3)) > 0
    return moved


def _depth(mask: Bools) -> npt.NDArray[np.float64]:
    """Return how far inside of a mask each pixel lies; below 0 outside."""
    inner, outer = (ndimage.distance_transform_edt(side) for side in (mask, ~mask))
    return np.asarray(inner - outer)
