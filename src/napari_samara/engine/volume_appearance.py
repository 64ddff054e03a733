"""How an object looks, learned on a slice where it is known, asked of the pixels of another.

A promptable model answers a box with something that fills the box, whatever it was asked for
before.  What an object looks like is therefore learned from the slice that it is known in: a
logistic regression over the fine feature maps of the embedding, and over how much more often each
brightness is seen inside than next to it.  Its answer is a logarithm of odds, near 0 where inside
and outside look alike, which is added to the logits of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.engine.consistency import ring_around, ring_width
from napari_samara.engine.slice_opinion import Tones
from napari_samara.engine.volume_matching import LEAST_PIXELS, places_in, window_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.engine.volume_matching import Sight

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]

# Pixels that are learned from, at most.
_MOST_PIXELS = 4000

# Blur of the brightness, in pixels; strength of the penalty; steps of the regression.
_BLURS, _PENALTY, _STEPS = (1.0, 2.5), 0.1, 6

# Logarithm of the odds that a single pixel may reach.
_SUREST = 6.0


@dataclass(frozen=True, eq=False)
class Appearance:
    """What tells the pixels of an object from those around it.

    Attributes
    ----------
    tones : Tones
        By brightness alone.
    weights : dict of str to ndarray of float64, shape (C,)
        Of each feature map.
    blurred : ndarray of float64, shape (4,)
        Weights of the brightness, and of what `tones` makes of it, at two blurs.
    bias : float
        Added to all.
    """

    tones: Tones
    weights: dict[str, Floats]
    blurred: Floats
    bias: float

    @classmethod
    def of(cls, sight: Sight, data: Bools) -> Appearance:
        """Learn it.

        Parameters
        ----------
        sight : Sight
            The slice.
        data : ndarray of bool, shape (rows, cols)
            The object in it, not empty.
        """
        tones = Tones.of(sight.pixels, data, ring_around(data, 2 * ring_width(data)))
        window = window_of(data)
        thinned = slice(None, None, -(-data[window].size // _MOST_PIXELS))
        places = places_in(window)[thinned]
        inside = data[tuple(places.T)]
        if inside.all() or data[window].size < LEAST_PIXELS:
            return cls(tones, {}, np.zeros(2 * len(_BLURS)), 0.0)
        maps = sight.fine_maps
        parts = [sight.sampled(value, places) for value in maps.values()]
        greys = [grey.ravel()[thinned] for grey in _greys(sight.pixels[window], tones)]
        found, bias = _regression(np.column_stack([*parts, *greys]), inside)
        pieces = np.split(found, np.cumsum([part.shape[1] for part in parts], dtype=int))
        return cls(tones, dict(zip(maps, pieces[:-1], strict=True)), pieces[-1], bias)

    def log_odds(self, sight: Sight, near: Bools) -> NDArray[np.float32]:
        """Return how much more likely each pixel is to be in the object than not.

        Parameters
        ----------
        sight : Sight
            Another slice.
        near : ndarray of bool, shape (rows, cols)
            Where the object was last, not empty.

        Returns
        -------
        ndarray of float32, shape (rows, cols)
            Logarithm of the odds; as low as can be far from where it was.
        """
        window = window_of(near)
        places = places_in(window)
        total = np.full(len(places), self.bias)
        for name, weights in self.weights.items():
            one = np.tensordot(weights.astype(np.float32), sight.fine_maps[name], 1)
            total += sight.sampled(one[None], places)[:, 0]
        for weight, grey in zip(
            self.blurred, _greys(sight.pixels[window], self.tones), strict=True
        ):
            total += weight * grey.ravel()
        found = np.full(near.shape, -_SUREST, dtype=np.float32)
        found[window] = total.clip(-_SUREST, _SUREST).reshape(found[window].shape)
        return found


def _greys(pixels: NDArray[np.uint8], tones: Tones) -> list[Floats]:
    """Brightness, and what the tones make of it, each at two blurs; in like sizes."""
    grey, likely = pixels.astype(np.float32) / 64, tones.ratio[pixels]
    return [ndimage.gaussian_filter(one, blur) for one in (grey, likely) for blur in _BLURS]


def _regression(values: Floats, inside: Bools) -> tuple[Floats, float]:
    """Weights and bias of a logistic regression with a penalty; both sides count the same."""
    mean, spread = values.mean(0), values.std(0) + 1e-3
    rows = np.column_stack([(values - mean) / spread, np.ones(len(values))])
    share = np.where(inside, 0.5 / max(inside.sum(), 1), 0.5 / max((~inside).sum(), 1))
    penalty = np.diag([_PENALTY] * values.shape[1] + [1e-6])
    found = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-(rows @ found).clip(-30, 30)))
        slope = rows.T @ (share * (likely - inside)) + penalty @ found
        bend = (rows * (share * likely * (1 - likely) + 1e-9)[:, None]).T @ rows + penalty
        found -= np.linalg.solve(bend, slope)
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ mean)
