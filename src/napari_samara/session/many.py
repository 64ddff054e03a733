"""The part of a session that finds many objects at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.errors import SessionError
from napari_samara.session.candidates import Seeds
from napari_samara.session.change import Change
from napari_samara.session.events import Status
from napari_samara.session.finding import FIND, Finding
from napari_samara.session.prompting import PromptingSession
from napari_samara.session.verbs import accept_candidates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_samara.prompts import PromptSet
    from napari_samara.session.candidates import Candidate
    from napari_samara.session.finding import Sighting
    from napari_samara.session.objects import ObjectRecord


class ManySession(PromptingSession):
    """A session in which one prompt can stand for one object; see `Session`."""

    _finding: Finding | None = None

    @property
    def seeds(self) -> PromptSet:
        """Prompts of the objects that `many` looks for, with an object id for each."""
        return self._seeds.prompts

    def many(self, prompts: PromptSet, undoable: bool = False) -> list[Candidate]:
        """Find one mask for each object of a prompt set, decoded in batches.

        Objects that were found before, with the same prompts, are not decoded again.  Another
        threshold is applied to what is there.

        Parameters
        ----------
        prompts : PromptSet
            In any number of planes; an object with prompts in several gets one mask in each.
        undoable : bool
            Whether this is a step that `undo` takes back: the prompts before are looked for again.

        Returns
        -------
        list of Candidate
            With a runner that works elsewhere those that are known, and `events.batch` brings
            all.

        Raises
        ------
        PromptError
            If one does not lie in the image.
        """
        self._settle()
        for prompt in set(prompts) - set(self.seeds):
            self._check(prompt)
        before, after = self._seeds, replace(self._seeds, prompts=prompts)
        if before == after:
            self._update()  # where it has failed before
        elif undoable:
            change = Change("many", (self._opened, self._opened), seeds=(before, after))
            self._commit(change, self._history.push)
        else:
            self._seeds = after
            self._tell_seeds(before, after)
            self._keeper.note(self._held(), self._scene())
        return list(self.batch)

    def find_all(self, settings: AutomaticSettings | None = None) -> None:
        """Look for all objects of the plane without prompts, and offer them as `many` does.

        Each object gets a point, which takes the place of the seeds there are as a step that
        `undo` takes back.  With a runner that works elsewhere, `events.status` and `events.batch`
        tell.

        Parameters
        ----------
        settings : AutomaticSettings, optional
            What to look for.  Windows are used where clicks are decoded in windows of a large
            plane, crops never: each point alone finds its object again.
        """
        self._settle()
        self.stop_finding()
        contrast = self._decoder.encoded.get(self._plane, self._contrast)
        crop = self._state().looking.choice(self._plane, self._shape)
        closer = crop.rule == "object" and crop.tile is not None
        finding = Finding(self._plane, contrast, settings or AutomaticSettings(), closer)
        self._finding = finding
        embeddings = self._decoder.embeddings

        def sighted(seen: tuple[Sighting, ...]) -> None:
            if self._finding is finding:
                self.events.sighted.emit(seen)

        def failed() -> None:
            self._ended(finding)
            self.events.sighted.emit(())

        def done(found: PromptSet) -> None:
            self._ended(finding)
            if len(found):
                self._decoder.encoded.setdefault(finding.plane, finding.contrast)
                self.many(found, undoable=True)
            else:
                self.events.sighted.emit(())
                self._decoder.status(Status("failed", "no object was found in this plane"))

        self._decoder.submit(
            FIND,
            lambda report: finding.run(embeddings, report, sighted),
            done,
            failed,
        )

    @property
    def finding(self) -> bool:
        """Whether objects are being looked for."""
        return self._finding is not None

    def stop_finding(self) -> None:
        """End the search soon; what was found by then is offered."""
        if self._finding is not None:
            self._finding.stop()

    def _ended(self, finding: Finding) -> None:
        if self._finding is finding:
            self._finding = None
        self._decoder.status(Status())

    @property
    def batch(self) -> tuple[Candidate, ...]:
        """What `many` found last and was not accepted."""
        return self._batch.candidates

    @property
    def picked(self) -> tuple[int, ...]:
        """Which of `batch` will be accepted: those picked, or good enough and not left out."""
        return self._seeds.picked(self.batch, self._at_least)

    def pick(self, indices: Iterable[int]) -> None:
        """Have these of the batch accepted and leave the others out, as one step.

        Parameters
        ----------
        indices : iterable of int
            Perhaps none.

        Raises
        ------
        SessionError
            If there is no such candidate.
        """
        self._settle()
        wanted = set(indices)
        self._check_indices(wanted)
        after = self._seeds.picking(self.batch, wanted, self._at_least)
        if after != self._seeds:
            change = Change("pick", (self._opened, self._opened), seeds=(self._seeds, after))
            self._commit(change, self._history.push)

    @property
    def at_least(self) -> float:
        """Predicted IoU below which candidates of a batch are left out; settable.

        What the user has picked by hand stays as it was picked.
        """
        return self._at_least

    @at_least.setter
    def at_least(self, score: float) -> None:
        if not 0 <= score <= 1:
            raise SessionError(f"a predicted IoU lies between 0 and 1, got {score}")
        before, self._at_least = self.picked, float(score)
        if self.picked != before:
            self._tell_batch()

    def accept_many(
        self, indices: Sequence[int] | None = None, klass: str | None = None
    ) -> list[ObjectRecord]:
        """Write what `many` found into the labels, one label each, as one step.

        Of two candidates that claim a pixel the one with the better score gets it.  What is left
        out is gone with its prompts; undo brings all back.

        Parameters
        ----------
        indices : sequence of int, optional
            Which of `batch`; those of `picked` if left out, which are all unless some were left
            out.
        klass : str, optional
            Class of all of them.

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
        chosen = self.picked if indices is None else tuple(indices)
        self._check_indices(chosen)
        taken = [self.batch[at] for at in dict.fromkeys(chosen)]
        draft, made = accept_candidates(self._book, taken, self._mode, klass)
        if not made:
            raise SessionError(self._why_none(len(taken)))
        records = self._finish("accept many", draft, made, seeds=Seeds())
        return [records[label] for label in made]

    def _check_indices(self, indices: Iterable[int]) -> None:
        if any(not 0 <= at < len(self.batch) for at in indices):
            raise SessionError(f"candidates are 0 to {len(self.batch) - 1}, got {list(indices)}")

    def _why_none(self, taken: int) -> str:
        if not self.batch:
            return "there is nothing to accept; ask for candidates with many() first"
        if not taken:
            return f"all {len(self.batch)} candidates are left out; pick one, or lower the IoU"
        return (
            f"other labels cover all of the masks, and mode {self._mode!r} keeps them: set "
            "session.mode to 'overwrite' to paint over them"
        )
