"""Where objects are known, and their ways from there through the slices."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.consistency import Look
    from napari_samara.engine.volume_ahead import Ahead
    from napari_samara.engine.volume_appearance import Appearance
    from napari_samara.engine.volume_slices import SliceMask

    Bools = NDArray[np.bool_]

REMEMBERED = 3
"""Slices that masks are kept of on the way, the last one among them."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of an object before it is followed.

    Attributes
    ----------
    masks : mapping of int to SliceMask
        Slices that are right as they are, by index; none is empty.
    stops : frozenset of int
        Slices that it is not in; nor is it looked for beyond them.
    present : mapping of int to SliceMask
        What an earlier run has found, which a correction goes on from.
    """

    masks: Mapping[int, SliceMask]
    stops: frozenset[int] = frozenset()
    present: Mapping[int, SliceMask] = field(default_factory=dict)

    def beginning(self) -> dict[int, SliceMask]:
        """Return what there is before anything is followed; nothing lies behind a stop."""
        kept = {
            index: mask
            for index, mask in self.present.items()
            if any(not self._stopped(index, at) for at in self.masks)
        }
        return {**kept, **self.masks}

    def gaps(self, found: Mapping[int, SliceMask]) -> list[tuple[int, int]]:
        """Return pairs of found slices, within two known ones, between which slices are missing."""
        gaps = []
        for low, high in itertools.pairwise(sorted(self.masks)):
            if not self._stopped(low, high):
                here = [index for index in sorted(found) if low <= index <= high]
                gaps += [(a, b) for a, b in itertools.pairwise(here) if b - a > 1]
        return gaps

    def end(self, index: int, way: int, span: tuple[int, int]) -> int:
        """Return the last slice that the object is followed to from a known one.

        Parameters
        ----------
        index : int
            Of the known slice.
        way : int
            1 or -1.
        span : tuple of int
            First slice there is, and the one behind the last.
        """
        last = span[1] - 1 if way > 0 else span[0]
        barrier = self.barrier(index, way)
        if barrier is None:
            return last
        middle = (index + barrier) // 2 + (way < 0)
        end = barrier - way if barrier in self.stops else middle
        return min(end, last) if way > 0 else max(end, last)

    def barrier(self, index: int, way: int) -> int | None:
        """Return the next slice in a direction of which something is known; None without one."""
        bounds = [n for n in (*self.masks, *self.stops) if (n - index) * way > 0]
        return min(bounds, key=lambda n: abs(n - index)) if bounds else None

    def _stopped(self, one: int, other: int) -> bool:
        """Whether a stop lies between two slices or on one of them."""
        return any(min(one, other) <= stop <= max(one, other) for stop in self.stops)


@dataclass(eq=False)
class Front:
    """One object on its way in one direction.

    Attributes
    ----------
    object_id : int
        Which.
    way : int
        1 or -1.
    start, end : int
        Known slice that it comes from, and the last slice that it may come to.
    last : ndarray of bool, shape (rows, cols)
        Mask in the slice it was in last.
    look : Look or None
        How the object looked until then; None before the first step.
    known_look : Look or None
        How it looks on the slice where most of it is known.
    appearance : Appearance or None
        What tells its pixels from those next to it there.
    logits : ndarray of float32 or None
        That `last` came from.
    trail : dict of int to ndarray of bool, shape (rows, cols)
        Masks of the last few slices, that of the known one first of all.
    ahead : Ahead or None
        What the slices ahead of one of them showed.
    bounded : bool
        Whether its way leads to another known slice.
    active : bool
        Whether it goes on.
    smallest, waist : int
        Least area on the way, and the slice that has it.
    path : list of (int, float, int)
        Index, likeness and area of each slice on the way.
    """

    object_id: int
    way: int
    start: int
    end: int
    last: Bools
    look: Look | None = None
    known_look: Look | None = None
    appearance: Appearance | None = None
    logits: NDArray[np.float32] | None = None
    trail: dict[int, Bools] = field(default_factory=dict)
    ahead: Ahead | None = None
    bounded: bool = False
    active: bool = True
    smallest: int = 0
    waist: int = 0
    path: list[tuple[int, float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the area of the known slice."""
        self.smallest, self.waist = int(np.count_nonzero(self.last)), self.start
        self.trail = self.trail or {self.start: self.last}

    def comes_to(self, index: int, data: Bools) -> None:
        """Take the mask of a slice that it has come to."""
        self.last = data
        recent = list(self.trail.items())[1 - REMEMBERED :]
        self.trail = {**dict(recent), index: data}

    @property
    def radius(self) -> float:
        """Radius of the largest mask on the way, in pixels."""
        return math.sqrt(max(area for _, _, area in self.path) / math.pi)

    def covers(self, way: int, index: int) -> bool:
        """Whether it has to look at a slice."""
        between = (index - self.start) * way > 0 and (self.end - index) * way >= 0
        return self.active and way == self.way and between


