"""The part of a session that follows objects through a volume."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_samara.errors import CancelledError, OutputError, SessionError
from napari_samara.session.draft import Brush
from napari_samara.session.jobs import Job
from napari_samara.session.objects import ObjectPart, ObjectRecord, OpenObject
from napari_samara.session.propagated import (
    OPEN,
    Propagated,
    followed_parts,
    known_of_open,
    known_of_record,
    others_of,
    painted_slices,
    require_known,
)
from napari_samara.session.remaking import RemakingSession
from napari_samara.session.request import UNNAMED, model_name
from napari_samara.session.verbs import accept_answers
from napari_samara.session.volume_segmentation import decoder_of
from napari_samara.session.volume_task import checked_span, slices_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_samara.engine.volume import Propagation
    from napari_samara.engine.volume_quality import SliceFlag
    from napari_samara.engine.volume_settings import PropagateSettings
    from napari_samara.engine.volume_slices import SliceMask, Slices
    from napari_samara.session.events import Status
    from napari_samara.session.jobs import Report

    Objects = dict[int, dict[int, SliceMask]]

PROPAGATE = "propagate"
"""Lane of the jobs, one for each slice: prompts that are drawn meanwhile are decoded in between."""


class PropagatingSession(RemakingSession):
    """A session whose objects can be followed through a volume; see `Session`."""

    _propagated: Propagated | None = None
    _step_runs = False

    def propagate(
        self,
        labels: Iterable[int] | None = None,
        axis: int | None = None,
        z_range: tuple[int, int] | None = None,
        settings: PropagateSettings | None = None,
        spacing: Sequence[float] | None = None,
    ) -> Propagated:
        """Follow objects from the slices they are known in to all others, as one step.

        Slices that were prompted or painted in stay as they are, those with nothing but negative
        prompts are not entered, and no pixel of another label is written.  Objects that were
        followed before are corrected: from each known slice only as far as masks change.

        Parameters
        ----------
        labels : iterable of int, optional
            Accepted objects; the open object, which is accepted with it, if left out.
        axis : int, optional
            Along which; the one that the current plane is scrolled along if left out.
        z_range : tuple of int, optional
            First slice that may be written, and the one behind the last.
        settings : PropagateSettings, optional
            How.
        spacing : sequence of float, optional
            Distance between neighbours along each axis.

        Returns
        -------
        Propagated
            With a runner that works elsewhere labels change later, and `events.propagated` tells.

        Raises
        ------
        SessionError
            If one is under way, or an object is not known in a slice along the axis.
        ImageError
            If axis, range or spacing do not fit.
        SamaraError
            What reading, encoding and decoding raise, with the inline runner.
        """
        from napari_samara.engine.volume import Propagation

        self._settle()
        if self._propagated is not None:
            raise SessionError("objects are being followed already; wait, or stop_propagation()")
        chosen = None if labels is None else sorted(set(labels))
        propagated = self._to_follow(chosen)
        slices = self._ways(axis, spacing, propagated)
        known = {
            label: known_of_record(record, slices, self.labels)
            for label, record in propagated.records.items()
        }
        opened = propagated.opened
        if opened is not None:
            number = opened.label or OPEN
            answers = propagated.answers
            known[number] = known_of_open(opened, answers, slices, known.get(number))
        require_known(known, slices.axis)
        span = checked_span(z_range, len(slices))
        decode = decoder_of(self._predictor, self._settings)  # type: ignore[arg-type]
        run = Propagation(slices, known, decode, settings, span)
        propagated.total = run.total
        self._propagated = propagated
        self._next_slice(propagated, run)
        return propagated

    @property
    def propagating(self) -> Propagated | None:
        """What is under way."""
        return self._propagated

    @property
    def flags(self) -> tuple[SliceFlag, ...]:
        """Slices that were found by following objects, sorted as `flags_of` sorts them."""
        from napari_samara.engine.volume_quality import SliceFlag

        found = [
            SliceFlag(label, part.plane.index or 0, part.doubt or 0.0, part.reason, stake)
            for label, record in self.objects.items()
            for part, stake in followed_parts(record)
        ]
        return tuple(sorted(found, key=lambda flag: (-flag.at_stake, flag.object_id, flag.index)))

    def stop_propagation(self) -> None:
        """End what is under way after the slice it is at; what is found by then is kept."""
        if self._propagated is not None:
            self._propagated.stopping = True

    def _to_follow(self, labels: Sequence[int] | None) -> Propagated:
        """Take the objects that are asked for as they are now."""
        if labels is not None:
            missing = [label for label in labels if label not in self.objects]
            if missing or not labels:
                raise SessionError(f"there is no object {missing[0] if missing else ''} to follow")
            return Propagated({label: self.objects[label] for label in labels})
        self._wait_for_masks()
        label = self._opened.label
        old = self.objects.get(label) if label is not None else None
        records = {} if old is None else {old.label: old}
        return Propagated(records, self._opened, dict(self._decoder.answers))

    def _ways(
        self, axis: int | None, spacing: Sequence[float] | None, propagated: Propagated
    ) -> Slices:
        """Return the slices to go through, with the other axes fixed where they are shown."""
        along = self._plane.axis if axis is None else axis % len(self._shape)
        if along is None:
            raise SessionError("a 2D image has no slices to follow an object through")
        hidden = along if along in dict(self._plane.fixed) else self._plane.axis
        spatial = {*self._plane.displayed, hidden}
        rest = {at: n for at, n in self._plane.fixed if at not in spatial}
        own = {*propagated.records}
        return slices_of(
            self._decoder.embeddings,
            self._contrast,
            self._shape,
            along,
            rest=rest,
            spacing=spacing,
            taken_of=lambda plane: others_of(self.labels, own, plane),
            report=_Reporter(partial(self._on_slice_status, propagated)),
        )

    def _next_slice(self, propagated: Propagated, run: Propagation) -> None:
        """Have the next slice looked at, each by itself, so that others get a turn."""
        while self._propagated is propagated and not self._step_runs:
            self._step_runs = True
            job = Job(
                partial(_step, run, propagated),
                partial(self._on_slice, propagated, run),
                partial(self._on_slice_failed, propagated),
                partial(self._on_slice_status, propagated),
                PROPAGATE,
            )
            self._runner.submit(job)

    def _on_slice(self, propagated: Propagated, run: Propagation, objects: Objects | None) -> None:
        """Go on with the next slice, or write what was found."""
        self._step_runs = False
        propagated.done = run.done
        if objects is None:
            self.events.propagated.emit(propagated)
            self._next_slice(propagated, run)
            return
        self._propagated = None
        try:
            self._land(propagated, run, objects)
        except (OutputError, SessionError) as error:
            propagated.failed = str(error)
            self.events.propagated.emit(propagated)

    def _land(self, propagated: Propagated, run: Propagation, objects: Objects) -> None:
        """Write all objects as one step; told once they are in the labels."""
        self._settle()
        draft = self._book.draft()
        made: dict[int, ObjectRecord] = {}
        opened = propagated.opened
        if opened is not None and self._unchanged(propagated, opened.label):
            label = opened.label or self._book.free_label()
            brush = Brush(label, self._mode, tuple(self.objects), replacing=label == opened.label)
            draft, made[label] = accept_answers(self._book, opened, propagated.answers, brush, None)
        for label, record in propagated.records.items():
            if label not in made and self._unchanged(propagated, label) and opened is None:
                made[label] = record
        if not made:
            raise SessionError("every object was changed while it was followed; follow it again")
        like = self._like()
        for label, record in made.items():
            number = (opened.label or OPEN) if opened is not None else label
            found = run.known[number], objects.get(number, {})
            made[label] = painted_slices(self._book, (draft, record), run.slices, found, like)
        after = OpenObject() if opened is not None and self._opened == opened else None

        def landed() -> None:
            propagated.landed = tuple(made)
            self.events.propagated.emit(propagated)

        self._finish("propagate", draft, made, after, told=landed)

    def _unchanged(self, propagated: Propagated, label: int | None) -> bool:
        """Whether an object is as it was when it set out."""
        return label is None or self.objects.get(label) == propagated.records.get(label)

    def _like(self) -> ObjectPart:
        """Return what all slices were found with."""
        model = model_name(self._predictor)
        return ObjectPart(
            self._plane,
            (0, 0, 0, 0),
            contrast=self._contrast,
            settings=self._settings,
            checkpoint="" if model.startswith(UNNAMED) else model,
        )

    def _on_slice_failed(self, propagated: Propagated, error: Exception) -> None:
        """Say why it has ended; nothing is written."""
        self._step_runs = False
        if self._propagated is propagated:
            self._propagated = None
            propagated.failed = str(error) or type(error).__name__
            if not isinstance(error, CancelledError):
                self.events.propagated.emit(propagated)

    def _on_slice_status(self, propagated: Propagated, status: Status) -> None:
        """Tell what the model is doing."""
        propagated.status = status


class _Reporter:
    """Report of the slices of a run: words go to the run, which asks by itself whether to stop."""

    def __init__(self, say: Any) -> None:
        self.say = say

    def cancelled(self) -> bool:
        """Return False."""
        return False


def _step(run: Propagation, propagated: Propagated, report: Report) -> Objects | None:
    """Look at one slice; return all that was found where it was the last."""
    from napari_samara.engine.volume_result import settled

    if not propagated.stopping and not report.cancelled():
        run.step()
        if not run.complete:
            return None
        run.fill()
    return settled(run)
