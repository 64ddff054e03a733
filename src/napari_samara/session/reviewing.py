"""The part of a session in which doubtful slices are looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_samara.errors import SessionError
from napari_samara.session.change import Change
from napari_samara.session.propagated import followed_parts
from napari_samara.session.propagation import PropagatingSession
from napari_samara.session.request import upright

if TYPE_CHECKING:
    from napari_samara.planes import Plane
    from napari_samara.session.objects import ObjectRecord


@dataclass(frozen=True)
class Doubt:
    """A slice of an object that nobody has looked at since it was found by following the object.

    Attributes
    ----------
    label : int
        Of the object.
    plane : Plane
        Of the slice, rows along the earlier axis.
    doubt : float
        From 0, sure, to 1.
    reason : str
        Why, in words; empty for little doubt.
    at_stake : float
        As of a `SliceFlag`.
    """

    label: int
    plane: Plane
    doubt: float
    reason: str
    at_stake: float


class ReviewingSession(PropagatingSession):
    """A session that lists what is doubtful; see `Session`."""

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Slices that were found by following objects, along any axis, sorted as the flags."""
        found = [
            Doubt(label, part.plane, part.doubt or 0.0, part.reason, stake)
            for label, record in self.objects.items()
            for part, stake in followed_parts(record)
        ]
        return tuple(sorted(found, key=lambda one: (-one.at_stake, one.label, one.plane.fixed)))

    def confirm(self, label: int, plane: Plane) -> ObjectRecord:
        """Say that an object is right on a slice, as one step.

        The slice is no longer doubtful, and counts from then on as if it had been painted by
        hand: following the object again leaves it as it is and starts from it.

        Parameters
        ----------
        label : int
            Of an accepted object.
        plane : Plane
            Either way round.

        Returns
        -------
        ObjectRecord
            As it will be kept.

        Raises
        ------
        SessionError
            If the object has no doubtful slice there.
        OutputError
            As for `accept`.
        """
        self._settle()
        old, here = self.objects.get(label), upright(plane)
        parts = () if old is None else old.parts
        if old is None or not any(p.plane == here and p.doubt is not None for p in parts):
            where = dict(here.fixed)
            raise SessionError(f"object {label} has no doubtful slice at {where} to say yes to")
        sure = tuple(
            replace(part, doubt=None, reason="") if part.plane == here else part for part in parts
        )
        new = replace(old, parts=sure)
        change = Change("confirm", (self._opened,) * 2, records=((old, new),))
        self._commit(change, self._history.push)
        return new
