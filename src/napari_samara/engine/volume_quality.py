"""How doubtful each slice of each object is, and why: the list that a user reviews from the top."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.consistency import joined
from napari_samara.engine.volume_slices import FUSED, GIVEN, INTERPOLATED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from napari_samara.engine.volume_fronts import Known
    from napari_samara.engine.volume_slices import SliceMask

    Found = Mapping[int, Mapping[int, SliceMask]]

# Doubt of a slice far from any that was given, and the slices after which half of it is there.
_FAR, _HALF = 0.3, 10.0

# Doubt of an interpolated slice, beside that of its distance; of the last slice before an end.
_INTERPOLATED, _END = 0.4, 0.25

# Share of the pixels claimed by others as well, from which on there is some doubt and full doubt.
_OVERLAP = 0.05, 0.5


@dataclass(frozen=True)
class SliceFlag:
    """One slice of one object, as it stands in the list of doubts.

    Attributes
    ----------
    object_id, index : int
        Which.
    doubt : float
        From 0, sure, to 1.
    reason : str
        Why, in words; empty for little doubt.
    at_stake : float
        The doubt times the share of the object that was found from there on, and goes wrong with
        it: what the list is sorted by.
    """

    object_id: int
    index: int
    doubt: float
    reason: str
    at_stake: float


def judged(
    found: Found,
    known: Mapping[int, Known],
    overlaps: Mapping[tuple[int, int], float],
    count: int,
) -> dict[int, dict[int, SliceMask]]:
    """Add to the doubt of each slice what only the whole result tells.

    Parameters
    ----------
    found : mapping of int to mapping of int to SliceMask
        By object id and index, with the doubt of each step.
    known : mapping of int to Known
        By object id.
    overlaps : mapping of (int, int) to float
        Share of the pixels that another object has claimed, by object id and index.
    count : int
        Slices there are.

    Returns
    -------
    dict of int to dict of int to SliceMask
        Given slices are without doubt.
    """
    return {
        number: {
            index: _judged(number, index, mask, known[number], (masks, overlaps, count))
            for index, mask in sorted(masks.items())
        }
        for number, masks in found.items()
    }


def flags_of(found: Found) -> tuple[SliceFlag, ...]:
    """Return all slices but the given ones, those first whose doubt concerns most of the object.

    Parameters
    ----------
    found : mapping of int to mapping of int to SliceMask
        By object id and index.
    """
    flags = []
    for number, masks in found.items():
        given = [index for index, mask in masks.items() if mask.origin == GIVEN]
        behind = shares_behind({index: mask.area for index, mask in masks.items()}, given)
        flags += [
            SliceFlag(number, index, round(mask.doubt, 4), mask.reason, mask.doubt * share)
            for index, share in behind.items()
            for mask in (masks[index],)
        ]
    return tuple(sorted(flags, key=lambda flag: (-flag.at_stake, flag.object_id, flag.index)))


def shares_behind(sizes: Mapping[int, int], given: Collection[int]) -> dict[int, float]:
    """Return how much of an object was found from each of its slices on.

    What is wrong in one slice is handed on to those behind it, up to where the next given slice
    is nearer.

    Parameters
    ----------
    sizes : mapping of int to int
        Pixels by index.
    given : collection of int
        Slices that nothing is handed on to.

    Returns
    -------
    dict of int to float
        Of each slice that was not given: its share of all pixels and of those behind it; 1 where
        no slice was given.
    """
    total, known = max(sum(sizes.values()), 1), sorted(given)
    if not known:
        return dict.fromkeys(sizes, 1.0)
    fixed = set(known)
    open_ = [index for index in sizes if index not in fixed]
    home = {index: min(_around(known, index), key=lambda at: abs(at - index)) for index in open_}
    shares: dict[int, float] = {}
    handed: dict[tuple[int, bool], int] = {}
    for index in sorted(open_, key=lambda index: -abs(index - home[index])):
        way = home[index], index > home[index]
        handed[way] = handed.get(way, 0) + sizes[index]
        shares[index] = handed[way] / total
    return shares


def _around(known: Sequence[int], index: int) -> Sequence[int]:
    """Return the known indices on both sides of one."""
    at = bisect(known, index)
    return known[max(at - 1, 0) : at + 1]


def _judged(
    number: int,
    index: int,
    mask: SliceMask,
    known: Known,
    context: tuple[Mapping[int, SliceMask], Mapping[tuple[int, int], float], int],
) -> SliceMask:
    if mask.origin == GIVEN or known.present.get(index) is mask:  # judged by the earlier run
        return mask
    masks, overlaps, count = context
    away = min((abs(index - at) for at in known.masks), default=count)
    parts = [(mask.doubt, mask.reason), (_FAR * away / (away + _HALF), "far from a given slice")]
    if mask.origin == INTERPOLATED:
        parts.append((_INTERPOLATED, "interpolated"))
    if mask.origin != FUSED and _is_end(index, masks, known, count):
        parts.append((_END, "the object may go on"))
    share = overlaps.get((number, index), 0.0)
    some, full = _OVERLAP
    parts.append((float(np.clip((share - some) / (full - some), 0, 1)), "overlaps another object"))
    doubt, reason = joined(parts)
    return replace(mask, doubt=doubt, reason=reason)


def _is_end(index: int, masks: Mapping[int, SliceMask], known: Known, count: int) -> bool:
    """Whether an object ends here, and neither the volume nor a word of the user ends it."""
    for beyond in (index - 1, index + 1):
        ends = beyond not in masks and 0 <= beyond < count and beyond not in known.stops
        if ends:
            return True
    return False
