"""All that is asked of the model in one slice, and what is made of its answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.slice_opinion import depth_opinion
from napari_samara.engine.volume_prompts import next_prompt, pieces_of, smaller_box

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.volume_decoding import SlicePrompt
    from napari_samara.engine.volume_fronts import Front
    from napari_samara.engine.volume_settings import PropagateSettings
    from napari_samara.masks import Mask

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]
    Decode = Callable[[Embedding, Sequence[SlicePrompt]], list[Mask]]

# By how much a smaller box must fit better, as a share of the likeness of the whole object.
_BETTER = 0.02


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
    """

    data: Bools
    score: float
    logits: Floats | None


def answers_of(
    embedding: Embedding,
    pixels: NDArray[np.uint8],
    fronts: Sequence[Front],
    crowd: NDArray[np.int32],
    how: tuple[Decode, PropagateSettings, float],
) -> list[Answer]:
    """Look for all objects of a slice at once.

    Each piece of an object is asked for by itself, and with `PropagateSettings.sizes` by a smaller
    box as well: of the two answers the one that looks more like the object is taken.

    Parameters
    ----------
    embedding : Embedding
        Of the slice.
    pixels : ndarray of uint8, shape (rows, cols)
        The slice as the model sees it.
    fronts : sequence of Front
        The objects, which have looked where they come from.
    crowd : ndarray of int, shape (rows, cols)
        How many objects are, or are about to be, at each pixel.
    how : tuple of Decode, PropagateSettings, float
        Decoder, settings, and the distance between slices in pixels.

    Returns
    -------
    list of Answer
        One for each front.
    """
    decode, settings, step = how
    prompts: list[SlicePrompt] = []
    owners: list[tuple[int, int]] = []
    likenesses = []
    for at, front in enumerate(fronts):
        assert front.tones is not None  # fronts have looked
        likeness = front.tones.opinion(pixels)
        likenesses.append(likeness)
        opinion = settings.inertia * depth_opinion(front.last, step)
        opinion = opinion + settings.appearance * likeness
        pieces = pieces_of(front.last)
        for number, piece in enumerate(pieces):
            logits = front.logits if len(pieces) == 1 else None
            others = (crowd - front.last) > 0
            asked = next_prompt(piece, logits, others, step, settings)
            sizes = [asked]
            if settings.sizes and settings.box and front.tones.telling:
                sizes.append(smaller_box(asked, piece))
            prompts += [replace(one, opinion=opinion) for one in sizes]
            owners += [(at, number)] * len(sizes)
    found: dict[tuple[int, int], list[Mask]] = {}
    for mask, owner in zip(decode(embedding, prompts), owners, strict=True):
        found.setdefault(owner, []).append(mask)
    return [
        _answer(front, [m for (n, _), m in found.items() if n == at], likenesses[at])
        for at, front in enumerate(fronts)
    ]


def _answer(front: Front, pieces: Sequence[Sequence[Mask]], likeness: Floats) -> Answer:
    """Join the pieces of an object, each in the size that fits best."""
    area = max(int(np.count_nonzero(front.last)), 1)
    chosen = [max(masks, key=lambda m: _fit(m, masks, likeness, area)) for masks in pieces]
    data = np.logical_or.reduce([mask.data for mask in chosen])
    weights = [mask.area + 1 for mask in chosen]
    score = float(np.average([mask.score for mask in chosen], weights=weights))
    return Answer(np.array(data), score, chosen[0].logits if len(chosen) == 1 else None)


def _fit(mask: Mask, masks: Sequence[Mask], likeness: Floats, area: int) -> float:
    """Return how much of what looks like the object is in a mask, less what does not."""
    fit = float(likeness[mask.data].sum() / area)
    return fit + _BETTER if mask is masks[0] else fit
