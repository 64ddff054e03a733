"""The many objects that are looked for at once, and the job that finds those still missing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_samara.session.decoder import MANY
from napari_samara.session.decoding_many import KEPT_LOGITS, decode_many, wanted_objects
from napari_samara.session.events import Status
from napari_samara.session.request import Request, upright

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.prompts import PromptSet
    from napari_samara.session.candidates import Candidate
    from napari_samara.session.decoder import Decoder
    from napari_samara.session.decoding_many import Key, Wanted
    from napari_samara.session.request import State

# Candidates that are kept for when their prompts come back, by undo for instance.
_KEPT = 4096


@dataclass(eq=False)
class Batch:
    """Candidates of the seeds; what was found once is not decoded again.

    Parameters
    ----------
    decoder : Decoder
        Runs the jobs, and knows what each plane was encoded with.
    offered : callable
        Called without arguments when the candidates have changed.
    """

    decoder: Decoder
    offered: Callable[[], None]
    candidates: tuple[Candidate, ...] = ()
    _wanted: tuple[Wanted, ...] = ()
    _known: dict[Key, Candidate] = field(default_factory=dict)

    def update(self, prompts: PromptSet, state: State) -> None:
        """Offer what is known of some objects and have the others looked for.

        Parameters
        ----------
        prompts : PromptSet
            With an object id for each.
        state : State
            As it is now; its own prompts do not matter.
        """
        if not (len(prompts) or self._wanted or self.candidates):
            return
        planes = (one.request.plane for one in self._wanted)
        wanted = wanted_objects(
            prompts,
            Request(state.plane, prompts, state.contrast, state.settings, state.model),
            state.shape,
            {upright(plane): plane for plane in planes},
            state.encoded,
            replace(state.looking, crops={}),
        )
        if wanted != self._wanted:
            self._wanted = wanted
            self._find(wanted)

    def _find(self, wanted: tuple[Wanted, ...]) -> None:
        """Offer what is known, and submit a job unless that is all."""
        known = {one.key: self._known[one.key] for one in wanted if one.key in self._known}
        old = [(one, known[one.key]) for one in wanted if one.key in known]
        # With an earlier threshold perhaps, until the job is done.
        self._offer(tuple(_numbered(candidate, one) for one, candidate in old))
        fresh = all(found.part.settings == one.request.settings for one, found in old)
        if fresh and len(old) == len(wanted):
            self.decoder.runner.cancel(MANY)
            self.decoder.status(Status())
            return
        embeddings = self.decoder.embeddings

        def done(found: list[Candidate]) -> None:
            for one, candidate in zip(wanted, found, strict=True):
                self.decoder.encoded.setdefault(one.request.plane, one.request.contrast)
                self._known.pop(one.key, None)  # to the end: the first go first
                self._known[one.key] = candidate
            self._offer(tuple(found))
            self._forget_some(len(found))
            self.decoder.status(Status())

        def failed() -> None:
            self._wanted = ()  # ask again the next time

        self.decoder.submit(
            MANY, lambda report: decode_many(wanted, known, embeddings, report), done, failed
        )

    def _offer(self, found: tuple[Candidate, ...]) -> None:
        if found != self.candidates:
            self.candidates = found
            self.offered()

    def _forget_some(self, shown: int) -> None:
        """Drop the oldest candidates, and the logits of more, beside those that are shown."""
        for key in list(self._known)[: -max(_KEPT, shown)]:
            del self._known[key]
        room = KEPT_LOGITS
        for key in reversed(self._known):
            logits = self._known[key].logits
            room -= 0 if logits is None else logits.nbytes
            if room < 0 and logits is not None:
                self._known[key] = replace(self._known[key], logits=None)


def _numbered(candidate: Candidate, one: Wanted) -> Candidate:
    same = candidate.object_id == one.object_id
    return candidate if same else replace(candidate, object_id=one.object_id)
