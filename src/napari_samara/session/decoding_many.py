"""Requests to many objects: decoded in batches, or taken from what was found before."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.engine.crop_search import CropSearch, extent_of
from napari_samara.errors import CancelledError
from napari_samara.prompts import PromptSet
from napari_samara.session.candidates import Candidate
from napari_samara.session.decoding import Answer, crop_size, shown_inputs
from napari_samara.session.events import Status
from napari_samara.session.request import Looking, decodable, upright

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.crops import CropChoice
    from napari_samara.intensity import Contrast
    from napari_samara.masks import Mask, PixelBox
    from napari_samara.planes import Plane
    from napari_samara.prompts import PromptInputs
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import Report
    from napari_samara.session.request import Request

Key: TypeAlias = "tuple[Plane, PromptSet, Contrast, str, CropChoice]"
"""All that the logits of one of many objects depend on."""

KEPT_LOGITS = 1 << 28
"""Bytes of logits that are kept for another threshold; objects beyond are decoded again."""

# Seconds between two words on how far it is.
_PAUSE = 0.1


@dataclass(frozen=True)
class Wanted:
    """One object in one plane.

    Attributes
    ----------
    request : Request
        With the prompts of this object alone, under its id.
    object_id : int
        In the prompt set it came with.
    """

    request: Request
    object_id: int

    @cached_property
    def key(self) -> Key:
        """What it is found again by."""
        asked = self.request
        own = PromptSet(asked.prompts.objects[self.object_id])
        return asked.plane, own, asked.contrast, asked.model, asked.crop


def wanted_objects(
    prompts: PromptSet,
    like: Request,
    shape: tuple[int, ...],
    shown: Mapping[Plane, Plane],
    encoded: Mapping[Plane, Contrast],
    looking: Looking | None = None,
) -> tuple[Wanted, ...]:
    """List every object of a prompt set that can be decoded, plane by plane.

    Parameters
    ----------
    prompts : PromptSet
        Of any number of objects; one with prompts in several planes is listed for each.
    like : Request
        The current plane, and what else a request needs.
    shape : tuple of int
        Of the image, an axis of channels left out.
    shown : mapping of Plane to Plane
        By upright plane, as it was shown when it was asked for before.
    encoded : mapping of Plane to Contrast
        What planes were encoded with already.
    looking : Looking, optional
        What part of each plane is looked at; all of it if left out.

    Returns
    -------
    tuple of Wanted
        The current plane as it is shown, all others upright or as before.

    Raises
    ------
    PromptError
        If a prompt does not lie in the image.
    """
    here, looking = upright(like.plane), looking or Looking()
    found = []
    for plane, groups in prompts.by_plane(shape).items():
        view = like.plane if plane == here else shown.get(plane, plane)
        contrast = encoded.get(view, like.contrast)
        for number, group in groups.objects.items():
            if decodable(PromptSet(group)):
                own = PromptSet(group, number)
                crop = looking.choice(view, shape)
                asked = replace(like, plane=view, prompts=own, contrast=contrast, crop=crop)
                found.append(Wanted(asked, number))
    return tuple(found)


def decode_many(
    wanted: tuple[Wanted, ...],
    known: Mapping[Key, Candidate],
    embeddings: Embeddings,
    report: Report,
) -> list[Candidate]:
    """One mask for each object, in as few batches as can be.

    Parameters
    ----------
    wanted : tuple of Wanted
        In any number of planes.
    known : mapping of Key to Candidate
        Found before: those are not decoded again, also where the threshold is another.
    embeddings : Embeddings
        Of the image.
    report : Report
        Told how far it is.

    Returns
    -------
    list of Candidate
        In the order of `wanted`.

    Raises
    ------
    CancelledError
        If nobody waits for it any more.
    SamaraError
        What reading, encoding and decoding raise.
    """
    found: dict[Wanted, Candidate] = {}
    room, told = KEPT_LOGITS, float("-inf")
    for one, candidate in _all(wanted, known, embeddings, report):
        if report.cancelled():
            raise CancelledError("these objects are no longer asked for")
        room -= candidate.logits.nbytes if candidate.logits is not None else 0
        found[one] = candidate if room >= 0 else replace(candidate, logits=None)
        if (now := time.monotonic()) - told >= _PAUSE or len(found) == len(wanted):
            told = now
            report.say(Status("decoding", "decoding objects", len(found), len(wanted)))
    return [found[one] for one in wanted]


def _all(
    wanted: tuple[Wanted, ...],
    known: Mapping[Key, Candidate],
    embeddings: Embeddings,
    report: Report,
) -> Iterator[tuple[Wanted, Candidate]]:
    """Candidates that are known, then those that must be decoded."""
    missing: dict[tuple[Plane, Contrast], list[Wanted]] = {}
    for one in wanted:
        old = known.get(one.key)
        again = _again(one, old, embeddings) if old is not None else None
        if again is not None:
            yield one, again
        else:
            where = one.request.plane, one.request.contrast
            missing.setdefault(where, []).append(one)
    for group in missing.values():
        yield from _searched(group, embeddings, report)


def _searched(
    group: list[Wanted], embeddings: Embeddings, report: Report
) -> Iterator[tuple[Wanted, Candidate]]:
    """Candidates of objects of one plane: crop by crop, until each mask holds."""
    plane, contrast = group[0].request.plane, group[0].request.contrast
    size = embeddings.size(plane)
    searches: dict[Wanted, CropSearch[Candidate]] = {}
    for one in group:
        own = PromptSet(one.request.prompts.objects[one.object_id])
        given = shown_inputs(own, plane, size)
        searches[one] = CropSearch(one.request.crop, given, size)
    while searches:
        crops: dict[PixelBox | None, list[Wanted]] = {}
        for one, search in searches.items():
            crops.setdefault(search.crop, []).append(one)
        for crop, here in crops.items():
            embedding = embeddings.get(plane, contrast, report, crop)
            pixels = embedding.key.pixels if embedding.key else ""
            given_here = [(one, searches[one].inputs) for one in here]
            for one, mask in _decoded(given_here, embedding, embeddings):
                found = candidate_of(one, Answer(one.request, (mask,), pixels, crop), size)
                if searches[one].told(found, extent_of(mask, crop, size)):
                    yield one, searches.pop(one).found


def _again(one: Wanted, old: Candidate, embeddings: Embeddings) -> Candidate | None:
    """Candidate that was found before, with the settings of now; None where it must be decoded."""
    settings = one.request.settings
    if old.part.settings == settings:
        return replace(old, object_id=one.object_id)
    if old.logits is None:
        return None
    crop = old.part.crop
    size = crop_size(crop, old.size)
    mask = embeddings.predictor.mask_of(old.logits, size, old.score, settings)
    return candidate_of(one, Answer(one.request, (mask,), old.part.pixels, crop), old.size)


def candidate_of(one: Wanted, answer: Answer, size: tuple[int, int], number: int = 0) -> Candidate:
    """Cut a mask to its box.

    Parameters
    ----------
    one : Wanted
        What was asked.
    answer : Answer
        With masks of the shape of its crop.
    size : tuple of int
        (rows, cols) of the plane as shown.
    number : int
        Which of the masks.

    Returns
    -------
    Candidate
        With the logits of the mask.
    """
    mask, part = answer.masks[number], answer.part(number)
    row0, col0, row1, col1 = part.box
    own = PromptSet(one.request.prompts.objects[one.object_id])
    crop = mask.data[row0:row1, col0:col1].copy()
    # A copy: that of a batch would keep the logits of the whole batch.
    logits = None if mask.logits is None else mask.logits.copy()
    if answer.crop is not None and mask.box is not None:
        top, left = answer.crop[:2]
        part = replace(part, box=(row0 + top, col0 + left, row1 + top, col1 + left))
    return Candidate(one.object_id, own, part, crop, size, logits)


def _decoded(
    group: list[tuple[Wanted, PromptInputs]], embedding: Embedding, embeddings: Embeddings
) -> Iterator[tuple[Wanted, Mask]]:
    """Objects of one crop: lone boxes and lone points in batches, all others one by one."""
    settings = group[0][0].request.settings
    lone: dict[str, list[tuple[Wanted, NDArray[np.float32]]]] = {"boxes": [], "points": []}
    others: list[tuple[Wanted, PromptInputs]] = []
    for one, given in group:
        if given.mask is None and given.box is not None and len(given.points) == 0:
            lone["boxes"].append((one, given.box))
        elif given.mask is None and given.box is None and len(given.points) == 1:
            lone["points"].append((one, given.points[0]))
        else:
            others.append((one, given))
    predictor = embeddings.predictor
    for name, items in lone.items():
        if items:
            batch: dict[str, Any] = {name: np.stack([values for _, values in items])}
            masks = predictor.iterate_many(embedding, settings=settings, **batch)
            yield from zip((one for one, _ in items), masks, strict=True)
    for one, given in others:
        alone = predictor.predict(
            embedding,
            points=given.points,
            positive=given.positive,
            box=given.box,
            mask=given.mask,
            settings=settings,
            steps=given.steps,
        )
        yield one, alone[0]
