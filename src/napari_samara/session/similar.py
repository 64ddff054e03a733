"""The part of a session that looks for objects like those that are accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.outlines import Outline
from napari_samara.engine.similar_settings import SimilarSettings
from napari_samara.errors import CancelledError, SessionError
from napari_samara.prompts import PromptSet, box
from napari_samara.session.events import Status
from napari_samara.session.jobs import Job
from napari_samara.session.request import upright
from napari_samara.session.reviewing import ReviewingSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.similar_search import SimilarFound
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.prompts import Prompt
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import Report

SIMILAR = "similar"
"""Lane of the search: a newer one makes an older one pointless."""

# Accepted objects that are learned from, those nearest to the current plane.
_EXAMPLES = 24


@dataclass(frozen=True, eq=False)
class SimilarAsked:
    """A search, with all that it reads of the labels.

    Attributes
    ----------
    source : Plane
        Where the examples are, upright.
    accepted, rejected : tuple of Outline
        Objects to look for, and what is none of them.
    known : dict of Plane to list of Outline
        Planes that are searched, upright, with the objects they have.
    settings : SimilarSettings
        What is left out.
    """

    source: Plane
    accepted: tuple[Outline, ...]
    rejected: tuple[Outline, ...]
    known: dict[Plane, list[Outline]]
    settings: SimilarSettings


@dataclass(frozen=True, eq=False)
class Similar:
    """What a search has found.

    Attributes
    ----------
    found : dict of Plane to SimilarFound
        By upright plane; each with its map.
    likeness : dict of PromptSet to float
        Of each candidate, by its prompts.
    """

    found: dict[Plane, SimilarFound] = field(default_factory=dict)
    likeness: dict[PromptSet, float] = field(default_factory=dict)


class SimilarSession(ReviewingSession):
    """A session that finds more objects like the accepted ones; see `Session`."""

    _similar: Similar | None = None

    def find_similar(
        self,
        planes: Sequence[Plane] | None = None,
        settings: SimilarSettings | None = None,
        labels: Sequence[int] | None = None,
    ) -> Similar | None:
        """Look for objects like the accepted ones; what is found becomes the batch, as one step.

        Candidates of the batch that were left out by hand count as examples of what is not
        wanted.  Nothing is accepted: `accept_many` takes what is picked, and `pick_similar`
        picks by likeness.

        Parameters
        ----------
        planes : sequence of Plane, optional
            Where to look; the current plane if left out.
        settings : SimilarSettings, optional
            What is left out.
        labels : sequence of int, optional
            Examples; all objects of the current plane, or of the nearest plane that has some, if
            left out.

        Returns
        -------
        Similar or None
            As `similar`; with a runner that works elsewhere that of before, and `events.batch`
            tells.

        Raises
        ------
        SessionError
            If no object is accepted, or the labels have none of them.
        """
        self._settle()
        asked = self._to_look_for(planes or [self._plane], settings or SimilarSettings(), labels)
        embeddings = self._decoder.embeddings
        contrast = self._decoder.encoded.get(self._plane, self._contrast)
        job = Job(
            lambda report: look_for(asked, embeddings, contrast, report),
            self._on_similar,
            self._on_similar_failed,
            self._on_status,
            SIMILAR,
        )
        self._runner.submit(job)
        return self._similar

    @property
    def similar(self) -> Similar | None:
        """What `find_similar` has found last; None before."""
        return self._similar

    @property
    def likeness(self) -> tuple[float, ...]:
        """How much each of `batch` is like the accepted objects; 0 for those not found so."""
        known = self._similar.likeness if self._similar is not None else {}
        return tuple(known.get(one.prompts, 0.0) for one in self.batch)

    def pick_similar(self, at_least: float) -> None:
        """Have those of the batch accepted that are like the accepted objects, as one step.

        Parameters
        ----------
        at_least : float
            Likeness, 0 to 1.

        Raises
        ------
        SessionError
            If there is nothing to pick.
        """
        if not self.batch:
            raise SessionError("there is nothing to pick; call find_similar() first")
        self.pick([at for at, like in enumerate(self.likeness) if like >= at_least])

    def stop_similar(self) -> None:
        """Stop a search; what was found before stays."""
        self._runner.cancel(SIMILAR)
        self._on_status(Status())

    def _to_look_for(
        self, planes: Sequence[Plane], settings: SimilarSettings, labels: Sequence[int] | None
    ) -> SimilarAsked:
        wanted = set(self.objects if labels is None else labels)
        source = self._nearest_with(wanted)
        if source is None:
            raise SessionError("nothing to look for: accept some objects first, then find similar")
        known = {at: self._outlines(at) for at in dict.fromkeys(map(upright, planes))}
        examples = [one for number, one in self._numbered(source) if number in wanted]
        by_hand = dict(self._seeds.picks)
        rejected = tuple(
            Outline(one.box, one.crop)
            for one in self.batch
            if not by_hand.get(one.prompts, True) and one.plane == source and one.area
        )
        return SimilarAsked(source, tuple(examples[:_EXAMPLES]), rejected, known, settings)

    def _nearest_with(self, wanted: set[int]) -> Plane | None:
        """Upright plane with accepted objects, nearest to the current one among like planes."""
        here = upright(self._plane)
        at = dict(here.fixed)
        planes = {
            upright(part.plane)
            for number, record in self.objects.items()
            if number in wanted
            for part in record.parts
        }
        like = [plane for plane in planes if plane.displayed == here.displayed]
        return min(
            like,
            key=lambda plane: sum(abs(index - at[axis]) for axis, index in plane.fixed),
            default=None,
        )

    def _outlines(self, plane: Plane) -> list[Outline]:
        return [one for _, one in self._numbered(plane)]

    def _numbered(self, plane: Plane) -> list[tuple[int, Outline]]:
        """Return accepted objects of an upright plane, cut out of the labels."""
        found = []
        canvas: NDArray[Any] = np.asarray(plane.extract(self.labels))
        for number, record in self.objects.items():
            for part in record.parts:
                if upright(part.plane) != plane:
                    continue
                row0, col0, row1, col1 = part.box
                around = (col0, row0, col1, row1) if part.plane.transposed else part.box
                window = slice(around[0], around[2]), slice(around[1], around[3])
                inside = np.asarray(canvas[window] == number)
                if inside.any():
                    found.append((number, Outline(around, inside)))
        return found

    def _on_similar(self, similar: Similar) -> None:
        """Make what was found the batch."""
        self._similar = similar
        self._on_status(Status())
        prompts = PromptSet.from_objects(
            {number: list(own) for number, own in enumerate(similar.likeness, start=1)}
        )
        self.many(prompts, undoable=True)

    def _on_similar_failed(self, error: Exception) -> None:
        if not isinstance(error, CancelledError):
            self._on_status(Status("failed", str(error)))


def look_for(asked: SimilarAsked, embeddings: Embeddings, contrast: Any, report: Report) -> Similar:
    """Learn from the examples and search the planes; run away from the session.

    Parameters
    ----------
    asked : SimilarAsked
        What and where.
    embeddings : Embeddings
        Of the image; tiles are kept there, and in the store.
    contrast : Contrast
        How values become 8-bit.
    report : Report
        Told how far it is.

    Returns
    -------
    Similar
        Prompts with the most alike first.

    Raises
    ------
    CancelledError
        If nobody waits for it any more.
    SamaraError
        What reading, encoding and decoding raise.
    """
    from napari_samara.engine.similar_search import learn_in_tiles, search

    predictor: Any = embeddings.predictor
    size = embeddings.size(asked.source)
    looks = learn_in_tiles(
        lambda crop: embeddings.get(asked.source, contrast, report, crop),
        size,
        asked.accepted,
        asked.rejected,
    )
    found: dict[Plane, SimilarFound] = {}
    likeness: list[tuple[float, PromptSet]] = []
    for number, (plane, known) in enumerate(asked.known.items()):
        where = f", plane {number + 1} of {len(asked.known)}" if len(asked.known) > 1 else ""
        unlike = asked.rejected if plane == asked.source else ()
        found[plane] = search(
            predictor,
            lambda crop, plane=plane: embeddings.get(plane, contrast, report, crop),  # type: ignore[misc]
            embeddings.size(plane),
            looks,
            asked.settings,
            known=[*known, *unlike],
            cancelled=report.cancelled,
            progress=lambda done, total, where=where: report.say(  # type: ignore[misc]
                Status("decoding", f"looking for similar objects{where}", done, total)
            ),
        )
        likeness += [
            (one.likeness, PromptSet([_box(plane, one.prompt)])) for one in found[plane].objects
        ]
    likeness.sort(key=lambda pair: -pair[0])
    return Similar(found, {own: like for like, own in likeness})


def _box(plane: Plane, corners: PixelBox) -> Prompt:
    """Return the box prompt of an upright plane."""
    axes = tuple(axis for axis, _ in plane.fixed)
    at = tuple(index for _, index in plane.fixed)
    if len(axes) == 1:
        return box(*corners, axis=axes[0], index=at[0])
    return box(*corners, axis=axes or None, index=at or None)
