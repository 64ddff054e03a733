"""The part of a session that puts its labels in order and measures its objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import SessionError
from napari_samara.masks import box_of
from napari_samara.prompts import PromptSet
from napari_samara.session.draft import Draft
from napari_samara.session.label_order import Ordered
from napari_samara.session.objects import ObjectRecord, OpenObject
from napari_samara.session.similar import SimilarSession
from napari_samara.session.verbs import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_samara.cleanup_settings import CleanupSettings
    from napari_samara.planes import Plane

CLEAN_UP, SPLIT = "clean up", "split"
"""Names of the steps."""


class TidySession(SimilarSession):
    """A session whose labels can be cleaned up, split and measured; see `Session`."""

    def clean_up(self, settings: CleanupSettings, everywhere: bool = False) -> tuple[int, ...]:
        """Put labels in order, as one step.

        Parameters
        ----------
        settings : CleanupSettings
            What is done.
        everywhere : bool
            Whether all axes of the labels are looked at together, objects of a volume in 3D; else
            the current plane by itself.

        Returns
        -------
        tuple of int
            Labels that are gone or new; none where nothing changes, and then there is no step.

        Raises
        ------
        ImageError
            If new objects do not fit the type of the labels.
        OutputError
            As for `accept`.
        """
        from napari_samara.cleanup import clean_up

        self._settle()
        plane = None if everywhere else self._plane
        before = self._copied(plane)
        after = clean_up(before, settings)
        found = Ordered.of(before, after, self._plane, everywhere)
        return self.put_in_order(found, self.last_step, settings.relabel)

    @property
    def last_step(self) -> object:
        """The last step that is not undone; as long as it is the same one, nothing was changed."""
        return self._history.last

    def put_in_order(
        self, found: Ordered, since: object, renumbered: bool = False
    ) -> tuple[int, ...]:
        """Take over labels that `cleanup.clean_up` has put in order, as one step.

        Parameters
        ----------
        found : Ordered
            What changes; worked out beforehand, since that takes long in a volume.
        since : object
            `last_step` when the labels were read.
        renumbered : bool
            Whether objects have other numbers now, which their records are to follow.

        Returns
        -------
        tuple of int
            Labels that are gone or new; none where nothing changes, and then there is no step.

        Raises
        ------
        SessionError
            If there was another step since, or labels that change are not as they were.
        OutputError
            As for `accept`.
        """
        self._settle()
        if not found.changed:
            return ()
        same = self.last_step is since and all(
            np.array_equal(plane.extract(self.labels), before) for plane, before, _ in found.changed
        )
        if not same:
            raise SessionError("the labels have changed while they were put in order; try again")
        draft = Draft(self.labels, self.objects)
        for plane, _, after in found.changed:
            draft.rewrite(plane, after)
        made = self._renamed(found.renamed) if renumbered else {}
        opened = OpenObject() if self._opened.label is not None else None
        self._finish(CLEAN_UP, draft, made, opened)
        return tuple(sorted({*found.gone, *found.new}))

    def split(self, label: int, points: Sequence[Sequence[float]] = ()) -> tuple[int, ...]:
        """Make several objects of one, as one step.

        Parameters
        ----------
        label : int
            With or without a record.
        points : sequence of coordinates, optional
            A place in each part, in all axes of the image.  Without, it falls into its connected
            pieces, or, where it is one, at its narrowest necks.

        Returns
        -------
        tuple of int
            Labels of the parts; the largest keeps `label`, its prompts and its class.

        Raises
        ------
        SessionError
            If there is no such object, it cannot be split so, or the labels are full.
        OutputError
            As for `accept`.
        """
        from napari_samara.cleanup import split

        self._settle()
        planes = self._book.planes_of(label, self._plane)
        corner, inside = self._cut_out(label, planes)
        local = [
            [float(at) - low for at, low in zip(place, corner, strict=True)] for place in points
        ]
        parts = split(inside, local)
        count = int(parts.max())
        if count < 2:
            raise SessionError(
                f"object {label} has neither pieces nor a neck; give a point in each part"
            )
        numbers = (
            label,
            *range(first := self._book.free_label(count=count - 1), first + count - 1),
        )
        names = np.array([0, *numbers])
        draft = Draft(self.labels, self.objects)
        for plane in planes:
            self._rename(draft, plane, (corner, parts), names)
        old = self.objects.get(label)
        made: dict[int, ObjectRecord | None] = {
            number: ObjectRecord(number, PromptSet(), (), 0, old.klass if old else None, now())
            for number in numbers[1:]
        }
        if old is not None:
            made[label] = replace(old, accepted=now())
        opened = OpenObject() if self._opened.label == label else None
        self._finish(SPLIT, draft, made, opened)
        return numbers

    def measure(self, spacing: Sequence[float] | None = None) -> dict[str, NDArray[Any]]:
        """Measure all objects, those of a plane or of a volume.

        Parameters
        ----------
        spacing : sequence of float, optional
            Size of a pixel along each axis; 1 if left out.

        Returns
        -------
        dict of str to ndarray
            As `measures.measure`, with ``class``, predicted IoU ``score`` and ``accepted``, the
            time.

        Raises
        ------
        ImageError
            If the labels have more than three axes, or the spacing does not fit.
        """
        from napari_samara.measures import measure

        found = measure(np.asarray(self.labels), np.asarray(self.image), spacing)
        records = [self.objects.get(int(label)) for label in found["label"]]
        found["class"] = np.array([one and one.klass for one in records], dtype=object)
        scores = [one.score if one is not None else None for one in records]
        found["score"] = np.array([np.nan if s is None else s for s in scores], dtype=np.float64)
        found["accepted"] = np.array([one and one.accepted for one in records], dtype=object)
        return found

    def _copied(self, plane: Plane | None) -> NDArray[Any]:
        """Labels as they are now, all or those of a plane: they change in place."""
        return np.array(self.labels if plane is None else plane.extract(self.labels))

    def _renamed(self, pairs: Iterable[tuple[int, int]]) -> dict[int, ObjectRecord | None]:
        """Return records under their new labels."""
        pairs = tuple(pairs)
        made: dict[int, ObjectRecord | None] = {
            old: None for old, _ in pairs if old and old in self.objects
        }
        for old, new in pairs:
            record = self.objects.get(old)
            if old and new and record is not None:
                made[new] = replace(record, label=new)
        return made

    def _cut_out(
        self, label: int, planes: Sequence[Plane]
    ) -> tuple[tuple[int, ...], NDArray[np.bool_]]:
        """First corner of an object in all axes, and its pixels from there."""
        low, high = list(self._shape), [0] * len(self._shape)
        found: list[tuple[Plane, NDArray[np.bool_]]] = []
        for plane in planes:
            inside = np.asarray(plane.extract(self.labels) == label)
            box = box_of(inside)
            if box is None:
                continue
            spans = dict(plane.fixed)
            ends = {axis: (at, at + 1) for axis, at in spans.items()}
            ends[plane.displayed[0]] = (box[0], box[2])
            ends[plane.displayed[1]] = (box[1], box[3])
            for axis, (start, stop) in ends.items():
                low[axis], high[axis] = min(low[axis], start), max(high[axis], stop)
            found.append((plane, inside))
        if not found:
            raise SessionError(f"there is no object {label} in the labels")
        window = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
        return tuple(low), np.asarray(np.asarray(self.labels[window]) == label)

    def _rename(
        self,
        draft: Draft,
        plane: Plane,
        parts: tuple[tuple[int, ...], NDArray[np.int32]],
        names: NDArray[Any],
    ) -> None:
        """Give the parts of an object in one plane their labels."""
        corner, numbers = parts
        at = {axis: index - corner[axis] for axis, index in plane.fixed}
        row, col = plane.displayed
        here = numbers[tuple(at.get(axis, slice(None)) for axis in range(numbers.ndim))]
        here = here.T if row > col else here
        values = np.array(plane.extract(self.labels))
        window = values[
            corner[row] : corner[row] + here.shape[0], corner[col] : corner[col] + here.shape[1]
        ]
        window[here > 0] = names[here[here > 0]]
        draft.rewrite(plane, values)
