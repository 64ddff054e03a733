"""Labels as they would be after edits that are not made yet, and the records that go with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.masks import box_of
from napari_samara.prompts import PromptSet
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
        Only planes that are painted are read.
    records : mapping of int to ObjectRecord
        As they are.
    """

    def __init__(self, labels: Any, records: Mapping[int, ObjectRecord]) -> None:
        self.edits: list[LabelEdit] = []
        self._labels, self._records = labels, records
        self._planes: dict[Plane, NDArray[Any]] = {}

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
        canvas = self._canvas(plane)
        region = box
        if brush.replacing:
            old = box_of(np.asarray(canvas == brush.label))
            region = _union(box, old) if old else box
        before = canvas[_window(region)].copy()
        after = before.copy()
        if brush.replacing:
            after[before == brush.label] = 0
        inside = np.zeros(after.shape, dtype=np.bool_)
        inside[_window(_shifted(box, region))] = crop
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
        canvas = self._canvas(plane)
        box = box_of(np.asarray(canvas == old))
        if box is None:
            return
        before = canvas[_window(box)].copy()
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
        canvas = self._canvas(plane)
        box = box_of(np.asarray(canvas != values))
        if box is not None:
            before, after = canvas[_window(box)].copy(), values[_window(box)].copy()
            self._add(LabelEdit(plane, box, before, after))

    def take(self, edit: LabelEdit) -> None:
        """Add an edit that somebody else has made in the labels already.

        Parameters
        ----------
        edit : LabelEdit
            As it was made.
        """
        self._planes.setdefault(edit.plane, edit.plane.extract(self._labels))
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
            region = _union(box, parts[plane].box) if plane in parts else box
            region = _clipped(region, self._planes[plane].shape)
            inside = box_of(np.asarray(self._planes[plane][_window(region)] == new.label))
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
        return Counts(gained, tuple(self._planes.values()), labels)

    def _boxes(self) -> dict[int, dict[Plane, PixelBox]]:
        """Box of all edits that touch a label in a plane, by label and plane."""
        found: dict[int, dict[Plane, PixelBox]] = {}
        for edit in self.edits:
            changed = edit.changed
            touched = set(counted(edit.before[changed])) | set(counted(edit.after[changed]))
            for label in sorted(touched - {0}):
                mine = found.setdefault(label, {})
                old = mine.get(edit.plane)
                mine[edit.plane] = _union(edit.box, old) if old else edit.box
        return found

    def _canvas(self, plane: Plane) -> NDArray[Any]:
        if plane not in self._planes:
            self._planes[plane] = np.array(plane.extract(self._labels))
        return self._planes[plane]

    def _add(self, edit: LabelEdit) -> None:
        if edit.changed.any():
            self._planes[edit.plane][_window(edit.box)] = edit.after
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


def _window(box: PixelBox) -> tuple[slice, slice]:
    return slice(box[0], box[2]), slice(box[1], box[3])


def _shifted(box: PixelBox, region: PixelBox) -> PixelBox:
    """`box` counted from the corner of `region`."""
    row, col = region[:2]
    return box[0] - row, box[1] - col, box[2] - row, box[3] - col


def _union(one: PixelBox, other: PixelBox) -> PixelBox:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _clipped(box: PixelBox, shape: tuple[int, ...]) -> PixelBox:
    return max(box[0], 0), max(box[1], 0), min(box[2], shape[0]), min(box[3], shape[1])
