"""Which plane of a volume comes next: the one looked at, then those around it."""

from __future__ import annotations

import operator
import threading
from typing import TYPE_CHECKING, TypeAlias

from napari_samara.errors import ImageError
from napari_samara.planes import Plane

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Rank: TypeAlias = tuple[int, int, bool, tuple[tuple[int, int], ...]]

# A slice behind counts as if it were so many times as far away as one in the scroll direction.
_BEHIND = 2


def planes_of(
    shape: Sequence[int], axes: Sequence[int] = (0,), fixed: Mapping[int, int] | None = None
) -> list[Plane]:
    """Planes of a volume across one or several of its axes.

    Parameters
    ----------
    shape : sequence of int
        Of the image, a trailing RGB axis not counted.
    axes : sequence of int
        Axes to scroll along: ``(0, 1, 2)`` is XY, XZ and YZ of (z, y, x).  Negative ones count from
        the end.  Without meaning for a 2D image, which is one plane.
    fixed : mapping of int to int, optional
        Index on each axis that is no axis of the volume, time for instance.  What is left out is
        0: the volume then has the axes in `axes` and, up to three, the last ones.

    Returns
    -------
    list of Plane
        Axis by axis, each in order.

    Raises
    ------
    ImageError
        If an axis is not there or named twice, three axes do not remain, or an index lies outside.
    """
    ndim = len(shape)
    if ndim == 2:
        return [Plane()]
    at = {_axis(axis, ndim): operator.index(index) for axis, index in (fixed or {}).items()}
    along = [_axis(axis, ndim) for axis in axes]
    if not along or len(set(along)) != len(along) or set(along) & set(at):
        raise ImageError(
            f"axes {tuple(axes)} must be different axes of the volume, none of them fixed ({at})"
        )
    others = [axis for axis in reversed(range(ndim)) if axis not in at and axis not in along]
    spatial = sorted((along + others)[: max(3, len(along))])
    if len(spatial) != 3:
        raise ImageError(
            f"a volume has three axes; axes {tuple(axes)} and fixed {dict(fixed or {})} leave "
            f"{len(spatial)} of the {ndim} axes of shape {tuple(shape)}"
        )
    rest = {axis: at.get(axis, 0) for axis in range(ndim) if axis not in spatial}
    planes = []
    for axis in along:
        shown = [other for other in spatial if other != axis]
        planes += [Plane.of(ndim, shown, {**rest, axis: i}) for i in range(shape[axis])]
    for plane in planes[:1]:
        plane.size(shape)  # the fixed indices lie inside
    return planes


class PlaneOrder:
    """Planes that wait; any thread may take one or say which is looked at now.

    Planes that show the same axes as the one looked at come first: that plane, then its neighbours,
    those behind counting twice as far once it is known in which direction one scrolls.  Planes
    that show other axes follow, around the last one of theirs that was looked at.

    Parameters
    ----------
    planes : iterable of Plane
        In the order they are taken while none is looked at.
    """

    def __init__(self, planes: Iterable[Plane]) -> None:
        self._waiting = dict.fromkeys(planes)
        groups = dict.fromkeys(plane.displayed for plane in self._waiting)
        self._groups = {group: number for number, group in enumerate(groups, start=1)}
        self._first: tuple[int, int] | None = None
        self._looked_at: dict[tuple[int, int], dict[int, int]] = {}
        self._direction: dict[int, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the planes that wait."""
        return len(self._waiting)

    def __contains__(self, plane: object) -> bool:
        """Whether a plane waits."""
        return plane in self._waiting

    def focus(self, plane: Plane) -> None:
        """Say which plane is looked at.

        Parameters
        ----------
        plane : Plane
            Need not be one that waits.  Against the one before it shows the scroll direction.
        """
        with self._lock:
            here, before = dict(plane.fixed), self._looked_at.get(plane.displayed)
            if before is not None and before != here:
                self._direction = {
                    axis: (index > before[axis]) - (index < before[axis])
                    for axis, index in here.items()
                    if axis in before
                }
            elif self._first != plane.displayed:
                self._direction = {}
            self._first = plane.displayed
            self._looked_at[plane.displayed] = here

    def take(self) -> Plane | None:
        """Return the next plane, which then waits no more; None where none is left."""
        with self._lock:
            found = min(self._waiting, key=self._rank, default=None)
            if found is not None:
                del self._waiting[found]
            return found

    def rank(self, plane: Plane) -> Rank:
        """Return what planes are sorted by, waiting or not."""
        with self._lock:
            return self._rank(plane)

    def _rank(self, plane: Plane) -> Rank:
        first = plane.displayed == self._first
        group = 0 if first else self._groups.get(plane.displayed, 0)
        here = self._looked_at.get(plane.displayed)
        if here is None:
            return group, 0, False, plane.fixed
        cost, behind = 0, False
        for axis, index in plane.fixed:
            away = index - here.get(axis, index)
            against = first and away * self._direction.get(axis, 0) < 0
            behind |= against
            cost += abs(away) * (_BEHIND if against else 1)
        return group, cost, behind, plane.fixed


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= operator.index(axis) < ndim:
        raise ImageError(f"axis {axis} does not exist in a {ndim}D image")
    return operator.index(axis) % ndim
