"""The list of doubtful slices: where the user is in it, and what becomes of its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_samara.errors import SessionError
from napari_samara.ui.navigation import show_part

if TYPE_CHECKING:
    from napari_samara.session.reviewing import Doubt
    from napari_samara.ui.annotator import Annotator

AT_LEAST = 0.2
"""Doubt from which on a slice is listed, at first."""


class Review:
    """Goes through doubtful slices as the session sorts them; one for each annotation.

    Parameters
    ----------
    annotator : Annotator
        Whose objects they are.
    """

    moved = Signal(object)
    """The user was brought to this `Doubt`; None where it is off the list by now."""

    changed = Signal()
    """Other slices are listed now."""

    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        self._at_least = AT_LEAST
        self._all: tuple[Doubt, ...] | None = None
        self._here: Doubt | None = None

    @property
    def at_least(self) -> float:
        """Doubt from which on a slice is listed; settable."""
        return self._at_least

    @at_least.setter
    def at_least(self, at_least: float) -> None:
        self._at_least = at_least
        self.changed.emit()

    @property
    def every(self) -> tuple[Doubt, ...]:
        """All slices that were found by following, little doubt or much."""
        if self._all is None:
            self._all = self.annotator.session.doubts
        return self._all

    @property
    def listed(self) -> tuple[Doubt, ...]:
        """Those with enough doubt, in that order."""
        return tuple(one for one in self.every if one.doubt >= self._at_least)

    @property
    def here(self) -> Doubt | None:
        """The one the user is at, whether it is still listed or not."""
        return self._here

    def refresh(self) -> None:
        """Look at the objects anew, since they have changed."""
        self._all = None
        self.changed.emit()

    def go(self, doubt: Doubt) -> None:
        """Bring the user to a slice, and select its object.

        Parameters
        ----------
        doubt : Doubt
            One of the list.
        """
        annotator = self.annotator
        self._here = doubt
        record = annotator.session.objects.get(doubt.label)
        part = next((p for p in record.parts if p.plane == doubt.plane), None) if record else None
        annotator.selected = doubt.label
        box = part.box if part is not None else None
        show_part(annotator.viewer, annotator.binding, doubt.plane, box, keep=True)
        self.moved.emit(doubt)

    def step(self, by: int) -> None:
        """Go on to the next of the list, or back; in a circle.

        Parameters
        ----------
        by : int
            1 or -1.
        """
        listed = self.listed
        if not listed:
            none = "there is no doubtful slice" if self.every else "no object was followed yet"
            self.annotator.message.emit(none[:1].upper() + none[1:] + ".")
            return
        if self._here is None:
            self.go(listed[0 if by > 0 else -1])
            return
        place = _rank(self._here)
        ahead = [one for one in listed if (_rank(one) > place if by > 0 else _rank(one) < place)]
        ahead = ahead or list(listed)
        self.go(ahead[0 if by > 0 else -1])

    def confirm(self) -> None:
        """Say that the selected object is right on the slice that is shown, and go on.

        Raises
        ------
        SessionError
            If it has no doubtful slice there.
        """
        annotator = self.annotator
        session = annotator.session
        here = _at(self.every, annotator.selected, session.plane)
        session.confirm(annotator.selected, session.plane)
        self._here = here
        # A session that saves itself tells of it later; the list is not to lead back to it.
        self._all = tuple(one for one in self.every if one is not here)
        self.changed.emit()
        self.step(1)

    def correct(self) -> None:
        """Reopen the selected object, and stay on the slice that is shown.

        Raises
        ------
        SessionError
            If there is no such object.
        """
        annotator = self.annotator
        session, plane = annotator.session, annotator.session.plane
        if annotator.selected not in session.objects:
            raise SessionError("select an object first, in the list or with J")
        annotator.each = False
        session.reopen(annotator.selected)
        session.plane = plane
        annotator.layers.select_points()
        annotator.message.emit(
            f"Object {annotator.selected} is open: prompt it on this slice, then follow again."
        )


def _rank(doubt: Doubt) -> tuple[float, int, tuple[tuple[int, int], ...]]:
    """Place in the list."""
    return -doubt.at_stake, doubt.label, doubt.plane.fixed


def _at(every: tuple[Doubt, ...], label: int, plane: object) -> Doubt | None:
    """Return the entry of an object on a plane."""
    return next((one for one in every if one.label == label and one.plane == plane), None)
