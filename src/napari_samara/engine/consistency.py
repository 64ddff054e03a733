"""Whether the mask in the next slice still shows the same object, in numbers and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.engine.volume_slices import overlap
from napari_samara.masks import box_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]

# Grey levels of 255 below which brightness counts as alike, whatever the noise.
_LEVELS = 4.0

# Contrast on the known slice, in standard deviations, below which its loss says nothing.
_TELLING = 0.5


@dataclass(frozen=True)
class Look:
    """How an object looks in a slice, in grey levels of what the model sees.

    Attributes
    ----------
    inside, outside : float
        Mean inside, and in a ring around it.
    spread, outer_spread : float
        Standard deviations of the two.
    """

    inside: float
    spread: float
    outside: float
    outer_spread: float

    @property
    def contrast(self) -> float:
        """How much it stands out, in standard deviations; negative where darker."""
        noise = math.sqrt((self.spread**2 + self.outer_spread**2) / 2) + _LEVELS
        return (self.inside - self.outside) / noise

    def left_of(self, known: Look) -> float:
        """Return the share of a contrast that is left, in grey levels; 1 where it was too little.

        Parameters
        ----------
        known : Look
            Where the object is known.  A look that follows slow changes fades with the object.
        """
        if abs(known.contrast) < _TELLING:
            return 1.0
        return (self.inside - self.outside) / (known.inside - known.outside)

    def towards(self, other: Look, share: float) -> Look:
        """Return a look between this one and another, which follows slow changes."""
        mine, its = (
            (one.inside, one.spread, one.outside, one.outer_spread) for one in (self, other)
        )
        return Look(*(a * (1 - share) + b * share for a, b in zip(mine, its, strict=True)))


@dataclass(frozen=True)
class Evidence:
    """What tells whether an object goes on in the next slice.

    Attributes
    ----------
    iou : float
        With the mask in the slice before.
    area : float
        Relative to that mask.
    shift : float
        Of the middle, in radii of that mask.
    score : float
        IoU that the model predicts.
    brightness : float
        Change of the mean inside since the look that is remembered, in spreads.
    contrast : float
        What is left of the contrast on the known slice; 1 where it had too little to tell.
    waist : float
        Area relative to the smallest on the way, for what has become thin and grows again.
    length : float
        Way since the known slice, in radii of the largest mask on it.
    seen : float or None
        IoU that a look ahead expects of what it sees here; None where nobody looked.
    """

    iou: float
    area: float
    shift: float
    score: float
    brightness: float = 0.0
    contrast: float = 1.0
    waist: float = 1.0
    length: float = 0.0
    seen: float | None = None


def look_at(pixels: NDArray[np.uint8], data: Bools, others: Bools | None = None) -> Look:
    """Measure how an object looks.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, cols)
        The slice as the model sees it.
    data : ndarray of bool, shape (rows, cols)
        The object, not empty.
    others : ndarray of bool, shape (rows, cols), optional
        Pixels of other objects, which it is not compared with.

    Returns
    -------
    Look
        Compared with a ring as wide as a quarter of the object's side.
    """
    box = box_of(data)
    assert box is not None  # fronts hold no empty mask
    width = ring_width(data)
    rows = slice(max(box[0] - width, 0), box[2] + width)
    cols = slice(max(box[1] - width, 0), box[3] + width)
    near, grey = data[rows, cols], pixels[rows, cols].astype(np.float32)
    ring = ring_around(near, width)
    if others is not None:
        ring &= ~others[rows, cols]
    inner, outer = grey[near], grey[ring] if ring.any() else grey[near]
    return Look(float(inner.mean()), float(inner.std()), float(outer.mean()), float(outer.std()))


def ring_width(data: Bools) -> int:
    """Return a quarter of the side of an object, in pixels, two at least."""
    return max(2, round(math.sqrt(np.count_nonzero(data)) / 4))


def ring_around(data: Bools, width: int) -> Bools:
    """Return the pixels outside of a mask, up to some pixels away."""
    return np.asarray((ndimage.distance_transform_edt(~data) <= width) & ~data)


def compare(last: Bools, data: Bools, score: float, remembered: Look, look: Look) -> Evidence:
    """Compare an object with what it was.

    Parameters
    ----------
    last, data : ndarray of bool, shape (rows, cols)
        Masks of the slice before and of this one, neither empty.
    score : float
        IoU that the model predicts for the second.
    remembered, look : Look
        How it looked until now, and how it looks here.

    Returns
    -------
    Evidence
        In numbers that do not depend on size and brightness of the object.
    """
    before, now = np.count_nonzero(last), np.count_nonzero(data)
    apart = np.argwhere(last).mean(0) - np.argwhere(data).mean(0)
    return Evidence(
        iou=overlap(last, data),
        area=float(now / before),
        shift=float(np.hypot(*apart) / math.sqrt(before / math.pi)),
        score=score,
        brightness=abs(look.inside - remembered.inside) / (remembered.spread + _LEVELS),
    )


_REASONS = (
    ("score", "the model is unsure", 0.6, 0.3),
    ("iou", "little in common with the slice before", 0.65, 0.15),
    ("shrunk", "the area falls", 0.6, 0.15),
    ("grown", "the area jumps", 1.4, 2.5),
    ("shift", "the middle jumps", 0.35, 1.2),
    ("brightness", "the brightness changes", 0.8, 2.2),
    ("contrast", "it no longer stands out", 0.65, 0.25),
    ("waist", "it has become thin and grows again", 1.4, 3.0),
    ("length", "it is long for its width", 2.0, 4.0),
    ("seen", "it shows badly among the slices around", 0.9, 0.4),
)
"""Name, words, and the values from which on there is some doubt and full doubt."""


def doubt_of(evidence: Evidence, least: float = 0.1) -> tuple[float, str]:
    """Return how doubtful it is that a mask shows the object, and why.

    Parameters
    ----------
    evidence : Evidence
        Of the slice.
    least : float
        Doubt that is worth a word.

    Returns
    -------
    float, str
        From 0 to 1, and the strongest reasons in words; "" below `least`.
    """
    doubts = doubts_of(evidence)
    return joined([(doubts.get(name, 0.0), words) for name, words, _, _ in _REASONS], least)


def doubts_of(evidence: Evidence) -> dict[str, float]:
    """Return the doubt that each part of the evidence gives by itself, 0 to 1.

    Parameters
    ----------
    evidence : Evidence
        Of the slice.

    Returns
    -------
    dict of str to float
        By attribute of `Evidence`; the area as ``shrunk`` and ``grown``, and ``seen`` where
        somebody looked.
    """
    values = {**vars(evidence), "shrunk": evidence.area, "grown": evidence.area}
    doubts = {}
    for name, _, some, full in _REASONS:
        if values[name] is not None:
            strength = min(max((values[name] - some) / (full - some), 0.0), 1.0)
            doubts[name] = strength * _weight(name, evidence)
    return doubts


def _weight(name: str, evidence: Evidence) -> float:
    """How much a part of the evidence counts; who looked ahead knows better than most of it."""
    beside = evidence.seen is not None and name not in _TOLD
    return _WEIGHTS[name] * (_BESIDE if beside else 1.0)


_WEIGHTS = {
    "score": 0.6,
    "iou": 0.6,
    "shrunk": 0.4,
    "grown": 0.5,
    "shift": 0.4,
    "brightness": 0.8,
    "contrast": 0.8,
    "waist": 0.45,
    "length": 0.35,
    "seen": 0.9,
}

# Part of the weight that is left beside a look ahead, and to what it is not.
_BESIDE, _TOLD = 0.05, ("seen", "grown", "shift")


def joined(parts: list[tuple[float, str]], least: float = 0.1) -> tuple[float, str]:
    """Join doubts that do not depend on each other.

    Parameters
    ----------
    parts : list of (float, str)
        Each with its reason.
    least : float
        Doubt that is worth a word.

    Returns
    -------
    float, str
        The joint doubt, and the strongest reasons, at most two of them.
    """
    sure = math.prod(1 - doubt for doubt, _ in parts)
    worth = sorted((part for part in parts if part[0] >= least and part[1]), reverse=True)
    return 1 - sure, "; ".join(words for _, words in worth[:2])