def passed_gap(path: Sequence[tuple[int, float, int]]) -> int | None:
    """Return the slice where one object ended and another began, if a way led through both.

    Between two objects of a kind lies a slice in which what was followed is both small and dim;
    that it was the end shows only when it is large and bright again.

    Parameters
    ----------
    path : sequence of (int, float, int)
        Index, likeness and area of each slice, the known one first.

    Returns
    -------
    int or None
        The slice between them; None where there is none.
    """
    if len(path) < 3:
        return None
    likeness = [like for _, like, _ in path]
    low = int(np.argmin(likeness))
    before, after = max(likeness[: low + 1]), likeness[-1]
    largest = max(area for _, _, area in path[: low + 1])
    if low == 0 or after - likeness[low] < _AGAIN:
        return None
    most = _DIM if path[low][2] < _THIN * largest else _DARK
    return path[low][0] if likeness[low] < most * before else None


# Likeness in a gap relative to that before it, where the mask is small there and where it is not;
# its rise behind the gap; and the relative area that counts as small.
_DIM, _DARK, _AGAIN, _THIN = 0.75, 0.65, 0.2, 0.85


def fronts_of(known: Mapping[int, Known], span: tuple[int, int]) -> list[Front]:
    """Return two ways from each known slice of each object, where there are slices to go to.

    Parameters
    ----------
    known : mapping of int to Known
        By object id.
    span : tuple of int
        First slice that may be written, and the one behind the last.
    """
    fronts = []
    for number, one in known.items():
        for index, mask in one.masks.items():
            for way in (1, -1):
                end = one.end(index, way, span)
                if (end - index) * way > 0:
                    front = Front(number, way, index, end, mask.data)
                    behind = range(index - way * (REMEMBERED - 1), index + way, way)
                    front.trail = {at: one.masks[at].data for at in behind if at in one.masks}
                    front.bounded = one.barrier(index, way) in one.masks
                    fronts.append(front)
    return fronts


def visits_of(fronts: Iterable[Front]) -> list[tuple[int, int]]:
    """Return all (way, index) that a front may come to, in order, upwards first."""
    up, down = set[int](), set[int]()
    for front in fronts:
        if front.way > 0:
            up |= set(range(front.start + 1, front.end + 1))
        else:
            down |= set(range(front.end, front.start))
    return [(1, i) for i in sorted(up)] + [(-1, i) for i in sorted(down, reverse=True)]


def connected(data: Bools, last: Bools, reach: int) -> Bools:
    """Return the pieces of a mask that begin within some pixels of the last one.

    Parameters
    ----------
    data, last : ndarray of bool, shape (rows, cols)
        Masks of a slice and of the one before.
    reach : int
        Pixels.
    """
    numbers, count = ndimage.label(data, structure=np.ones((3, 3)))
    if count < 2:
        return data
    near = ndimage.distance_transform_edt(~last) <= reach
    kept = np.unique(numbers[near & data])
    return np.asarray(np.isin(numbers, kept[kept > 0]))


def share_out(masks: Sequence[Bools], before: Sequence[Bools], scores: Sequence[float]) -> None:
    """Give each pixel that several claim to the one that had it, else to the better score.

    Parameters
    ----------
    masks : sequence of ndarray of bool, shape (rows, cols)
        Changed in place.
    before : sequence of ndarray of bool, shape (rows, cols)
        Their masks in the slice before.
    scores : sequence of float
        IoU that the model predicts for them.
    """
    if len(masks) < 2:
        return
    owner = np.full(masks[0].shape, -1, dtype=np.int32)
    for at in sorted(range(len(masks)), key=lambda at: scores[at]):
        owner[masks[at]] = at
    for at, (mask, old) in enumerate(zip(masks, before, strict=True)):
        owner[mask & old] = at
    for at, mask in enumerate(masks):
        mask &= owner == at


def without(data: Bools, taken: Bools) -> Bools:
    """Return a mask without some pixels, or as it is where nothing would be left.

    Parameters
    ----------
    data, taken : ndarray of bool, shape (rows, cols)
        The mask, and the pixels.
    """
    left = data & ~taken
    return left if left.any() else data
