"""All that is asked of the model in one slice, and what is made of its answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.slice_opinion import depth_opinion
from napari_samara.engine.volume_fronts import connected
from napari_samara.engine.volume_matching import matched
from napari_samara.engine.volume_prompts import next_prompt, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.volume_ahead import Seen
    from napari_samara.engine.volume_decoding import SlicePrompt
    from napari_samara.engine.volume_fronts import Front
    from napari_samara.engine.volume_matching import Sight
    from napari_samara.engine.volume_settings import PropagateSettings
    from napari_samara.masks import Mask

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]
    Decode = Callable[[Embedding, Sequence[SlicePrompt]], list[Mask]]

# Pixels that are expected of an object in the next slice, below which its last mask is asked for.
_LEAST = 3


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model and the slices before make of an object in a slice.

    Attributes
    ----------
    data : ndarray of bool, shape (rows, cols)
        Perhaps empty; may be written to.
    score : float
        IoU that the model predicts.
    logits : ndarray of float32 or None
        Of the model; None for what is in several pieces.
    seen : float or None
        IoU that was expected of it from afar; None where nobody looked.
    """

    data: Bools
    score: float
    logits: Floats | None
    seen: float | None = None


def answers_of(
    before: Sight,
    here: Sight,
    fronts: Sequence[Front],
    taken: Bools,
    how: tuple[Decode, PropagateSettings, float],
    ahead: Sequence[Seen | None],
) -> list[Answer]:
    """Look for all objects of a slice at once.

    Where an object is to be expected follows from the slice before; the model is asked for it by
    the box around that, each piece by itself, and both have a say in the mask.

    Parameters
    ----------
    before, here : Sight
        The slice that the objects come from, and this one.
    fronts : sequence of Front
        The objects, whose appearance is known.
    taken : ndarray of bool, shape (rows, cols)
        What other objects have for good; where one is merely followed to is no ground to say no.
    how : tuple of Decode, PropagateSettings, float
        Decoder, settings, and the distance between slices in pixels.
    ahead : sequence of Seen or None
        What was seen of each object from afar; None where nobody looked.

    Returns
    -------
    list of Answer
        One for each front; it is empty where nothing was seen from afar, unless `stop` is 1.
    """
    decode, settings, step = how
    prompts: list[SlicePrompt] = []
    owners: list[int] = []
    for at, (front, seen) in enumerate(zip(fronts, ahead, strict=True)):
        opinion = _opinion(before, here, front, settings, step)
        if seen is not None:
            if settings.stop < 1 and seen.is_gone(front.last):
                continue
            opinion += settings.lookahead * seen.logits
        expected = connected(opinion > 0, front.last, 1)
        if np.count_nonzero(expected) < _LEAST:
            expected = front.last
        pieces = pieces_of(expected)
        others = taken & ~front.last
        for piece in pieces:
            logits = front.logits if len(pieces) == 1 else None
            asked = next_prompt(piece, logits, others, step, settings)
            prompts.append(replace(asked, opinion=opinion))
            owners.append(at)
    found: list[list[Mask]] = [[] for _ in fronts]
    for mask, owner in zip(decode(here.embedding, prompts), owners, strict=True):
        found[owner].append(mask)
    answers = [_joined(masks) if masks else _nothing(here) for masks in found]
    believed = [None if seen is None else seen.iou for seen in ahead]
    return [replace(one, seen=iou) for one, iou in zip(answers, believed, strict=True)]


def _opinion(
    before: Sight, here: Sight, front: Front, settings: PropagateSettings, step: float
) -> Floats:
    """Logits of all that is known beside the model."""
    assert front.appearance is not None  # fronts have looked
    total = np.zeros(front.last.shape, dtype=np.float32)
    if settings.inertia:
        total += settings.inertia * depth_opinion(front.last, step)
    if settings.appearance:
        total += settings.appearance * front.appearance.log_odds(here, front.last)
    if settings.matching:
        total += settings.matching * matched(before, here, front.last)
    return total


def _nothing(here: Sight) -> Answer:
    return Answer(np.zeros(here.pixels.shape, dtype=np.bool_), 0.0, None)


def _joined(masks: Sequence[Mask]) -> Answer:
    """Join the pieces of an object."""
    data = np.logical_or.reduce([mask.data for mask in masks])
    weights = [mask.area + 1 for mask in masks]
    score = float(np.average([mask.score for mask in masks], weights=weights))
    return Answer(np.array(data), score, masks[0].logits if len(masks) == 1 else None)
