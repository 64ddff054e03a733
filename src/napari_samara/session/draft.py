"""Labels as they would be after edits that are not made yet, and the records that go with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.masks import box_of
from napari_samara.prompts import PromptSet
from napari_samara.session.canvas import Canvas, shifted, union, window
from napari_samara.session.counts import Counts, counted
from napari_samara.session.edits import LabelEdit
from napari_samara.session.objects import ObjectPart, ObjectRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane

RecordChange: TypeAlias = "tuple[ObjectRecord | None, ObjectRecord | None]"
"""A record before and after; None where there is none."""

MODES = ("keep", "overwrite", "overwrite-unaccepted")
"""Which labels accept may write over: none, any, or those that no record knows."""

_NO_PROMPTS = PromptSet()


@dataclass(frozen=True, eq=False)
class Brush:
    """What may be painted.

    Attributes
    ----------
    label : int
        To paint with.
    mode : str
        One of `MODES`.
    protected : collection of int
        Labels that ``"overwrite-unaccepted"`` leaves alone.
    replacing : bool
        Whether other pixels of this label in the plane are taken away.
    apart : int or None
        Labels from here up are left alone in any mode: those of the same batch.
    """

    label: int
    mode: str = "keep"
    protected: Collection[int] = ()
    replacing: bool = False
    apart: int | None = None

    def allowed(self, current: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which pixels of `current` (any shape) may be painted."""
        if self.mode == "keep":
            free = (current == 0) | (current == self.label)
        elif self.mode == "overwrite":
            free = np.ones(current.shape, dtype=np.bool_)
        else:
            others = np.asarray([number for number in self.protected if number != self.label])
            free = ~np.isin(current, others)
        if self.apart is not None:
            free = free & ((current < self.apart) | (current == self.label))
        return np.asarray(free, dtype=np.bool_)


