"""One annotation of one image: prompts in, candidates shown, objects accepted into labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from napari_samara.errors import ImageError, PromptError, SessionError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet
from napari_samara.session.change import Change
from napari_samara.session.decoder import Decoder
from napari_samara.session.draft import MODES, Brush, Draft
from napari_samara.session.embeddings import Embeddings
from napari_samara.session.events import SessionEvents, Status
from napari_samara.session.history import History
from napari_samara.session.jobs import InlineRunner
from napari_samara.session.label_book import LabelBook
from napari_samara.session.objects import Candidate, ObjectRecord, OpenObject
from napari_samara.session.request import State, upright
from napari_samara.settings import PredictSettings
from napari_samara.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.masks import Mask
    from napari_samara.prompts import Prompt
    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.session.jobs import JobRunner
    from napari_samara.store import EmbeddingStore


class Session:
    """State of one annotation; used from one thread, which owns it.

    Parameters
    ----------
    image : array
        Anything that can be indexed and has `ndim` and `shape` (NumPy, dask, zarr); of a lazy
        array only the planes looked at are read.  Taken not to change while the session lasts.
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
        Where work is done; in the calling thread if left out, so that every call returns when its
        result is there.
    labels : array of int, optional
        Written in place; of the shape of the image without channels.  New zeros if left out.
    journal : Path, optional
        Folder in which every accepted object is made durable.
    source : str, optional
        Where the image came from, for the saved session.

    Raises
    ------
    ImageError
        If the image or the labels do not fit.
    """

    def __init__(
        self,
        image: Any,
        predictor: PredictorLike,
        *,
        rgb: bool = False,
        store: EmbeddingStore | None = None,
        contrast: Contrast | None = None,
        settings: PredictSettings | None = None,
        runner: JobRunner | None = None,
        labels: Any = None,
        journal: Path | None = None,
        source: str | None = None,
    ) -> None:
        self.events = SessionEvents()
        self.image, self.rgb, self.source = image, rgb, source
        self._shape = _spatial_shape(image, rgb)
        self._book = LabelBook(labels, self._shape)
        self._predictor, self._store, self._memory = predictor, store, MemoryStore()
        self._contrast, self._settings = contrast or Contrast(), settings or PredictSettings()
        self._mode = MODES[0]
        self._plane = Plane.of(
            len(self._shape), fixed=dict.fromkeys(range(len(self._shape) - 2), 0)
        )
        self._opened = OpenObject()
        self._last_label = 0
        self._batch: list[Candidate] = []
        self._history: History[Change] = History()
        self._runner: JobRunner = runner or InlineRunner()
        self._status = Status()
        self._decoder = Decoder(self._runner, self._embeddings(), self._on_status, self._on_answer)

    # What is looked at

    @property
    def plane(self) -> Plane:
        """The plane looked at, as it is shown; settable."""
        return self._plane

    @plane.setter
    def plane(self, plane: Plane) -> None:
        self.set_plane(plane)

    def set_plane(self, plane: Plane) -> None:
        """Look at another plane; encodes nothing unless it has prompts.

        Parameters
        ----------
        plane : Plane
            Rows may run along the later axis: masks then come transposed as well.

        Raises
        ------
        ImageError
            If it does not lie in the image.
        """
        plane.size(self._shape)
        if plane != self._plane:
            self._plane = plane
            self._update()
            self._tell_candidates()
            self.events.stale.emit(self.stale)

    @property
    def predictor(self) -> PredictorLike:
        """The model; settable, then everything is encoded and decoded anew."""
        return self._predictor

    @predictor.setter
    def predictor(self, predictor: PredictorLike) -> None:
        if predictor is self._predictor:
            return
        if predictor.checkpoint is None or self._predictor.checkpoint is None:
            self._memory = MemoryStore()  # keys do not tell weights without a digest apart
        self._predictor = predictor
        self._decoder.embeddings = self._embeddings()
        self._decoder.encoded.clear()
        self._update()
        self.events.stale.emit(self.stale)

    @property
    def contrast(self) -> Contrast:
        """How intensities become what the model sees; settable.

        A plane that is encoded stays with its contrast, and `stale` says so, until `encode`.
        """
        return self._contrast

    @contrast.setter
    def contrast(self, contrast: Contrast) -> None:
        if contrast != self._contrast:
            self._contrast = contrast
            self._update()
            self.events.stale.emit(self.stale)

    @property
    def settings(self) -> PredictSettings:
        """Threshold and clean-up of masks; settable, then prompts are decoded anew."""
        return self._settings

    @settings.setter
    def settings(self, settings: PredictSettings) -> None:
        self._settings = settings
        self._update()

    @property
    def mode(self) -> str:
        """What accept may write over: ``keep``, ``overwrite``, ``overwrite-unaccepted``."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in MODES:
            raise SessionError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self._mode = mode

    @property
    def stale(self) -> bool:
        """Whether the current plane was encoded with another contrast than `contrast`."""
        return self._decoder.encoded.get(self._plane, self._contrast) != self._contrast

    @property
    def status(self) -> Status:
        """What is going on."""
        return self._status

    def encode(self) -> None:
        """Encode the current plane with the contrast that is set, and decode its prompts anew."""
        plane, contrast, embeddings = self._plane, self._contrast, self._decoder.embeddings

        def done(_: object) -> None:
            self._decoder.encoded[plane] = contrast
            self._on_status(Status())
            self._update()
            self.events.stale.emit(self.stale)

        self._decoder.cancel()
        self._decoder.submit("live", lambda report: embeddings.get(plane, contrast, report), done)

    def encoder_input(self) -> NDArray[np.uint8]:
        """Return the current plane as the model sees it, uint8 (rows, cols, 3)."""
        return self._decoder.embeddings.encoder_input(self._plane, self._contrast)

    # The open object

    @property
    def prompts(self) -> PromptSet:
        """Prompts of the open object, all with object id 1."""
        return self._opened.prompts

    @property
    def open_label(self) -> int | None:
        """Label of the object that was reopened; None for a new one."""
        return self._opened.label

    def add(self, prompt: Prompt) -> None:
        """Give the open object one more prompt; a prompt in another plane is gone to.

        Parameters
        ----------
        prompt : Prompt
            In data coordinates of the image.

        Raises
        ------
        PromptError
            If it does not lie in the image; nothing changes then.
        """
        self._settle()
        self._set_prompts("add prompt", self.prompts.add(prompt), prompt)

    def remove(self, position: int) -> None:
        """Take a prompt away.

        Parameters
        ----------
        position : int
            In `prompts`.

        Raises
        ------
        PromptError
            If there is no such prompt.
        """
        self._settle()
        self._set_prompts("remove prompt", self.prompts.remove(position))

    def replace(self, position: int, prompt: Prompt) -> None:
        """Put a prompt in the place of another, which it was moved from for instance.

        Parameters
        ----------
        position : int
            In `prompts`.
        prompt : Prompt
            The new one.

        Raises
        ------
        PromptError
            If there is no such prompt, or the new one does not lie in the image.
        """
        self._settle()
        self._set_prompts("move prompt", self.prompts.replace(position, prompt), prompt)

    def set_prompts(self, prompts: PromptSet) -> None:
        """Give the open object other prompts; equal ones change nothing.

        Parameters
        ----------
        prompts : PromptSet
            Object ids in it do not matter: all are taken as one object.

        Raises
        ------
        PromptError
            If one does not lie in the image; nothing changes then.
        """
        self._settle()
        self._set_prompts("set prompts", PromptSet(prompts))

    def clear(self) -> None:
        """Take all prompts away; a reopened object stays as it was accepted."""
        self._settle()
        if self._opened != OpenObject():
            self._commit(Change("clear prompts", (self._opened, OpenObject())), self._push)

    @property
    def candidates(self) -> tuple[Mask, ...]:
        """Masks of the open object on the current plane, best predicted IoU first."""
        answer = self._decoder.answer(self._plane)
        return answer.masks if answer is not None else ()

    @property
    def choice(self) -> int:
        """Number of the chosen candidate."""
        chosen = self._opened.choice(upright(self._plane))
        return max(0, min(chosen, len(self.candidates) - 1))

    @property
    def candidate(self) -> Mask | None:
        """The chosen candidate; None where there is none."""
        return self.candidates[self.choice] if self.candidates else None

    def choose(self, number: int) -> None:
        """Choose one of the candidates.

        Parameters
        ----------
        number : int
            From 0 up.

        Raises
        ------
        SessionError
            If there is no such candidate.
        """
        self._settle()
        if not 0 <= number < len(self.candidates):
            raise SessionError(f"there is no candidate {number} of {len(self.candidates)}")
        if number != self.choice:
            opened = self._opened.choosing(upright(self._plane), int(number))
            self._commit(Change("choose", (self._opened, opened)), self._push)

    def cycle(self, step: int = 1) -> None:
        """Choose the next candidate, after the last the first; nothing where there is none.

        Parameters
        ----------
        step : int
            How many to go on, or back.
        """
        if self.candidates:
            self.choose((self.choice + step) % len(self.candidates))

    # Objects

    @property
    def labels(self) -> Any:
        """Labels, changed in place; settable to another array of the same shape."""
        return self._book.labels

    @property
    def objects(self) -> Mapping[int, ObjectRecord]:
        """Records of the accepted objects by label."""
        return self._book.records

    def accept(self, label: int | None = None, klass: str | None = None) -> ObjectRecord:
        """Write the chosen masks of the open object into the labels and open the next object.

        Parameters
        ----------
        label : int, optional
            For a new object; the next free one if left out.  A reopened object keeps its own.
        klass : str, optional
            Class of the object.

        Returns
        -------
        ObjectRecord
            With a runner that works elsewhere, `edited` and `objects` tell when it is durable.

        Raises
        ------
        SessionError
            If there is no mask, the mask has no pixel that may be written, or the label is taken
            or does not fit the type of the labels.
        OutputError
            If the journal cannot be written; nothing is accepted then.
        """
        self._settle()
        self._wait_for_masks()
        number = self._label_for(label)
        old = self.objects.get(number)
        draft = Draft(self.labels, self.objects)
        brush = Brush(number, self._mode, self.objects, replacing=self._opened.label is not None)
        parts, written = {part.plane: part for part in old.parts} if old else {}, 0
        for plane, answer in self._decoder.answers.items():
            part = answer.part(min(self._opened.choice(plane), len(answer.masks) - 1))
            row0, col0, row1, col1 = part.box
            crop = answer.masks[part.choice].data[row0:row1, col0:col1]
            written += draft.paint(part.plane, part.box, crop, brush)
            parts[part.plane] = part
        if not written:
            raise SessionError(_why_nothing(self._decoder.answers, self._mode))
        record = ObjectRecord(
            number,
            self.prompts,
            tuple(parts.values()),
            0,
            klass or (old.klass if old else None),
            _now(),
        )
        return self._finish(draft, "accept", {number: record}, OpenObject())[number]

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
            self._commit(step.inverse(), lambda _: self._history.step_back())
        return step is not None

    def redo(self) -> bool:
        """Do the step taken back last again; return whether there was one."""
        self._settle()
        step = self._history.next
        if step is not None:
            self._commit(step, lambda _: self._history.step_forward())
        return step is not None

    # The end

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; results are delivered in this call.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without end if left out.

        Returns
        -------
        bool
            False where time was over before.
        """
        return self._runner.wait(timeout)

    def close(self) -> None:
        """End the workers; what was accepted is saved."""
        self._runner.close()

    # Steps inside

    def _embeddings(self) -> Embeddings:
        return Embeddings(self.image, self.rgb, self._predictor, self._memory, self._store)

    def _state(self) -> State:
        checkpoint = self._predictor.checkpoint
        return State(
            self._plane,
            self._shape,
            self._opened.prompts,
            self._contrast,
            self._decoder.encoded,
            self._settings,
            checkpoint.sha256 if checkpoint is not None else f"unnamed {id(self._predictor)}",
            {plane: answer.request for plane, answer in self._decoder.answers.items()},
        )

    def _update(self) -> None:
        self._decoder.update(self._state())

    def _on_status(self, status: Status) -> None:
        self._status = status
        self.events.status.emit(status)

    def _on_answer(self) -> None:
        self._tell_candidates()
        self._update()

    def _tell_candidates(self) -> None:
        self.events.candidates.emit(self.candidates, self.choice)

    def _set_prompts(self, name: str, prompts: PromptSet, new: Prompt | None = None) -> None:
        if prompts == self.prompts:
            return
        for prompt in set(prompts) - set(self.prompts):
            self._check(prompt)
        if new is not None and new.plane(self._shape) != upright(self._plane):
            self.set_plane(new.plane(self._shape))
        opened = replace(self._opened, prompts=prompts)
        self._commit(Change(name, (self._opened, opened)), self._push)

    def _check(self, prompt: Prompt) -> None:
        """Refuse a prompt outside the image, before anything is changed."""
        size = prompt.plane(self._shape).size(self._shape)
        if prompt.kind != "mask":  # its deepest point takes long to find; it is checked in the job
            prompt.inputs(size)
        elif getattr(prompt, "size", size) != size:
            raise PromptError(f"{prompt} does not fit the plane of shape {size}")

    def _push(self, change: Change) -> None:
        self._history.push(change)

    def _finish(
        self, draft: Draft, name: str, made: Mapping[int, ObjectRecord], opened: OpenObject
    ) -> dict[int, ObjectRecord]:
        """Commit a draft as one step; return the records it leaves."""
        change = Change(name, (self._opened, opened), tuple(draft.edits), draft.records(made))
        self._commit(change, self._push)
        return {after.label: after for _, after in change.records if after is not None}

    def _commit(self, change: Change, then: Callable[[Change], None]) -> None:
        """Make a change durable, then make it."""
        self._apply(change)
        then(change)
        self._tell(change)

    def _apply(self, change: Change) -> None:
        self._book.apply(change)
        self._opened = change.opened[1]

    def _tell(self, change: Change) -> None:
        for edit in change.edits:
            self.events.edited.emit(edit)
        if change.records:
            self.events.objects.emit()
        before, after = change.opened
        if before.prompts != after.prompts:
            self.events.prompts.emit(after.prompts)
        self._update()
        self._tell_candidates()

    def _settle(self) -> None:
        """Wait for a step that is being made durable."""

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
                raise SessionError(
                    f"object {own} is open again: accept it as {own}, or clear first"
                )
            return own
        number = self._book.free_label(wanted)
        for answer in self._decoder.answers.values() if wanted is not None else ():
            if (answer.request.plane.extract(self.labels) == number).any():
                raise SessionError(
                    f"label {number} is taken in this plane; reopen({number}) to change it"
                )
        return number


_PATIENCE = 2.0


def _spatial_shape(image: Any, rgb: bool) -> tuple[int, ...]:
    """Shape of the labels of an image."""
    if not hasattr(image, "ndim") or not hasattr(image, "shape"):
        raise ImageError(
            f"a session needs one array, not {type(image).__name__}; give one level of a "
            "multiscale image, or np.asarray of a list"
        )
    shape = tuple(int(size) for size in image.shape)
    spatial = shape[:-1] if rgb else shape
    if len(spatial) < 2 or 0 in shape:
        raise ImageError(f"an image has rows and columns, got shape {shape} with rgb={rgb}")
    return spatial


def _why_nothing(answers: Mapping[Plane, Any], mode: str) -> str:
    if all(answer.masks[0].area == 0 for answer in answers.values()):
        return "the mask is empty; move the prompts or choose another candidate"
    return f"other labels cover the whole mask and mode {mode!r} keeps them; see session.mode"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
