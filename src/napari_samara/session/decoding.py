"""A request to masks: the pure functions that a worker runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import CancelledError
from napari_samara.session.events import Status
from napari_samara.session.objects import ObjectPart
from napari_samara.session.request import UNNAMED

if TYPE_CHECKING:
    from napari_samara.embedding import Embedding
    from napari_samara.masks import Mask
    from napari_samara.planes import Plane
    from napari_samara.prompts import PromptInputs, PromptSet
    from napari_samara.session.embeddings import Embeddings, PredictorLike
    from napari_samara.session.jobs import Report
    from napari_samara.session.request import Request
    from napari_samara.settings import PredictSettings


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
            "" if self.request.model.startswith(UNNAMED) else self.request.model,
        )


def decode(
    request: Request, embeddings: Embeddings, report: Report, old: Answer | None = None
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
        masks = [renewed(mask, request.settings, embeddings.predictor) for mask in old.masks]
        if None not in masks:
            return Answer(request, tuple(mask for mask in masks if mask is not None), old.pixels)
    embedding = embeddings.get(request.plane, request.contrast, report)
    if report.cancelled():
        raise CancelledError("these prompts are no longer asked for")
    report.say(Status("decoding", "decoding prompts"))
    given = shown_inputs(request.prompts, request.plane, size_of(embedding))
    found = embeddings.predictor.predict(
        embedding,
        points=given.points,
        positive=given.positive,
        box=given.box,
        mask=given.mask,
        settings=request.settings,
    )
    return Answer(request, tuple(found), embedding.key.pixels if embedding.key else "")


def renewed(mask: Mask, settings: PredictSettings, predictor: PredictorLike) -> Mask | None:
    """Make a mask again with another threshold and clean-up, of the logits it came with.

    Parameters
    ----------
    mask : Mask
        As the predictor has found it.
    settings : PredictSettings
        The new ones.
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
    return predictor.mask_of(mask.logits, (rows, cols), mask.score, settings)


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


def size_of(embedding: Embedding) -> tuple[int, int]:
    """Return (rows, cols) of the plane an embedding was made of."""
    return embedding.frame.rows, embedding.frame.cols
