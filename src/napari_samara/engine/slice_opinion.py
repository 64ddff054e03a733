"""Brightness and place: what the slices before say of each pixel of the next.

A promptable model answers a box with something that fills the box, also where the object has become
smaller or has ended.  Outlines seldom move far from one slice to the next, and an object is about
as bright in the next slice as it was; the second says nothing where inside and outside look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.engine.interpolation import signed_depth
from napari_samara.masks import box_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]

# Distances between slices beyond which depth no longer counts: little inside, so that objects end.
_INNER, _OUTER = 2.0, 8.0

# Grey levels to a bin; bins over which counts are smoothed; how sure a single pixel may make.
_BIN, _SMOOTH, _SUREST = 8, 1.2, 3.0

# Mean logarithm of the pixels of an object below which they look like their surroundings.
_TELLING = 0.25

# Share of each bin that counts as seen, so that no brightness is impossible.
_UNSEEN = 0.02


@dataclass(frozen=True, eq=False)
class Tones:
    """How much more often each brightness is seen inside an object than next to it.

    Attributes
    ----------
    ratio : ndarray of float32, shape (256,)
        Logarithm, by grey level; 0 where both are alike.
    mean : float
        Of the pixels of the object itself.
    """

    ratio: Floats
    mean: float = 0.0

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], data: Bools, ring: Bools) -> Tones:
        """Count them.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (rows, cols)
            The slice as the model sees it.
        data, ring : ndarray of bool, shape (rows, cols)
            The object and what is next to it.
        """
        if not ring.any():
            return cls(np.zeros(256, np.float32))
        inside, outside = (_shares(pixels[where]) for where in (data, ring))
        ratio = np.clip(np.log(inside / outside), -_SUREST, _SUREST)
        centres = np.arange(0, 256, _BIN) + (_BIN - 1) / 2
        levels = np.interp(np.arange(256), centres, ratio).astype(np.float32)
        return cls(levels, float(levels[pixels[data]].mean()))

    @property
    def telling(self) -> bool:
        """Whether the object looks other than what is around it."""
        return self.mean >= _TELLING

    def likeness(self, pixels: NDArray[np.uint8], data: Bools) -> float:
        """Return the mean logarithm in a mask, as a share of that of the object itself.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (rows, cols)
            Another slice.
        data : ndarray of bool, shape (rows, cols)
            Not empty.

        Returns
        -------
        float
            1 as well where inside and outside are too much alike to tell.
        """
        if not self.telling:
            return 1.0
        return float(self.ratio[pixels[data]].mean() / self.mean)


def depth_opinion(last: Bools, step: float) -> Floats:
    """Return how deep each pixel lies in the last mask.

    Parameters
    ----------
    last : ndarray of bool, shape (rows, cols)
        Not empty.
    step : float
        Distance between the slices in pixels.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
        In distances between slices, negative outside.
    """
    depth = np.full(last.shape, -_OUTER, dtype=np.float32)
    box = box_of(last)
    assert box is not None  # fronts hold no empty mask
    reach = int(np.ceil(_OUTER * step)) + 1
    rows = slice(max(box[0] - reach, 0), box[2] + reach)
    cols = slice(max(box[1] - reach, 0), box[3] + reach)
    depth[rows, cols] = np.clip(signed_depth(last[rows, cols]) / step, -_OUTER, _INNER)
    return depth


def _shares(values: NDArray[np.uint8]) -> NDArray[np.float64]:
    counts = np.bincount(values // _BIN, minlength=256 // _BIN).astype(np.float64)
    smooth = ndimage.gaussian_filter1d(counts, _SMOOTH, mode="nearest")
    return np.asarray(smooth / smooth.sum() + _UNSEEN / len(counts))
