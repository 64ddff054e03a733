"""Objects followed through a volume, slice by slice from the ones where they are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.consistency import (
    Evidence,
    compare,
    doubt_of,
    doubts_of,
    look_at,
)
from napari_samara.engine.interpolation import interpolate
from napari_samara.engine.volume_ahead import seen_of
from napari_samara.engine.volume_answers import answers_of
from napari_samara.engine.volume_appearance import Appearance
from napari_samara.engine.volume_fronts import (
    Known,
    connected,
    fronts_of,
    passed_gap,
    share_out,
    visits_of,
    without,
)
from napari_samara.engine.volume_matching import LEAST_PIXELS, Sights
from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.engine.volume_slices import PROPAGATED, SliceMask, overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.volume_ahead import Seen
    from napari_samara.engine.volume_answers import Answer
    from napari_samara.engine.volume_decoding import SlicePrompt
    from napari_samara.engine.volume_fronts import Front
    from napari_samara.engine.volume_slices import Slices
    from napari_samara.masks import Mask

    Bools = NDArray[np.bool_]
    Decode = Callable[[Embedding, Sequence[SlicePrompt]], list[Mask]]
    Found = dict[int, dict[int, SliceMask]]

# Pixels below which nothing is taken to be found.
_SMALLEST = 3

# How much of what is seen in a slice goes into what an object is remembered to look like.
_LEARNS = 0.3


_THIN = "it is thin here and grows again behind"


def _ends(evidence: Evidence, stop: float) -> bool:
    """Whether the rules tell of an end; what is seen ahead has been asked before."""
    return doubt_of(replace(evidence, seen=None))[0] >= stop


class Propagation:
    """Follows objects, one slice at a time; made for one run.

    From each known slice an object is followed both ways: to the end of the range, to a slice
    that it is known not to be in, or to the middle between two known slices.  All objects that
    are in a slice are decoded together.

    Parameters
    ----------
    slices : Slices
        The volume.
    known : mapping of int to Known
        By object id.
    decode : callable
        Returns the best mask of each prompt in a slice, see `decode_prompts`.
    settings : PropagateSettings, optional
        How.
    span : tuple of int, optional
        First slice that may be written, and the one behind the last.

    Attributes
    ----------
    found : dict of int to dict of int to SliceMask
        By object id and index, given slices included; grows with each `step`.
    evidence : dict of (int, int) to Evidence
        By object id and index, of every slice that was decoded, taken or not.
    total, done : int
        Slices times objects.
    """

    def __init__(
        self,
        slices: Slices,
        known: Mapping[int, Known],
        decode: Decode,
        settings: PropagateSettings | None = None,
        span: tuple[int, int] | None = None,
    ) -> None:
        self.slices, self.known = slices, dict(known)
        self.settings, self._decode = settings or PropagateSettings(), decode
        self._span = span or (0, len(slices))
        self.found: Found = {number: one.beginning() for number, one in self.known.items()}
        self.evidence: dict[tuple[int, int], Evidence] = {}
        self._sights = Sights(slices)
        self._fronts: list[Front] = []
        if self.settings.method == "model":
            self._fronts = fronts_of(self.known, self._span)
        self._visits = visits_of(self._fronts)
        self.total, self.done = sum(abs(f.end - f.start) for f in self._fronts), 0

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to look at."""
        return not any(self._at(visit) for visit in self._visits)

    def run(
        self,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> bool:
        """Follow all objects to their ends.

        Parameters
        ----------
        progress : callable, optional
            Called as ``progress(done, total)`` after each slice.
        cancelled : callable, optional
            Asked before each slice; what is found by then is kept.

        Returns
        -------
        bool
            False where it was cancelled.
        """
        while not self.complete:
            if cancelled is not None and cancelled():
                return False
            self.step()
            if progress is not None:
                progress(self.done, self.total)
        self.fill()
        return True

    def step(self) -> int | None:
        """Look at the next slice; return its index, None where nothing is left."""
        while self._visits:
            visit = self._visits.pop(0)
            fronts = self._at(visit)
            if fronts:
                self._visit(visit[1], fronts)
                return visit[1]
        return None

    def fill(self) -> None:
        """Interpolate what is missing between known slices; called when nothing is left."""
        for number, one in self.known.items():
            mine = self.found[number]
            for low, high in one.gaps(mine):
                mine |= interpolate({low: mine[low], high: mine[high]})

    def _at(self, visit: tuple[int, int]) -> list[Front]:
        return [front for front in self._fronts if front.covers(*visit)]

    def _visit(self, index: int, fronts: list[Front]) -> None:
        """Find all objects that are on their way through a slice."""
        here, before = self._sights.of(index), self._sights.of(index - fronts[0].way)
        taken = self._taken(index)
        for front in fronts:
            if front.look is None:
                self._remember(front)
        how = self._decode, self.settings, self.slices.step
        ahead = [self._ahead_of(front, index) for front in fronts]
        answers = answers_of(before, here, fronts, taken, how, ahead)
        reach = max(1, round(self.slices.step * self.settings.margin))
        for one, front in zip(answers, fronts, strict=True):
            np.logical_and(one.data, ~taken, out=one.data)
            one.data[...] = connected(one.data, front.last, reach)
        claims, scores = [one.data for one in answers], [one.score for one in answers]
        share_out(claims, [front.last for front in fronts], scores)
        for front, one in zip(fronts, answers, strict=True):
            self.done += 1
            front.last = without(front.last, taken)  # what others have is no loss
            self._judge(front, index, (here.pixels, taken), one)

    def _judge(
        self,
        front: Front,
        index: int,
        seen: tuple[NDArray[np.uint8], Bools],
        answer: Answer,
    ) -> None:
        """Take a mask, or end the way of its object."""
        assert front.look is not None  # `_visit` has looked
        mine, data = self.found[front.object_id], answer.data
        mask = SliceMask.of(data, answer.score, PROPAGATED)
        if mask.area < _SMALLEST:
            self._stop(front, index)
            return
        pixels, taken = seen
        look = look_at(pixels, data, taken)
        assert front.appearance is not None
        assert front.known_look is not None
        evidence = replace(
            compare(front.last, data, mask.score, front.look, look),
            contrast=look.left_of(front.known_look),
            waist=mask.area / front.smallest,
            length=abs(index - front.start) * self.slices.step / front.radius,
            seen=answer.seen,
        )
        self.evidence[front.object_id, index] = evidence
        present = self.known[front.object_id].present.get(index)
        if present is not None and overlap(present.data, data) >= self.settings.agree:
            self._leave(front, index)  # even in doubt: nothing has changed here
            return
        if self.settings.stop < 1 and _ends(evidence, self.settings.stop):
            self._stop(front, index)
            return
        doubt, reason = doubt_of(evidence)
        mine[index] = replace(mask, doubt=doubt, reason=reason)
        likeness = front.appearance.tones.likeness(pixels, data)
        front.path.append((index, likeness, mask.area))
        blind = not self.settings.lookahead  # who looks ahead sees two objects for what they are
        gap = passed_gap(front.path) if blind and self.settings.stop < 1 else None
        if gap is not None:  # what was found behind it is another object
            self._stop(front, gap, index)
            return
        front.comes_to(index, data)
        front.logits = answer.logits
        self._blame(front, evidence)
        if mask.area < front.smallest:
            front.smallest, front.waist = mask.area, index
        front.look = front.look.towards(look, _LEARNS)

    def _blame(self, front: Front, evidence: Evidence) -> None:
        """Doubt the slice where the object was thin, if it has grown again behind it."""
        mine = self.found[front.object_id]
        thin, doubt = mine.get(front.waist), doubts_of(evidence)["waist"]
        known = front.waist in self.known[front.object_id].masks
        if thin is not None and not known and doubt > thin.doubt:
            mine[front.waist] = replace(thin, doubt=doubt, reason=_THIN)

    def _stop(self, front: Front, index: int, here: int | None = None) -> None:
        """End the way of an object that has ended; what was found from there on goes.

        On the way to another known slice it cannot have ended: what is there stays, or is filled.
        """
        mine, known = self.found[front.object_id], self.known[front.object_id]
        for beyond in range(index, front.end + front.way, front.way):
            if beyond in mine and beyond not in known.masks and not front.bounded:
                del mine[beyond]
        self._leave(front, index if here is None else here)

    def _leave(self, front: Front, index: int) -> None:
        front.active = False
        self.done += abs(front.end - index)

    def _ahead_of(self, front: Front, index: int) -> Seen | None:
        """Return what is seen of an object from afar, where that counts and there is something."""
        rows, cols = self.slices.size
        if not self.settings.lookahead or rows * cols < LEAST_PIXELS:
            return None
        return seen_of(front, index, self._sights.pixels, (len(self.slices), rows, cols))

    def _taken(self, index: int) -> Bools:
        """Pixels of a slice that objects have for good: accepted ones, and given slices."""
        plane, taken_of = self.slices.plane(index), self.slices.taken_of
        taken = np.zeros(self.slices.size, np.bool_) if taken_of is None else taken_of(plane).copy()
        for one in self.known.values():
            if index in one.masks:
                taken[one.masks[index].window] |= one.masks[index].crop
        return taken

    def _remember(self, front: Front) -> None:
        """Look at an object where most of it is known: near its ends it shows badly."""
        masks = self.known[front.object_id].masks
        best = max(masks, key=lambda index: masks[index].area)
        sight, data = self._sights.of(best), masks[best].data
        pixels = sight.pixels
        front.look = front.known_look = look_at(pixels, data)
        front.appearance = Appearance.of(sight, data)
        front.path.append((best, 1.0, masks[best].area))
        if best != front.start:
            here = self._sights.of(front.start)
            likeness = front.appearance.tones.likeness(here.pixels, front.last)
            front.path.append((front.start, likeness, front.smallest))
