"""The labels of a session with the records of its objects."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError, OutputError, SessionError
from napari_samara.masks import box_of
from napari_samara.planes import Plane
from napari_samara.session.draft import Draft
from napari_samara.session.edits import LabelEdit, crop, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_samara.session.change import Change
    from napari_samara.session.objects import ObjectRecord
    from napari_samara.session.restored import Restored

# Values of a lazy array that are looked at together.
_BLOCK = 1 << 24


class LabelBook:
    """Labels and records, changed together by `apply`.

    Parameters
    ----------
    labels : array of int, or None
        Kept as it is and written in place; new zeros of 32 bits where left out.  One that has
        `highest` tells its highest label so, and one that has `become` takes others over by that.
    shape : tuple of int
        Of the image, an axis of channels left out.

    Raises
    ------
    ImageError
        If the labels have another shape or are no whole numbers.
    """

    def __init__(self, labels: Any, shape: tuple[int, ...]) -> None:
        self._records: dict[int, ObjectRecord] = {}
        self._shape = shape
        self._undone: list[LabelEdit] = []
        self._highest: int | None = 0 if labels is None else getattr(labels, "highest", None)
        # Highest label that no step has made: undo never has to look for it again.
        self._first = self._highest
        self.labels = self._checked(np.zeros(shape, np.int32) if labels is None else labels)

    @property
    def records(self) -> Mapping[int, ObjectRecord]:
        """Records by label, in rising order; cannot be written to."""
        return MappingProxyType(self._records)

    def note(self, change: Change) -> None:
        """Take over the records of a change whose edits the labels have already.

        Parameters
        ----------
        change : Change
            As it was made.
        """
        for before, after in change.records:
            if before is not None and (after is None or after.label != before.label):
                self._records.pop(before.label, None)
            if after is not None:
                later = next(reversed(self._records), 0) > after.label
                sorting = later and after.label not in self._records
                self._records[after.label] = after
                if sorting:
                    self._records = dict(sorted(self._records.items()))

    def replaced(self, labels: Any, like: Plane) -> tuple[Draft, np.dtype[Any]]:
        """Take another array in place of the labels, and tell where it differs.

        Parameters
        ----------
        labels : array of int
            Of the same shape.
        like : Plane
            Its axes tell the slices that are compared.

        Returns
        -------
        Draft, numpy.dtype
            Edits that the new array has already; type of the old one.

        Raises
        ------
        ImageError
            If the shape or the type does not fit.
        """
        old, new = self.labels, self._checked(labels)
        edits = [
            LabelEdit(plane, box, crop(plane, old, box).copy(), crop(plane, new, box).copy())
            for plane in self._slices(like)
            if (box := box_of(np.asarray(plane.extract(old) != plane.extract(new)))) is not None
        ]
        self.rebind(labels)
        draft = Draft(self.labels, self._records)
        for edit in edits:
            draft.take(edit)
        return draft, np.dtype(old.dtype)

    def rebind(self, labels: Any) -> None:
        """Take another array in place of the labels; records stay.

        Parameters
        ----------
        labels : array of int
            Of the same shape.

        Raises
        ------
        ImageError
            As for the class.
        """
        self.labels = self._checked(labels)
        self._highest = self._first = None

    def apply(self, change: Change) -> None:
        """Make a change.

        Parameters
        ----------
        change : Change
            Its edits are written, its records taken over.

        Raises
        ------
        OutputError
            If labels on disk cannot be written; they are as they were then.
        """
        self._write(merged(change.edits, self.labels))
        for edit in change.edits:
            if self._highest is not None:
                self._highest = max(self._highest, int(edit.after.max(initial=0)))
        self.note(change)

    def _write(self, edits: Sequence[LabelEdit]) -> None:
        """Write edits, all of them or none: the disk under stored labels may be full."""
        self._clear_up()
        for done, edit in enumerate(edits):
            try:
                edit.apply(self.labels)
            except OutputError:
                self._undone = [one.inverse() for one in reversed(edits[: done + 1])]
                with contextlib.suppress(OutputError):
                    self._clear_up()
                raise

    def _clear_up(self) -> None:
        """Take back what is left of a step that could not be written whole."""
        while self._undone:
            self._undone[0].apply(self.labels)
            del self._undone[0]

    def resume(self, restored: Restored, in_place: bool) -> None:
        """Take over the labels and records of a saved session.

        Parameters
        ----------
        restored : Restored
            With labels of the same shape.
        in_place : bool
            Whether they are written into the array that is there.

        Raises
        ------
        ImageError
            If that array cannot hold them.
        """
        labels = restored.labels
        if not in_place or labels is self.labels:
            self.rebind(labels)
        elif not np.can_cast(labels.dtype, self.labels.dtype):
            raise ImageError(
                f"labels of {self.labels.dtype} cannot hold the saved ones of {labels.dtype}"
            )
        elif hasattr(self.labels, "become"):
            self.labels.become(labels)
        else:
            self.labels[...] = labels
        self._first, self._highest = restored.first, restored.highest
        for change in restored.changes:
            self.note(change)

    def recount(self) -> None:
        """Find the highest label anew, since the object that had it may be gone."""
        known = self._first
        self._highest = None if known is None else max(known, *self._records, 0)

    def free_label(self, wanted: int | None = None, count: int = 1) -> int:
        """First of the labels that come next.

        Parameters
        ----------
        wanted : int, optional
            Label to use in place of the next one.
        count : int
            How many labels are needed.

        Returns
        -------
        int
            Above every label and record there is, or `wanted`.

        Raises
        ------
        SessionError
            If a label is not positive or does not fit the type of the labels.
        """
        first: Any = wanted
        if first is None:
            first = max([self.highest, *self._records]) + 1
        most = int(np.iinfo(self.labels.dtype).max)
        if isinstance(first, bool) or not isinstance(first, int | np.integer) or first < 1:
            raise SessionError(f"a label is a whole number from 1 up, got {wanted!r}")
        if first + count - 1 > most:
            raise SessionError(
                f"label {first + count - 1} does not fit labels of {self.labels.dtype}, which end "
                f"at {most}: convert them first, session.labels = labels.astype('int32')"
            )
        return int(first)

    def draft(self) -> Draft:
        """Return a draft of these labels without an edit.

        Raises
        ------
        OutputError
            If labels on disk still hold parts of a step that could not be written whole.
        """
        self._clear_up()
        return Draft(self.labels, self._records, self._highest)

    @property
    def highest(self) -> int:
        """Highest label there is, or was before a delete; found block by block, and then kept."""
        if self._highest is None:
            self._highest = max((int(np.max(block)) for block in self._blocks()), default=0)
            if self._first is None and self._highest not in self._records:
                self._first = self._highest
        return max(self._highest, 0)

    def planes_of(self, label: int, like: Plane) -> tuple[Plane, ...]:
        """Planes in which a label has pixels.

        Parameters
        ----------
        label : int
            With or without a record.
        like : Plane
            Its axes are taken where there is no record, and every slice is looked at.

        Returns
        -------
        tuple of Plane
            Perhaps empty.
        """
        record = self._records.get(label)
        if record is not None:
            return record.planes
        return tuple(
            plane for plane in self._slices(like) if (plane.extract(self.labels) == label).any()
        )

    def _slices(self, like: Plane) -> Iterator[Plane]:
        """All planes with the axes of `like`."""
        axes = [axis for axis, _ in like.fixed]
        for at in np.ndindex(*(self._shape[axis] for axis in axes)):
            yield Plane(like.displayed, tuple(zip(axes, at, strict=True)))

    def _checked(self, labels: Any) -> Any:
        if not hasattr(labels, "shape") or not hasattr(labels, "dtype"):
            labels = np.asarray(labels)
        if tuple(labels.shape) != self._shape:
            raise ImageError(
                f"labels of shape {tuple(labels.shape)} do not fit an image of shape "
                f"{self._shape} (an axis of channels left out)"
            )
        if np.dtype(labels.dtype).kind not in "iu":
            raise ImageError(
                f"labels are whole numbers, got {labels.dtype}; use labels.astype('int32')"
            )
        if isinstance(labels, np.ndarray) and not labels.flags.writeable:
            raise ImageError("these labels are read-only; give a copy: labels.copy()")
        if getattr(labels, "read_only", False):  # as zarr says it
            raise ImageError("these labels are opened read-only; open them for writing: mode='r+'")
        return labels

    def _blocks(self) -> Iterator[Any]:
        """Parts of the labels that are small enough to be read."""
        if isinstance(self.labels, np.ndarray):
            yield self.labels
            return
        per_slice = max(1, int(np.prod(self._shape[1:])))
        step = max(1, _BLOCK // per_slice)
        for start in range(0, self._shape[0], step):
            yield np.asarray(self.labels[start : start + step])
