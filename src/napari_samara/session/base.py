"""What all steps of a session share: state, events, and one way to make a change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import OutputError, PromptError
from napari_samara.planes import Plane
from napari_samara.session.batch import Batch
from napari_samara.session.candidates import Seeds
from napari_samara.session.change import Change
from napari_samara.session.decoder import Decoder
from napari_samara.session.edits import Edits
from napari_samara.session.embeddings import Embeddings
from napari_samara.session.events import SessionEvents, Status
from napari_samara.session.held import Held
from napari_samara.session.history import History
from napari_samara.session.jobs import InlineRunner
from napari_samara.session.keeper import Keeper
from napari_samara.session.label_book import LabelBook
from napari_samara.session.objects import OpenObject
from napari_samara.session.opening import About, free_journal, spatial_shape, stored_labels
from napari_samara.session.request import State, model_name, upright
from napari_samara.session.restored import Restored
from napari_samara.session.scene import Scene
from napari_samara.session.sizes import looking
from napari_samara.session.steps import step_of
from napari_samara.session.verbs import now
from napari_samara.store import MemoryStore

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.prompts import Prompt
    from napari_samara.session.draft import Draft
    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.session.jobs import JobRunner
    from napari_samara.session.journal import Journal
    from napari_samara.session.objects import ObjectRecord
    from napari_samara.session.record import SavedSession
    from napari_samara.settings import PredictSettings
    from napari_samara.store import EmbeddingStore


class SessionBase:
    """State of a session without its verbs; see `Session`.

    Parameters
    ----------
    image, predictor, rgb, store, contrast, settings, runner, labels
        As for `Session`.
    journal, source, saved, must_save
        As for `Session`.

    Raises
    ------
    ImageError
        If the image or the labels do not fit.
    SessionError, OutputError
        If the folder of the journal is in use, holds another annotation, or cannot be written.
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
        journal: Journal | str | os.PathLike[str] | None = None,
        source: str | None = None,
        saved: Restored | SavedSession | None = None,
        must_save: bool = True,
    ) -> None:
        self.events = SessionEvents()
        self.image, self.rgb, self.source = image, rgb, source
        self._shape = spatial_shape(image, rgb)
        self._stored = stored_labels(labels)
        if self._stored is not None:
            self._stored.hold()
        self._book = LabelBook(labels, self._shape)
        self._predictor, self._store, self._memory = predictor, store, MemoryStore()
        if saved is not None and not isinstance(saved, Restored):
            stored = labels if hasattr(labels, "written") else None  # never whole in memory
            saved = Restored.of(saved, image, rgb, stored)
        about = About.of(saved.saved if saved else None)
        self._contrast, self._settings = contrast or about.contrast, settings or about.settings
        self._mode, self._status = about.mode, Status()
        self._crop = about.crop
        self._view: tuple[Plane, PixelBox] | None = None
        ndim = len(self._shape)
        self._plane = Plane.of(ndim, fixed=dict.fromkeys(range(ndim - 2), 0))
        self._opened, self._visited = OpenObject(), 0
        self._seeds, self._at_least = Seeds(), about.at_least
        self._history: History[Change] = History()
        self._runner: JobRunner = runner or InlineRunner()
        self._decoder = Decoder(self._runner, self._embeddings(), self._on_status, self._on_answer)
        self._batch = Batch(self._decoder, self._tell_batch)
        changes, begun = self._taken_over(saved, given=labels is not None)
        self._keeper = Keeper(
            self._runner.companion(),
            free_journal(journal, begun),
            self._on_status,
            begun,
            None if must_save else self.events.unsaved.emit,
        )
        for change in changes:
            self._history.push(change)
        if begun is not None and begun.held.prompts:
            self._resume(begun.held)

    def _taken_over(
        self, restored: Restored | None, given: bool
    ) -> tuple[list[Change], SavedSession | None]:
        """Bring the labels and records to where a saved session ended."""
        if restored is None:
            return [], None
        self._book.resume(restored, given)
        dtype = np.dtype(self._book.labels.dtype).str
        return restored.changes, replace(restored.saved, dtype=dtype)

    def _embeddings(self) -> Embeddings:
        return Embeddings(self.image, self.rgb, self._predictor, self._memory, self._store)

    def _state(self) -> State:
        return State(
            self._plane,
            self._shape,
            self._opened.prompts,
            self._contrast,
            self._decoder.encoded,
            self._settings,
            model_name(self._predictor),
            {plane: answer.request for plane, answer in self._decoder.answers.items()},
            looking(self._crop, self._predictor, self._book.records, self._opened),
        )

    def _scene(self) -> Scene:
        """Return what a step is saved with."""
        checkpoint = self._predictor.checkpoint
        device = self._predictor.device
        about = {
            "image": {
                "source": self.source,
                "shape": [int(size) for size in self.image.shape],
                "dtype": str(self.image.dtype),
                "rgb": self.rgb,
            },
            "checkpoint": checkpoint.to_dict() if checkpoint is not None else None,
            "device": {"device": device.device, "precision": device.precision},
            "contrast": self._contrast.to_dict(),
            "settings": self._settings.to_dict(),
            "mode": self._mode,
            "at_least": self._at_least,
            "crop": self._crop,
            "labels_folder": None if self._stored is None else str(self._stored.path.absolute()),
        }
        return Scene(about, self.image, self._book.labels)

    def _update(self) -> None:
        """Ask for the masks that are missing."""
        self._decoder.update(self._state())
        self._batch.update(self._seeds.prompts, self._state())

    def _on_status(self, status: Status) -> None:
        self._status = status
        self.events.status.emit(status)

    def _on_answer(self) -> None:
        self._tell_candidates()
        self._update()

    def _tell_candidates(self) -> None:
        answer = self._decoder.answer(self._plane)
        self.events.candidates.emit(answer.masks if answer else (), self._choice())

    def _tell_batch(self) -> None:
        self.events.batch.emit(self._batch.candidates)

    def _choice(self) -> int:
        """Return the number of the chosen candidate on the current plane."""
        answer = self._decoder.answer(self._plane)
        count = len(answer.masks) if answer else 1
        return min(self._opened.choice(upright(self._plane)), count - 1)

    def _check(self, prompt: Prompt) -> None:
        """Refuse a prompt outside the image, before anything is changed."""
        size = prompt.plane(self._shape).size(self._shape)
        if prompt.kind != "mask":  # its deepest point takes long to find; the job finds it
            prompt.inputs(size)
        elif getattr(prompt, "size", size) != size:
            raise PromptError(f"{prompt} does not fit the plane of shape {size}")

    def _finish(
        self,
        name: str,
        draft: Draft,
        made: Mapping[int, ObjectRecord | None],
        opened: OpenObject | None = None,
        seeds: Seeds | None = None,
        told: Callable[[], None] | None = None,
    ) -> dict[int, ObjectRecord]:
        """Commit a draft as one step and return the records it leaves; `told` as for `_commit`."""
        after = self._opened if opened is None else opened
        change = Change(
            name,
            (self._opened, after),
            tuple(draft.edits),
            draft.records(made),
            None if seeds is None else (self._seeds, seeds),
        )
        self._commit(change, self._history.push, told=told)
        return {new.label: new for _, new in change.records if new is not None}

    def _commit(
        self,
        change: Change,
        then: Callable[[Change], None],
        line: Mapping[str, Any] | None = None,
        made: bool = False,
        told: Callable[[], None] | None = None,
    ) -> None:
        """Make a change: durable first if it touches labels, then in the session, then told.

        `told` is called at the very end, which comes later where another thread writes.
        """

        def make() -> None:
            try:
                self._book.apply(change)
            except OutputError:  # of labels on disk; the journal has the step already
                self._take_back(line)
                raise
            self._opened = change.opened[1]
            if change.seeds is not None:
                self._seeds = change.seeds[1]
            then(change)
            self._tell(change, silent=made)
            if told is not None:
                told()

        if not change.lasting:
            make()
            self._keeper.note(self._held(), self._scene())
            return
        time = now()

        def written() -> Mapping[str, Any]:  # away from the viewer: large objects take their time
            return line or step_of(change, time)

        seeds = change.seeds[1] if change.seeds is not None else self._seeds
        held = Held(change.opened[1], seeds)
        self._keeper.keep(written, held, self._scene(), make, Edits(change.edits, made))

    def _take_back(self, line: Mapping[str, Any] | None) -> None:
        """Have the journal forget the step that came last."""
        if line is None:
            self._history.forget_undone()
        opposite = {"redo": 1} if line is not None and "undo" in line else {"undo": 1}
        self._keeper.keep(lambda: opposite, self._held(), self._scene(), _nothing, Edits())

    def _held(self) -> Held:
        """Return what is given and not accepted yet."""
        return Held(self._opened, self._seeds)

    def _resume(self, held: Held) -> None:
        """Take up what was not accepted, as one step."""
        seeds = (Seeds(), held.seeds) if len(held.seeds.prompts) else None
        change = Change("resume", (OpenObject(), held.opened), seeds=seeds)
        self._commit(change, self._history.push)

    def _tell(self, change: Change, silent: bool) -> None:
        for edit in () if silent else change.edits:
            self.events.edited.emit(edit)
        if change.records:
            self.events.objects.emit()
        before, after = change.opened
        if before.prompts != after.prompts:
            self.events.prompts.emit(after.prompts)
        if before != after:
            self._update()
            self._tell_candidates()
        if change.seeds is not None:
            self._tell_seeds(*change.seeds)

    def _tell_seeds(self, before: Seeds, after: Seeds) -> None:
        if before.prompts != after.prompts:
            self.events.seeds.emit(after.prompts)
            self._update()
        elif before != after:
            self._tell_batch()

    def _settle(self) -> None:
        """Wait for steps that are being made durable: the next one starts where they end."""
        self._keeper.settle()


def _nothing() -> None:
    """Do nothing once a line is written."""
