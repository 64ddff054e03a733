"""One annotation of one image: prompts in, candidates shown, objects accepted into labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_samara.errors import SessionError
from napari_samara.session.change import Change
from napari_samara.session.decoder import MANY
from napari_samara.session.decoding import decode_many, requests_by_plane
from napari_samara.session.draft import Brush, Draft
from napari_samara.session.events import Status
from napari_samara.session.objects import OpenObject
from napari_samara.session.prompting import PromptingSession
from napari_samara.session.request import Request, upright
from napari_samara.session.verbs import accept_answers, accept_candidates, erase, merge, reopened

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from napari_samara.prompts import PromptSet
    from napari_samara.session.edits import LabelEdit
    from napari_samara.session.journal import Journal
    from napari_samara.session.objects import Candidate, ObjectRecord


class Session(PromptingSession):
    """One annotation; used from one thread, which owns it.

    Every verb can be undone.  With a runner that works elsewhere (`ThreadRunner`), masks come
    later and an accepted object counts once it is on the disk: `events` tell.

    Parameters
    ----------
    image : array
        Anything that can be indexed and has `ndim`, `shape` and `dtype` (NumPy, dask, zarr); of a
        lazy array only the planes looked at are read.  Taken not to change meanwhile.
    predictor : PredictorLike
        As `napari_samara.load` returns it.
    rgb : bool
        Whether the last axis of the image holds channels.
    store : EmbeddingStore, optional
        Keeps embeddings beyond the session.
    contrast : Contrast, optional
        How intensities become what the model sees.
    settings : PredictSettings, optional
        Threshold and clean-up of masks.
    runner : JobRunner, optional
        Where work is done, for this session alone.  Left out, in the calling thread: every call
        returns with its result.
    labels : array of int, optional
        Written in place; of the shape of the image without channels.  New zeros if left out.
    journal : path-like or Journal, optional
        Folder in which every accepted object is made durable.
    source : str, optional
        Where the image came from, for the saved session.
    saved : SavedSession or Restored, optional
        What to go on with, as `recover` returns it; labels that are given are filled with what
        they were then.
    must_save : bool
        Whether a step that cannot be written to the journal is refused.  Without, it counts all
        the same: `events.unsaved` says why it is not on the disk, and it is written with the next
        step that can be.

    Raises
    ------
    ImageError
        If the image, the labels and what was saved do not fit each other.
    SessionError
        If the folder of the journal is in use or holds another annotation.
    OutputError
        If it cannot be written to.
    """

    # Objects

    @property
    def labels(self) -> Any:
        """Labels, changed in place; settable to another array of the same shape."""
        return self._book.labels

    @labels.setter
    def labels(self, labels: Any) -> None:
        self._settle()
        draft, before = self._book.replaced(labels, self._plane)
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

    def many(self, prompts: PromptSet) -> list[Candidate]:
        """Find one mask for each object of a prompt set, decoded in batches.

        Parameters
        ----------
        prompts : PromptSet
            In any number of planes; an object with prompts in several gets one mask in each.

        Returns
        -------
        list of Candidate
            With a runner that works elsewhere it is empty, and `events.batch` brings them.

        Raises
        ------
        PromptError
            If one does not lie in the image.
        """
        self._settle()
        for prompt in prompts:
            self._check(prompt)
        state, embeddings = self._state(), self._decoder.embeddings
        like = Request(self._plane, prompts, self._contrast, self._settings, state.model)
        wanted = tuple(
            replace(request, contrast=state.encoded.get(request.plane, self._contrast))
            for request in requests_by_plane(prompts, like, self._shape)
        )

        def done(found: list[Candidate]) -> None:
            for request in wanted:
                self._decoder.encoded.setdefault(request.plane, request.contrast)
            self._offer(tuple(found))
            self._on_status(Status())

        self._offer(())
        self._decoder.submit(MANY, lambda report: decode_many(wanted, embeddings, report), done)
        return list(self._batch)

    @property
    def batch(self) -> tuple[Candidate, ...]:
        """What `many` found last and was not accepted."""
        return self._batch

    def accept_many(self, indices: Sequence[int] | None = None) -> list[ObjectRecord]:
        """Write what `many` found into the labels, one label each, as one step.

        Of two candidates that claim a pixel the one with the better score gets it.

        Parameters
        ----------
        indices : sequence of int, optional
            Which of `batch`; all if left out.

        Returns
        -------
        list of ObjectRecord
            Without those that had no pixel to write.

        Raises
        ------
        SessionError
            If there is nothing to accept, or the labels cannot hold that many.
        OutputError
            As for `accept`.
        """
        self._settle()
        chosen = range(len(self._batch)) if indices is None else indices
        if any(not 0 <= at < len(self._batch) for at in chosen):
            raise SessionError(f"candidates are 0 to {len(self._batch) - 1}, got {list(chosen)}")
        taken = [self._batch[at] for at in dict.fromkeys(chosen)]
        draft, made = accept_candidates(self._book, taken, self._mode)
        if not made:
            raise SessionError("there is nothing to accept; ask for candidates with many() first")
        records = self._finish("accept many", draft, made)
        self._offer(())
        return [records[label] for label in made]

    def painted(self, edit: LabelEdit) -> None:
        """Record what the user painted into the labels.

        Parameters
        ----------
        edit : LabelEdit
            With the labels as they were; if the labels do not have it yet, they get it.

        Raises
        ------
        ImageError, FrameError
            If it does not lie in the labels.
        OutputError
            As for `accept`, but the labels stay painted.
        """
        self._settle()
        if edit.changed.any():
            edit.apply(self.labels)
            draft = Draft(self.labels, self.objects)
            draft.take(edit)
            self._record("paint", draft)

    # History

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.last is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._history.next is not None

    def undo(self) -> bool:
        """Take the last step back, whatever it was; return whether there was one."""
        self._settle()
        step = self._history.last
        if step is not None:
            self._commit(step.inverse(), self._stepped_back, {"undo": 1})
        return step is not None

    def redo(self) -> bool:
        """Do the step taken back last again; return whether there was one."""
        self._settle()
        step = self._history.next
        if step is not None:
            self._commit(step, lambda _: self._history.step_forward(), {"redo": 1})
        return step is not None

    # The end

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a session file, from which `replay` makes the same labels.

        Parameters
        ----------
        path : path-like
            ``.samara.json`` by custom; appears whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written, with the inline runner; otherwise `status` tells.
        """
        self._settle()
        self._keeper.save(path, self._scene(), self._opened)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; results are delivered in this call.

        Parameters
        ----------
        timeout : float, optional
            Seconds for each of reading and writing; without end if left out.

        Returns
        -------
        bool
            False where time was over before.
        """
        return self._keeper.runner.wait(timeout) and self._runner.wait(timeout)

    def move_journal(self, journal: Journal | None) -> None:
        """Go on saving in another folder; all that was done until now is written there first.

        Parameters
        ----------
        journal : Journal or None
            None to write nothing from now on.
        """
        self._settle()
        self._keeper.move(journal)
        self._keeper.note(self._opened, self._scene())

    def close(self, wait: bool = True) -> None:
        """Finish what is being written and end the workers.

        Parameters
        ----------
        wait : bool
            Whether until that is done.  Without, this returns once every accepted object is on
            the disk; the rest is written, and the workers end, by themselves.
        """
        self._keeper.close(wait)
        self._runner.close(wait)

    def _stepped_back(self, change: Change) -> None:
        """Go back in the history; a label that is free again is given out again."""
        self._history.step_back()
        if change.lasting:
            self._book.recount()

    def _record(self, name: str, draft: Draft) -> None:
        """Commit edits that the labels have already."""
        edits = tuple(draft.edits)
        change = Change(name, (self._opened,) * 2, edits, draft.records({}, adopt=True))
        self._commit(change, self._history.push, made=edits)

    def _offer(self, found: tuple[Candidate, ...]) -> None:
        if found or self._batch:
            self._batch = found
            self.events.batch.emit(found)
