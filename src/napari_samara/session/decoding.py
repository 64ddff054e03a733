"""A request to masks: the pure functions that a worker runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.crop_search import CropSearch, extent_of, mask_in_plane
from napari_samara.errors import CancelledError
from napari_samara.session.events import Status
from napari_samara.session.objects import ObjectPart
from napari_samara.session.request import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.masks import Mask, PixelBox
    from napari_samara.planes import Plane
    from napari_samara.prompts import PromptInputs, PromptSet
    from napari_samara.session.embeddings import Embeddings, PredictorLike
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
        Digest of the RGB plane, or crop, that was encoded.
    crop : tuple of int or None
        Half-open part of the plane that was encoded; None for all of it.
    """

    request: Request
    masks: tuple[Mask, ...]
    pixels: str = ""
    crop: PixelBox | None = None

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
            "" if self.request.model.startswith(UNNAMED) else self.request.model,
            crop=self.crop,
        )


def decode(
    request: Request,
    embeddings: Embeddings,
    report: Report,
    old: Answer | None = None,
    early: Callable[[Answer], None] | None = None,
) -> Answer:
    """Masks of one object in one plane.

    Parameters
    ----------
    request : Request
        What is asked.
    embeddings : Embeddings
        Of the image.
    report : Report
        Told what goes on.
    old : Answer, optional
        To an earlier request: where only threshold and clean-up differ, its logits are taken and
        nothing is read, encoded or decoded.
    early : callable, optional
        Given what is found in a part of the plane that is encoded already, while the part that the
        answer comes from still has to be.

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
    if old is not None and request.like(old.request):
        again = replace(old, request=request)
        remade = [renewed(mask, again, embeddings.predictor) for mask in old.masks]
        if None not in remade:
            return replace(again, masks=tuple(mask for mask in remade if mask is not None))
    size = embeddings.size(request.plane)
    given = shown_inputs(request.prompts, request.plane, size)
    search: CropSearch[Answer] = CropSearch(request.crop, given, size)
    found: Answer | None = None
    while True:
        crop = search.crop
        if early is not None and not _at_hand(request, embeddings, crop):
            if found is None and _at_hand(request, embeddings, None):
                found, _ = _found_in(None, given, request, embeddings, report)
            if found is not None:
                early(found)
        found, extent = _found_in(crop, search.inputs, request, embeddings, report)
        if search.told(found, extent):
            return search.found


def _at_hand(request: Request, embeddings: Embeddings, crop: PixelBox | None) -> bool:
    return embeddings.at_hand(request.plane, request.contrast, crop)


def _found_in(
    crop: PixelBox | None,
    given: PromptInputs,
    request: Request,
    embeddings: Embeddings,
    report: Report,
) -> tuple[Answer, PixelBox | None]:
    """Masks from a part of the plane, whose pixels the prompts are in, and the best one's box."""
    embedding = embeddings.get(request.plane, request.contrast, report, crop)
    if report.cancelled():
        raise CancelledError("these prompts are no longer asked for")
    report.say(Status("decoding", "decoding prompts"))
    masks = embeddings.predictor.predict(
        embedding,
        points=given.points,
        positive=given.positive,
        box=given.box,
        mask=given.mask,
        settings=request.settings,
        steps=given.steps,
    )
    size = embeddings.size(request.plane)
    found = tuple(mask_in_plane(mask, crop, size) for mask in masks)
    pixels = embedding.key.pixels if embedding.key else ""
    return Answer(request, found, pixels, crop), extent_of(masks[0], crop, size)


def renewed(mask: Mask, answer: Answer, predictor: PredictorLike) -> Mask | None:
    """Make a mask again with another threshold and clean-up, of the logits it came with.

    Parameters
    ----------
    mask : Mask
        As the predictor has found it.
    answer : Answer
        It belongs to; with the new settings.
    predictor : PredictorLike
        That has found it.

    Returns
    -------
    Mask or None
        None where it has no logits.
    """
    if mask.logits is None:
        return None
    rows, cols = mask.data.shape
    settings = answer.request.settings
    made = predictor.mask_of(
        mask.logits, crop_size(answer.crop, (rows, cols)), mask.score, settings
    )
    return mask_in_plane(made, answer.crop, (rows, cols))


def crop_size(crop: PixelBox | None, size: tuple[int, int]) -> tuple[int, int]:
    """Return (rows, cols) of a crop of a plane; those of the plane where there is none.

    Parameters
    ----------
    crop : tuple of int or None
        Half-open.
    size : tuple of int
        (rows, cols) of the plane.
    """
    return size if crop is None else (crop[2] - crop[0], crop[3] - crop[1])


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
