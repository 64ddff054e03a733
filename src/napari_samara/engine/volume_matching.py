"""Where the pixels of a mask went in the next slice, by what each pixel and its vicinity look like.

Every pixel of a slice is compared with those of the slice before that lie a few pixels around it,
and takes over what those it resembles were: inside or outside.  So a mask follows what moves, keeps
still where nothing changes, and gives way where what was next to it moves in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from napari_samara.masks import box_of
from napari_samara.model.propagation_net import DEPTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.volume_slices import Slices

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]

# Maps of at least this share of the side of the model input are fine enough to tell outlines.
_FINEST = 8

# Pixels that one is compared with, on each side; how much less like it than the most alike one a
# pixel may be before it counts for little.
_REACH, _SHARPNESS = 2, 0.3

# Share of each side that is never ruled out, which limits how sure a match can be.
_UNSURE = 0.01

# Pixels next to an object that are looked at: this share of its longer side, at least so many.
_AROUND, _LEAST_AROUND = 0.35, 4

LEAST_PIXELS = 25
"""Pixels of a window, as only tiny slices have, below which nothing can be told from them."""

# Rows and columns of a window beyond which only every second pixel, every third... is compared.
_MOST = 96


@dataclass(frozen=True, eq=False)
class Sight:
    """One slice as it is seen.

    Attributes
    ----------
    embedding : Embedding
        What the model makes of it.
    pixels : ndarray of uint8, shape (rows, cols)
        In grey, as the model sees it.
    """

    embedding: Embedding
    pixels: NDArray[np.uint8]

    @cached_property
    def fine_maps(self) -> dict[str, Floats]:
        """Feature maps by name that are fine enough to tell outlines, each (C, h, w)."""
        side = self.embedding.frame.input_size
        maps = self.embedding.features.items()
        # Copies: torch does not take what nobody may write to.
        return {name: np.array(value) for name, value in maps if value.shape[-1] * _FINEST >= side}

    def sampled(self, maps: Floats, places: NDArray[np.int_]) -> Floats:
        """Return the values of maps (C, h, w) at pixels (N, 2) of the slice: (N, C)."""
        frame = self.embedding.frame
        xy = frame.to_input(places + 0.5) / frame.input_size * 2 - 1
        grid, source = torch.from_numpy(xy)[None, None], torch.from_numpy(maps)[None]
        found = F.grid_sample(source, grid, padding_mode="border", align_corners=False)
        return np.asarray(found[0, :, 0].T.numpy())


class Sights:
    """The slices of a volume as they are seen; those that were seen last are kept.

    Parameters
    ----------
    slices : Slices
        Where they come from.
    """

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._seen: dict[int, Sight] = {}
        self._greys: dict[int, NDArray[np.uint8]] = {}

    def of(self, index: int) -> Sight:
        """See a slice; two are kept."""
        if index not in self._seen:
            embedding = self._slices.embedding_of(self._slices.plane(index))
            sight = Sight(embedding, self.pixels(index))
            self._seen = {**dict(list(self._seen.items())[-1:]), index: sight}
        return self._seen[index]

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return a slice in grey; as many are kept as lie in one look ahead."""
        if index not in self._greys:
            kept = list(self._greys.items())[1 - DEPTH :]
            grey = self._slices.pixels_of(self._slices.plane(index))
            self._greys = {**dict(kept), index: grey}
        return self._greys[index]


def window_of(data: Bools) -> tuple[slice, slice]:
    """Return the part of a slice around a mask, not empty, that it can be in next."""
    box = box_of(data)
    assert box is not None  # fronts hold no empty mask
    more = max(_LEAST_AROUND, round(_AROUND * max(box[2] - box[0], box[3] - box[1])))
    rows, cols = data.shape
    return (
        slice(max(box[0] - more, 0), min(box[2] + more, rows)),
        slice(max(box[1] - more, 0), min(box[3] + more, cols)),
    )


def places_in(window: tuple[slice, slice], step: int = 1) -> NDArray[np.int_]:
    """Return every pixel of a window, or one of `step` along both axes: (N, 2)."""
    grid = np.mgrid[
        window[0].start : window[0].stop : step, window[1].start : window[1].stop : step
    ]
    return np.asarray(grid.reshape(2, -1).T)


def matched(before: Sight, here: Sight, last: Bools) -> Floats:
    """Return how much more likely each pixel was inside in the slice before than outside.

    Parameters
    ----------
    before, here : Sight
        Two slices next to each other.
    last : ndarray of bool, shape (rows, cols)
        The object in the first of them, not empty.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
        Logarithm of the odds; as low as can be far from where it was, 0 in a tiny slice.
    """
    window = window_of(last)
    if last[window].size < LEAST_PIXELS:
        return np.zeros(last.shape, dtype=np.float32)
    step = -(-max(s.stop - s.start for s in window) // _MOST)
    label = last[window][::step, ::step]
    old, new = _looks(before, window, step), _looks(here, window, step)
    scale = _weights(before) / (old.std((0, 1)) + 1e-3)
    inside = _taken_over(old * scale, new * scale, label.astype(np.float32))
    odds = np.log((inside + _UNSURE) / (1 - inside + _UNSURE))
    found = np.full(last.shape, np.log(_UNSURE / (1 + _UNSURE)), dtype=np.float32)
    shape = found[window].shape
    found[window] = odds.repeat(step, 0).repeat(step, 1)[: shape[0], : shape[1]]
    return found


def _weights(sight: Sight) -> Floats:
    """By which features are multiplied, so that each map counts as much as the grey."""
    counts = [len(value) for value in sight.fine_maps.values()]
    return np.concatenate([*(np.full(n, n**-0.5) for n in counts), [1.0]]).astype(np.float32)


def _looks(sight: Sight, window: tuple[slice, slice], step: int) -> Floats:
    """Features of the pixels of a window (h, w, C), their grey level the last of them."""
    grey = sight.pixels[window][::step, ::step, None].astype(np.float32)
    places = places_in(window, step)
    parts = [
        sight.sampled(value, places).reshape(*grey.shape[:2], -1)
        for value in sight.fine_maps.values()
    ]
    return np.concatenate([*parts, grey], axis=-1)


def _taken_over(old: Floats, new: Floats, label: Floats) -> Floats:
    """Mean label (h, w) of the pixels around each one, weighted by likeness."""
    rows, cols = label.shape
    sides = (_REACH, _REACH), (_REACH, _REACH)
    old, label = np.pad(old, (*sides, (0, 0)), mode="edge"), np.pad(label, sides, mode="edge")
    apart, labels = [], []
    for row in range(2 * _REACH + 1):
        for col in range(2 * _REACH + 1):
            there = slice(row, row + rows), slice(col, col + cols)
            apart.append(np.square(old[there] - new).sum(-1))
            labels.append(label[there])
    distance = np.array(apart)
    weight = np.exp((distance.min(0) - distance) / _SHARPNESS)
    return np.asarray((weight * np.array(labels)).sum(0) / weight.sum(0), dtype=np.float32)
