"""The part of a session that makes accepted objects again with another model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import CancelledError, SessionError
from napari_samara.session.embeddings import Embeddings
from napari_samara.session.jobs import Job
from napari_samara.session.labelling import LabellingSession
from napari_samara.session.remade import chosen, note_ious, rewritten
from napari_samara.session.remake import changed_by_hand, decode_again, work_for
from napari_samara.session.request import Request, model_name
from napari_samara.session.verbs import now
from napari_samara.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_samara.planes import Plane
    from napari_samara.session.candidates import Candidate
    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.session.events import Status
    from napari_samara.session.objects import ObjectRecord
    from napari_samara.session.remade import Remade
    from napari_samara.session.remake import PlaneWork

REMAKE = "remake"
"""Lane of the jobs, one for each plane: prompts that are drawn meanwhile are decoded in between."""


class RemakingSession(LabellingSession):
    """A session whose objects can be made again; see `Session`."""

    _remade: Remade | None = None
    _works: list[PlaneWork]
    _remake_runs = False

    def remake(self, predictor: PredictorLike) -> Remade:
        """Decode the prompts of all accepted objects with another model, as a preview.

        Objects without prompts, and those that were painted in, replaced or merged after they were
        accepted, stay as they are.  Labels do not change until `accept_remade`.

        Parameters
        ----------
        predictor : PredictorLike
            The other model; that of the session stays.

        Returns
        -------
        Remade
            With a runner that works elsewhere it fills plane by plane, and `events.remade` tells.

        Raises
        ------
        SessionError
            If there is no object to make again.
        SamaraError
            What reading, encoding and decoding raise, with the inline runner.
        """
        self._settle()
        self.discard_remade()
        checkpoint = predictor.checkpoint
        like = Request(
            self._plane, self.prompts, self._contrast, self._settings, model_name(predictor)
        )
        name = checkpoint.name if checkpoint is not None else "unnamed weights"
        by_hand = changed_by_hand(self._history.done)
        remade, works = work_for(self.objects, by_hand, self._shape, like, name)
        if not works:
            left = f": {remade.left}" if remade.left else ""
            raise SessionError(f"there is no object to make again{left}")
        memory = self._memory if checkpoint is not None else MemoryStore()
        embeddings = Embeddings(self.image, self.rgb, predictor, memory, self._store)
        self._remade, self._works = remade, works
        self._next_plane(remade, embeddings)
        return remade

    @property
    def remade(self) -> Remade | None:
        """What `remake` has found and was neither accepted nor discarded."""
        return self._remade

    def remade_labels(self, plane: Plane) -> NDArray[Any]:
        """Return the objects of a plane as they are found until now, and 0 elsewhere.

        Parameters
        ----------
        plane : Plane
            Upright.

        Returns
        -------
        ndarray of int, shape (rows, cols)
            A new array.
        """
        remade, present = self._remade, np.asarray(plane.extract(self.labels))
        if remade is None:
            return np.zeros_like(present)
        values = rewritten(remade, plane, present, remade.found)
        return np.where(np.isin(values, list(remade.found)), values, 0)

    def discard_remade(self) -> None:
        """Forget what `remake` has found, or stop it."""
        if self._remade is not None:
            self._remade, self._works, self._remake_runs = None, [], False
            self._runner.cancel(REMAKE)
            self.events.remade.emit(None)

    def accept_remade(self) -> list[ObjectRecord]:
        """Replace the objects by what `remake` has found, as one step.

        Objects that were changed meanwhile stay as they are, and no pixel of another label is
        written.  The records say which weights each object was made with.

        Returns
        -------
        list of ObjectRecord
            Of the objects that were replaced.

        Raises
        ------
        SessionError
            If there is nothing to accept, or not all planes are decoded yet.
        OutputError
            As for `accept`.
        """
        self._settle()
        remade = self._remade
        if remade is None or not remade.complete:
            raise SessionError("the objects are not made again yet; wait until all are shown")
        changed = {at for at, old in remade.records.items() if self.objects.get(at) != old}
        changed |= changed_by_hand(self._history.done) & set(remade.records)
        taken = self._with_pixels(remade, remade.taken - changed)
        if not taken:
            raise SessionError("every object was changed meanwhile, or is not found again")
        draft = self._book.draft()
        for plane in _planes_of(remade, taken):
            present = np.asarray(plane.extract(self.labels))
            draft.rewrite(plane, rewritten(remade, plane, present, taken))
        made = {label: self._record_of(remade, label) for label in sorted(taken)}
        records = self._finish(f"remake with {remade.name}", draft, made)
        self._remade = None
        self.events.remade.emit(None)
        return [records[label] for label in made]

    def _record_of(self, remade: Remade, label: int) -> ObjectRecord:
        parts = tuple(one.part for one in remade.found[label] if one.area)
        return replace(remade.records[label], parts=parts, accepted=now())

    def _with_pixels(self, remade: Remade, taken: set[int]) -> set[int]:
        """Leave out objects of which others would take every pixel."""
        missing = {label for label in taken if not remade.ious[label]}  # others keep what they have
        while missing:
            counts: Counter[int] = Counter()
            for plane in _planes_of(remade, missing):
                present = np.asarray(plane.extract(self.labels))
                counts.update(np.unique(rewritten(remade, plane, present, taken)).tolist())
            missing = {label for label in missing & taken if not counts[label]}
            taken = taken - missing
        return taken

    def _next_plane(self, remade: Remade, embeddings: Embeddings) -> None:
        """Have the next plane decoded, unless one is; each by itself, so that others get a turn."""
        while self._works and self._remade is remade and not self._remake_runs:
            work = self._works.pop(0)
            self._remake_runs = True
            job = Job(
                partial(decode_again, work, embeddings),
                partial(self._on_plane, remade, embeddings),
                partial(self._on_plane_failed, remade),
                partial(self._on_remake_status, remade),
                REMAKE,
            )
            self._runner.submit(job)

    def _on_plane(
        self, remade: Remade, embeddings: Embeddings, found: list[list[Candidate]]
    ) -> None:
        """Take over what was found in a plane and go on with the next."""
        if self._remade is not remade:
            return
        self._remake_runs = False
        for several in found:
            one = chosen(remade, several, np.asarray(several[0].plane.extract(self.labels)))
            remade.found.setdefault(one.object_id, []).append(one)
        remade.done += 1
        note_ious(remade, lambda plane: np.asarray(plane.extract(self.labels)))
        self.events.remade.emit(remade)
        self._next_plane(remade, embeddings)

    def _on_plane_failed(self, remade: Remade, error: Exception) -> None:
        """Say why it has ended."""
        if self._remade is remade and not isinstance(error, CancelledError):
            self._works, self._remake_runs = [], False
            remade.failed = str(error)
            self.events.remade.emit(remade)

    def _on_remake_status(self, remade: Remade, status: Status) -> None:
        """Tell what the model is doing."""
        if self._remade is remade:
            remade.status = status
            self.events.remade.emit(remade)


def _planes_of(remade: Remade, taken: Collection[int]) -> list[Plane]:
    """Planes that objects were or will be in, each once."""
    return list(dict.fromkeys(one.plane for label in taken for one in remade.found[label]))
