"""What a strip of slices shows of each of them, and how that looks; no drawing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.objects import ObjectRecord
    from napari_samara.session.reviewing import Doubt
    from napari_samara.ui.volume import Volume

MISSING, QUEUED, STALE, FAILED, ENCODING, ENCODED = (
    "not encoded",
    "queued",
    "stale",
    "failed",
    "encoding",
    "encoded",
)
"""How far a slice is, as the user reads it."""

KNOWN, FOLLOWED, DOUBTFUL = "given by you", "followed", "doubtful"
"""How an object came into a slice."""

MARKS = (KNOWN, FOLLOWED, DOUBTFUL)
"""All of them."""

COLOURS: dict[str, tuple[str, str]] = {
    ENCODED: ("#56b4e9", "#0072b2"),
    ENCODING: ("#56b4e9", "#0072b2"),
    STALE: ("#e69f00", "#a86f00"),
    FAILED: ("#ff7a2e", "#d55e00"),
    DOUBTFUL: ("#e58cbc", "#a63d7a"),
}
"""Colours on a dark and on a light ground, of Okabe and Ito's palette; all else is drawn in that of
the text.  Each state has a shape of its own besides."""

# Of several slices in one pixel, the first of these that there is.
_WORST = (FAILED, STALE, MISSING, QUEUED, ENCODING, ENCODED)
_MOST = (DOUBTFUL, KNOWN, FOLLOWED)


@dataclass(frozen=True)
class StripState:
    """All slices of a volume along one axis.

    Attributes
    ----------
    states : tuple of str
        How far each slice is.
    current : int
        Slice that is shown.
    marks : dict of int to str
        How the object came into a slice.
    reasons : dict of int to str
        What to say of the mark, where there is more.
    name : str
        Of the axis.
    whose : str
        Whose marks they are.
    """

    states: tuple[str, ...] = ()
    current: int = 0
    marks: Mapping[int, str] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    name: str = ""
    whose: str = ""

    def about(self, index: int) -> tuple[str, str]:
        """Tell of a slice, and of the object in it, for the user; the second may be empty."""
        mark = self.marks.get(index)
        reason = self.reasons.get(index, mark)
        inside = "" if mark is None else f"{self.whose.capitalize()}: {reason}"
        return f"{self.name} {index}: {self.states[index]}", inside


def worst_of(states: tuple[str, ...]) -> str:
    """Return the state that several slices have together: encoded if all are.

    Parameters
    ----------
    states : tuple of str
        At least one.
    """
    return next(state for state in _WORST if state in states)


def mark_of(marks: list[str]) -> str | None:
    """Return the mark that several slices have together: doubtful if one is.

    Parameters
    ----------
    marks : list of str
        Of those that have one.
    """
    return next((mark for mark in _MOST if mark in marks), None)


def marks_of(
    volume: Volume, records: Mapping[int, ObjectRecord], at_least: float
) -> tuple[dict[int, str], dict[int, str]]:
    """Tell where objects are in the slices of a volume.

    Parameters
    ----------
    volume : Volume
        Slices along its axis count.
    records : mapping of int to ObjectRecord
        By label.
    at_least : float
        Doubt from which on a slice is doubtful.

    Returns
    -------
    dict of int to str, dict of int to str
        Mark by slice, and what to say of it.
    """
    found: dict[int, list[str]] = {}
    reasons: dict[int, tuple[float, str]] = {}
    for record in records.values():
        for part in record.parts:
            index = volume.index_of(part.plane)
            if index is None:
                continue
            doubt = part.doubt
            mark = KNOWN if doubt is None else DOUBTFUL if doubt >= at_least else FOLLOWED
            found.setdefault(index, []).append(mark)
            if doubt is not None and doubt >= reasons.get(index, (-1.0, ""))[0]:
                text = f"doubt {doubt:.2f}{f', {part.reason}' if part.reason else ''}"
                reasons[index] = doubt, text
    marks = {index: mark_of(mine) or FOLLOWED for index, mine in found.items()}
    return marks, {index: text for index, (_, text) in reasons.items() if marks[index] != KNOWN}


def place_of(doubt: Doubt, volume: Volume | None) -> str:
    """Name the slice of a doubt: by its index alone where it lies in the volume that is shown.

    Parameters
    ----------
    doubt : Doubt
        Of the list.
    volume : Volume or None
        That is shown.
    """
    index = volume.index_of(doubt.plane) if volume is not None else None
    if index is not None:
        return str(index)
    return ", ".join(f"axis {axis}: {at}" for axis, at in doubt.plane.fixed)
