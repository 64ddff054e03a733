"""The part of a session that changes labels and the objects they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_samara.errors import SessionError
from napari_samara.session.change import Change
from napari_samara.session.draft import Brush, Draft
from napari_samara.session.many import ManySession
from napari_samara.session.objects import OpenObject
from napari_samara.session.opening import stored_labels
from napari_samara.session.request import upright
from napari_samara.session.verbs import accept_answers, erase, merge, reopened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_samara.session.edits import LabelEdit
    from napari_samara.session.objects import ObjectRecord

# Seconds that accepting waits for prompts that are being decoded.
_PATIENCE = 2.0


class LabellingSession(ManySession):
    """A session in which objects are accepted and changed; see `Session`."""

    @property
    def labels(self) -> Any:
        """Labels, changed in place; settable to another array of the same shape."""
        return self._book.labels

    @labels.setter
    def labels(self, labels: Any) -> None:
        self._settle()
        stored, had = stored_labels(labels), self._stored
        if stored is not None:
            stored.hold()
        try:
            draft, before = self._book.replaced(labels, self._plane)
        except BaseException:
            if stored is not None and stored is not had:
                stored.release()
            raise
        self._stored = stored
        if had is not None and had is not stored:
            had.release()
        retyped = self._book.labels.dtype != before
        if retyped:
            self._keeper.restart(self._scene())
        if draft.edits:
            self._record("replace labels", draft)

    @property
    def objects(self) -> Mapping[int, ObjectRecord]:
        """Records of the accepted and painted objects by label, in rising order."""
        return self._book.records

    def accept(self, label: int | None = None, klass: str | None = None) -> ObjectRecord:
        """Write the chosen masks of the open object into the labels and open the next object.

        Only pixels of the masks are written, and of those only what `mode` allows; a reopened
        object gives up the pixels it had.

        Parameters
        ----------
        label : int, optional
            For a new object; the next free one if left out.  A reopened object keeps its own.
        klass : str, optional
            Class of the object.

        Returns
        -------
        ObjectRecord
            As it will be kept.

        Raises
        ------
        SessionError
            If there is no mask, the mask has no pixel that may be written, or the label is taken
            or does not fit the type of the labels.
        OutputError
            If the journal cannot be written, with the inline runner; otherwise `status` tells.
            Nothing is accepted then.
        """
        self._settle()
        self._wait_for_masks()
        number, again = self._label_for(label), self._opened.label is not None
        brush = Brush(number, self._mode, tuple(self.objects), replacing=again)
        answers = self._decoder.answers
        draft, record = accept_answers(self._book, self._opened, answers, brush, klass)
        return self._finish("accept", draft, {number: record}, OpenObject())[number]

    def reopen(self, label: int) -> None:
        """Take an object up again: its prompts and choices come back, and accept replaces it.

        Parameters
        ----------
        label : int
            Without prompts, its pixels in the current plane become a mask prompt.

        Raises
        ------
        SessionError
            If the labels do not have it.
        """
        self._settle()
        opened = reopened(self._book, label, self._plane)
        self._visited = label
        planes = set(opened.prompts.by_plane(self._shape))
        if upright(self._plane) not in planes:
            self.set_plane(opened.prompts[0].plane(self._shape))
        self._open("reopen", opened)

    def delete(self, label: int) -> None:
        """Take an object out of the labels.

        Parameters
        ----------
        label : int
            With or without a record.

        Raises
        ------
        SessionError
            If the labels do not have it.
        OutputError
            As for `accept`.
        """
        self._settle()
        draft = erase(self._book, label, self._plane)
        opened = OpenObject() if self._opened.label == label else None
        self._finish("delete", draft, {label: None}, opened)

    def merge(self, keep: int, other: int) -> ObjectRecord:
        """Make two objects one, with the prompts of both.

        Parameters
        ----------
        keep, other : int
            Labels; that of the first stays.

        Returns
        -------
        ObjectRecord
            Of the object that stays.

        Raises
        ------
        SessionError
            If they are the same or the labels do not have one of them.
        OutputError
            As for `accept`.
        """
        self._settle()
        draft, record = merge(self._book, keep, other, self._plane)
        opened = OpenObject() if self._opened.label in (keep, other) else None
        return self._finish("merge", draft, {keep: record, other: None}, opened)[keep]

    def next_object(self, step: int = 1) -> ObjectRecord | None:
        """Reopen the object after the one reopened last, after the last the first.

        Parameters
        ----------
        step : int
            How many to go on, or back.

        Returns
        -------
        ObjectRecord or None
            None where there is no object.
        """
        self._settle()
        if not self.objects:
            return None
        numbers = list(self.objects)
        before = sum(number < self._visited for number in numbers)
        here = self._visited in self.objects
        at = before + step if here else before + (step - 1 if step > 0 else step)
        number = numbers[at % len(numbers)]
        self.reopen(number)
        return self.objects[number]

    def set_class(self, label: int, klass: str | None) -> ObjectRecord:
        """Give an object another class, as one step.

        Parameters
        ----------
        label : int
            Of an accepted or painted object.
        klass : str or None
            Blanks around it do not count; None or nothing for no class.

        Returns
        -------
        ObjectRecord
            As it will be kept.

        Raises
        ------
        SessionError
            If there is no such object.
        OutputError
            As for `accept`.
        """
        self._settle()
        old = self.objects.get(label)
        if old is None:
            raise SessionError(f"there is no object {label}; accept it or paint in it first")
        new = replace(old, klass=(klass or "").strip() or None)
        if new != old:
            change = Change("class", (self._opened,) * 2, records=((old, new),))
            self._commit(change, self._history.push)
        return new

    def painted(self, *edits: LabelEdit) -> None:
        """Record what the user painted into the labels, as one step.

        Parameters
        ----------
        *edits : LabelEdit
            With the labels as they were, one for each plane that was painted in; those that the
            labels do not have yet, they get.

        Raises
        ------
        ImageError, FrameError
            If it does not lie in the labels.
        OutputError
            As for `accept`, but the labels stay painted.
        """
        self._settle()
        changing = [edit for edit in edits if edit.changed.any()]
        draft = self._book.draft()
        for edit in changing:
            edit.apply(self.labels)
        for edit in changing:
            draft.take(edit)
        if changing:
            self._record("paint", draft)

    def _record(self, name: str, draft: Draft) -> None:
        """Commit edits that the labels have already."""
        edits = tuple(draft.edits)
        change = Change(name, (self._opened,) * 2, edits, draft.records({}, adopt=True))
        self._commit(change, self._history.push, made=True)

    def _wait_for_masks(self) -> None:
        """Let prompts that are being decoded come to their end."""
        if self._decoder.asked is not None and not self._runner.wait(_PATIENCE):
            raise SessionError("the mask is not there yet; accept once it is shown")
        if not self._decoder.answers:
            raise SessionError("there is no mask to accept; add a positive prompt first")

    def _label_for(self, wanted: int | None) -> int:
        """Label that accept writes."""
        own = self._opened.label
        if own is not None:
            if wanted not in (None, own):
                raise SessionError(f"object {own} is open again: accept it as {own} or clear first")
            return own
        number = self._book.free_label(wanted)
        for answer in self._decoder.answers.values() if wanted is not None else ():
            if (answer.request.plane.extract(self._book.labels) == number).any():
                raise SessionError(
                    f"label {number} is taken in this plane; reopen({number}) to change it"
                )
        return number