class Draft:
    """Edits in the making; the labels themselves stay as they are.

    Parameters
    ----------
    labels : array of int, all axes of the image
        Only boxes and planes that are painted are read.
    records : mapping of int to ObjectRecord
        As they are.
    highest : int, optional
        Highest label there is, where that is known: higher ones are not looked for.
    """

    def __init__(
        self, labels: Any, records: Mapping[int, ObjectRecord], highest: int | None = None
    ) -> None:
        self.edits: list[LabelEdit] = []
        self._labels, self._records, self._highest = labels, records, highest
        self._canvas = Canvas(labels)

    def paint(self, plane: Plane, box: PixelBox, crop: NDArray[np.bool_], brush: Brush) -> int:
        """Paint a mask.

        Parameters
        ----------
        plane : Plane
            Where.
        box : tuple of int
            Half-open (row0, col0, row1, col1) of the mask.
        crop : ndarray of bool, shape of the box
            True on the object.
        brush : Brush
            Label and what may be written over.

        Returns
        -------
        int
            Pixels that now have the label, of the mask.
        """
        region = box
        if brush.replacing and not self._is_new(brush.label):
            old = self._canvas.find(plane, lambda labels: labels == brush.label)
            region = union(box, old) if old else box
        before = self._canvas.box(plane, region).copy()
        after = before.copy()
        if brush.replacing:
            after[before == brush.label] = 0
        inside = np.zeros(after.shape, dtype=np.bool_)
        inside[window(shifted(box, region))] = crop
        inside &= brush.allowed(after)
        after[inside] = brush.label
        self._add(LabelEdit(plane, region, before, after))
        return int(np.count_nonzero(inside))

    def relabel(self, plane: Plane, old: int, new: int) -> None:
        """Give all pixels of one label in a plane another one.

        Parameters
        ----------
        plane : Plane
            Where.
        old, new : int
            Labels; a new one of 0 takes the object away.
        """
        box = self._canvas.find(plane, lambda labels: labels == old)
        if box is None:
            return
        before = self._canvas.box(plane, box).copy()
        after = before.copy()
        after[before == old] = new
        self._add(LabelEdit(plane, box, before, after))

    def rewrite(self, plane: Plane, values: NDArray[Any]) -> None:
        """Give a plane other labels.

        Parameters
        ----------
        plane : Plane
            Where.
        values : ndarray of int, shape (rows, cols)
            Labels it is to have.
        """
        box = self._canvas.find(plane, lambda labels: labels != values)
        if box is not None:
            before, after = self._canvas.box(plane, box).copy(), values[window(box)].copy()
            self._add(LabelEdit(plane, box, before, after))

    def take(self, edit: LabelEdit) -> None:
        """Add an edit that somebody else has made in the labels already.

        Parameters
        ----------
        edit : LabelEdit
            As it was made.
        """
        self._canvas.renew(edit.plane, edit.box)
        self.edits.append(edit)

    def records(
        self, made: Mapping[int, ObjectRecord | None], adopt: bool = False
    ) -> tuple[RecordChange, ...]:
        """Return the records that the edits change, with area and boxes counted anew.

        Parameters
        ----------
        made : mapping of int to ObjectRecord
            New or replaced records, whose area and boxes need not be right yet; None for one
            that goes.
        adopt : bool
            Whether labels that have no record get one.

        Returns
        -------
        tuple of (before, after)
            Those of `made`, even where one is accepted again as it was, and others that change.
            A record whose last pixel goes, goes too.
        """
        boxes = self._boxes()
        labels = sorted(set(boxes) | set(made))
        counts = self._counts(labels)
        found: list[RecordChange] = []
        for label in labels:
            old = self._records.get(label)
            new = made.get(label, old)
            if new is None and adopt:
                new = ObjectRecord(label, _NO_PROMPTS, (), 0)
            if new is not None and adopt:
                new = _by_hand(new, boxes.get(label, {}))
            if new is not None:
                area = counts.present(label) if old is None else old.area + counts.gained[label]
                counted = self._counted(new, area, boxes.get(label, {}))
                if counted != old or (label in made and old is not None):
                    found.append((old, counted))
            elif old is not None:
                found.append((old, None))
        return tuple(found)

    def _counted(
        self, new: ObjectRecord, area: int, boxes: Mapping[Plane, PixelBox]
    ) -> ObjectRecord | None:
        """Return `new` with its area and with the boxes of planes that were painted in."""
        parts = {part.plane: part for part in new.parts}
        for plane, box in boxes.items():
            region = union(box, parts[plane].box) if plane in parts else box
            region = _clipped(region, plane.size(self._labels.shape))
            inside = box_of(np.asarray(self._canvas.box(plane, region) == new.label))
            if inside is None:
                parts.pop(plane, None)
                continue
            row0, col0 = region[:2]
            tight = (inside[0] + row0, inside[1] + col0, inside[2] + row0, inside[3] + col0)
            parts[plane] = replace(parts.get(plane, ObjectPart(plane, tight)), box=tight)
        return replace(new, parts=tuple(parts.values()), area=area) if area > 0 else None

    def _counts(self, labels: Sequence[int]) -> Counts:
        """Count the pixels of some labels."""
        gained = Counter[int]()
        for edit in self.edits:
            changed = edit.changed
            gained.update(counted(edit.after[changed]))
            gained.subtract(counted(edit.before[changed]))
        return Counts(gained, self._canvas.planes, labels, self._highest)

    def _boxes(self) -> dict[int, dict[Plane, PixelBox]]:
        """Box of all edits that touch a label in a plane, by label and plane."""
        found: dict[int, dict[Plane, PixelBox]] = {}
        for edit in self.edits:
            changed = edit.changed
            touched = set(counted(edit.before[changed])) | set(counted(edit.after[changed]))
            for label in sorted(touched - {0}):
                mine = found.setdefault(label, {})
                old = mine.get(edit.plane)
                mine[edit.plane] = union(edit.box, old) if old else edit.box
        return found

    def _is_new(self, label: int) -> bool:
        """Whether no pixel has a label before the edits, and no edit has given it to one."""
        unseen = self._highest is not None and label > self._highest
        return unseen and not any((edit.after == label).any() for edit in self.edits)

    def _add(self, edit: LabelEdit) -> None:
        if edit.changed.any():
            self._canvas.box(edit.plane, edit.box)[...] = edit.after
            self.edits.append(edit)


def _by_hand(record: ObjectRecord, planes: Collection[Plane]) -> ObjectRecord:
    """Take the doubt from slices that somebody has corrected."""
    parts = tuple(
        replace(part, scores=(), doubt=None, reason="")
        if part.doubt is not None and part.plane in planes
        else part
        for part in record.parts
    )
    return replace(record, parts=parts)


def _clipped(box: PixelBox, shape: tuple[int, ...]) -> PixelBox:
    return max(box[0], 0), max(box[1], 0), min(box[2], shape[0]), min(box[3], shape[1])
