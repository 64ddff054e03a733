"""Requests to masks: the pure functions that a worker runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import CancelledError
from napari_samara.prompts import PromptInputs, PromptSet
from napari_samara.session.events import Status
from napari_samara.session.objects import Candidate, ObjectPart
from napari_samara.session.request import decodable, upright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.masks import Mask
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import Report
    from napari_samara.session.request import Request


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a request.

    Attributes
    ----------
    request : Request
        What was asked.
    masks : tuple of Mask
        Best predicted IoU first, in pixels of the plane as it is shown.
    pixels : str
        Digest of the RGB plane that was encoded.
    """

    request: Request
    masks: tuple[Mask, ...]
    pixels: str = ""

    def part(self, choice: int) -> ObjectPart:
        """Return how the mask number `choice` came about."""
        return ObjectPart(
            self.request.plane,
            self.masks[choice].box or (0, 0, 0, 0),
            choice,
            tuple(mask.score for mask in self.masks),
            self.request.contrast,
            self.request.settings,
            self.pixels,
        )


def decode(request: Request, embeddings: Embeddings, report: Report) -> Answer:
    """Masks of one object in one plane.

    Parameters
    ----------
    request : Request
        What is asked.
    embeddings : Embeddings
        Of the image.
    report : Report
        Told what goes on.

    Returns
    -------
    Answer
        With at least one mask.

    Raises
    ------
    CancelledError
        If nobody waits for it any more.
    SamaraError
        What reading, encoding and decoding raise.
    """
    embedding = embeddings.get(request.plane, request.contrast, report)
    if report.cancelled():
        raise CancelledError("these prompts are no longer asked for")
    report.say(Status("decoding", "decoding prompts"))
    given = shown_inputs(request.prompts, request.plane, _size(embedding))
    masks = embeddings.predictor.predict(
        embedding,
        points=given.points,
        positive=given.positive,
        box=given.box,
        mask=given.mask,
        settings=request.settings,
    )
    return Answer(request, tuple(masks), embedding.key.pixels if embedding.key else "")


def decode_many(
    wanted: tuple[Request, ...], embeddings: Embeddings, report: Report
) -> list[Candidate]:
    """One mask for each object of a prompt set, plane by plane, in as few batches as can be.

    Parameters
    ----------
    wanted : tuple of Request
        One for each plane, with the prompts of all objects in it.
    embeddings : Embeddings
        Of the image.
    report : Report
        Told how far it is.

    Returns
    -------
    list of Candidate
        In the order of the planes and objects; without those that only have negative prompts.

    Raises
    ------
    CancelledError
        If nobody waits for it any more.
    SamaraError
        What reading, encoding and decoding raise.
    """
    found: list[Candidate] = []
    total = sum(len(request.prompts.objects) for request in wanted)
    for request in wanted:
        embedding = embeddings.get(request.plane, request.contrast, report)
        for number, mask in _each(request, embedding, embeddings):
            if report.cancelled():
                raise CancelledError("these objects are no longer asked for")
            pixels = embedding.key.pixels if embedding.key else ""
            found.append(_candidate(Answer(request, (mask,), pixels), number))
            report.say(Status("decoding", "decoding objects", len(found), total))
    place = {
        (request.plane, number): (at, order)
        for at, request in enumerate(wanted)
        for order, number in enumerate(request.prompts.objects)
    }
    return sorted(found, key=lambda one: place[one.plane, one.object_id])


def shown_inputs(prompts: PromptSet, plane: Plane, size: tuple[int, int]) -> PromptInputs:
    """Return what the prompts of one object say, in pixels of the plane as it is shown.

    Parameters
    ----------
    prompts : PromptSet
        Of one object, with id 1, in one plane.
    plane : Plane
        Whose rows may run along the later axis.
    size : tuple of int
        (rows, cols) as shown.

    Returns
    -------
    PromptInputs
        Rows and columns swapped for a transposed plane.

    Raises
    ------
    PromptError
        If a prompt lies outside the plane.
    """
    given = prompts.inputs(1, size[::-1] if plane.transposed else size)
    if not plane.transposed:
        return given
    return replace(
        given,
        points=np.ascontiguousarray(given.points[:, ::-1]),
        box=None if given.box is None else given.box[[1, 0, 3, 2]],
        mask=None if given.mask is None else np.ascontiguousarray(given.mask.T),
    )


def _each(
    request: Request, embedding: Embedding, embeddings: Embeddings
) -> Iterator[tuple[int, Mask]]:
    """(object id, mask): lone boxes and lone points in batches, all others one by one."""
    size = _size(embedding)
    lone: dict[str, list[tuple[int, NDArray[np.float32]]]] = {"boxes": [], "points": []}
    others: list[tuple[int, PromptInputs]] = []
    for number, group in request.prompts.objects.items():
        if not decodable(PromptSet(group)):
            continue
        given = shown_inputs(PromptSet(group), request.plane, size)
        if given.mask is None and given.box is not None and len(given.points) == 0:
            lone["boxes"].append((number, given.box))
        elif given.mask is None and given.box is None and len(given.points) == 1:
            lone["points"].append((number, given.points[0]))
        else:
            others.append((number, given))
    for name, items in lone.items():
        if items:
            batch: dict[str, Any] = {name: np.stack([values for _, values in items])}
            masks = embeddings.predictor.iterate_many(embedding, settings=request.settings, **batch)
            yield from zip((number for number, _ in items), masks, strict=True)
    for number, given in others:
        masks_of_one = embeddings.predictor.predict(
            embedding,
            points=given.points,
            positive=given.positive,
            box=given.box,
            mask=given.mask,
            settings=request.settings,
        )
        yield number, masks_of_one[0]


def _candidate(answer: Answer, number: int) -> Candidate:
    part, mask = answer.part(0), answer.masks[0]
    row0, col0, row1, col1 = part.box
    own = PromptSet(answer.request.prompts.objects[number])
    return Candidate(number, own, part, mask.data[row0:row1, col0:col1].copy())


def _size(embedding: Embedding) -> tuple[int, int]:
    return embedding.frame.rows, embedding.frame.cols


def requests_by_plane(
    prompts: PromptSet, like: Request, shape: tuple[int, ...]
) -> tuple[Request, ...]:
    """One request for each plane of a prompt set.

    Parameters
    ----------
    prompts : PromptSet
        Of any number of objects.
    like : Request
        The current plane and what else a request needs.
    shape : tuple of int
        Of the image, an axis of channels left out.

    Returns
    -------
    tuple of Request
        The current plane as it is shown, all others upright.

    Raises
    ------
    PromptError
        If a prompt does not lie in the image.
    """
    return tuple(
        replace(like, plane=like.plane if plane == upright(like.plane) else plane, prompts=group)
        for plane, group in prompts.by_plane(shape).items()
    )
