"""Accepted objects as another model would make them, and the labels that would give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.session.events import Status
from napari_samara.session.request import upright

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.candidates import Candidate
    from napari_samara.session.objects import ObjectRecord


@dataclass(eq=False)
class Remade:
    """Objects of a session as another model would make them; nothing is changed yet.

    Attributes
    ----------
    name : str
        Of the model.
    records : dict of int to ObjectRecord
        The objects that are asked for, as they were then.
    unprompted, by_hand : tuple of int
        Objects that stay as they are: without prompts, or changed by hand after accepting.
    total, done : int
        Planes.
    found : dict of int to list of Candidate
        One for each plane of an object, by label.
    ious : dict of int to float
        With the labels that are there, by label, of those that are found in all of their planes.
    lost : set of int
        Objects of which the other model leaves no pixel: they stay, too.
    failed : str
        Why it has ended before all was decoded.
    status : Status
        What the model is doing.
    """

    name: str
    records: dict[int, ObjectRecord]
    unprompted: tuple[int, ...] = ()
    by_hand: tuple[int, ...] = ()
    total: int = 0
    done: int = 0
    found: dict[int, list[Candidate]] = field(default_factory=dict)
    ious: dict[int, float] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    failed: str = ""
    status: Status = field(default_factory=Status)

    @property
    def complete(self) -> bool:
        """Whether all planes are decoded."""
        return self.done == self.total

    @property
    def mean_iou(self) -> float:
        """Mean over objects of the IoU with the labels that are there; 0 of none."""
        return float(np.mean(list(self.ious.values()))) if self.ious else 0.0

    @property
    def taken(self) -> set[int]:
        """Labels of the objects that accepting would replace."""
        return set(self.ious) - self.lost

    @property
    def left(self) -> str:
        """What stays as it is, in words; empty for nothing."""
        given = (
            (len(self.unprompted), "without prompts"),
            (len(self.by_hand), "changed by hand"),
            (len(self.lost), "not found again"),
        )
        parts = [f"{count} {why}" for count, why in given if count]
        one = sum(count for count, _ in given) == 1
        return f"{', '.join(parts)} {'stays as it is' if one else 'stay as they are'}" * bool(parts)

    def overlap(self, one: Candidate, present: NDArray[Any]) -> tuple[int, int]:
        """Count the pixels that a candidate shares with its object, and those of both together.

        Parameters
        ----------
        one : Candidate
            Under the label of the object.
        present : ndarray of int, shape (rows, cols)
            Labels of its plane.

        Returns
        -------
        int, int
            Intersection and union.
        """
        inside = np.asarray(present[_window(one.box)] == one.object_id)
        both = int(np.count_nonzero(inside & one.crop))
        mine = sum(
            int(np.count_nonzero(present[_window(box)] == one.object_id))
            for box in self._boxes(one)
        )
        return both, one.area + mine - both

    def _boxes(self, one: Candidate) -> list[PixelBox]:
        """Where the object has pixels in the plane of a candidate."""
        parts = self.records[one.object_id].parts
        return [
            (part.box[1], part.box[0], part.box[3], part.box[2])
            if part.plane.transposed
            else part.box
            for part in parts
            if upright(part.plane) == one.plane
        ]


def chosen(remade: Remade, found: Sequence[Candidate], present: NDArray[Any]) -> Candidate:
    """Choose the candidate that is most like the object there is.

    Parameters
    ----------
    remade : Remade
        Knows the object.
    found : sequence of Candidate
        Of one object in one plane; one at least.
    present : ndarray of int, shape (rows, cols)
        Labels of the plane.

    Returns
    -------
    Candidate
        The only one, where there are not several.
    """
    if len(found) == 1:
        return found[0]
    return max(found, key=lambda one: _ratio([remade.overlap(one, present)]))


def note_ious(remade: Remade, present: Callable[[Plane], NDArray[Any]]) -> None:
    """Compare the objects that are found whole with the labels there are.

    Parameters
    ----------
    remade : Remade
        Gets the figures.
    present : callable
        Returns the labels of a plane.
    """
    for label, found in remade.found.items():
        if label not in remade.ious and len(found) == len(remade.records[label].parts):
            remade.ious[label] = _ratio([remade.overlap(one, present(one.plane)) for one in found])
            if not any(one.area for one in found):
                remade.lost.add(label)


def rewritten(
    remade: Remade, plane: Plane, present: NDArray[Any], taken: Collection[int]
) -> NDArray[Any]:
    """Return the labels of a plane with objects as they would be.

    Pixels of other labels stay.  A pixel that two objects claim stays with the one that has it;
    otherwise the better score gets it.

    Parameters
    ----------
    remade : Remade
        With what is found.
    plane : Plane
        Upright.
    present : ndarray of int, shape (rows, cols)
        Labels there are.
    taken : collection of int
        Labels of the objects.

    Returns
    -------
    ndarray of int
        A new array.
    """
    here = [one for label in taken for one in remade.found[label] if one.plane == plane]
    mine = np.isin(present, list(taken))
    free = mine | (present == 0)
    result = np.where(mine, 0, present).astype(present.dtype)
    for one in sorted(here, key=lambda one: one.score):
        window = _window(one.box)
        result[window][one.crop & free[window]] = one.object_id
    for one in here:
        window = _window(one.box)
        result[window][one.crop & (present[window] == one.object_id)] = one.object_id
    return result


def _ratio(counts: Iterable[tuple[int, int]]) -> float:
    both, either = np.sum(list(counts), axis=0)
    return float(both / either) if either else 0.0


def _window(box: PixelBox) -> tuple[slice, slice]:
    return slice(box[0], box[2]), slice(box[1], box[3])
