"""Prompts of all kinds to many objects of one slice, decoded in as few calls as can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from napari_samara.engine.device import is_out_of_memory
from napari_samara.engine.finish import finished_mask
from napari_samara.engine.model_calls import decode
from napari_samara.engine.requests import build_request
from napari_samara.errors import OutOfMemoryError
from napari_samara.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.requests import Request
    from napari_samara.geometry import Frame
    from napari_samara.settings import PredictSettings

    Key = tuple[int, bool, bool, bool]


@dataclass(frozen=True, eq=False)
class SlicePrompt:
    """What one object is looked for with in a slice.

    Attributes
    ----------
    points : ndarray of float, shape (N, 2)
        (row, col).
    positive : ndarray of bool, shape (N,)
        Whether the point lies on the object.
    box : tuple of float or None
        Half-open (row0, col0, row1, col1).
    mask : Mask, ndarray or None
        Bool (rows, cols), or the logits of an earlier mask.
    opinion : ndarray of float32, shape (rows, cols), or None
        Logits of others that are added to those of the model.
    """

    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    positive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    box: tuple[float, ...] | None = None
    mask: Any = None
    opinion: NDArray[np.float32] | None = None


def decode_prompts(
    predictor: Predictor,
    embedding: Embedding,
    prompts: Sequence[SlicePrompt],
    settings: PredictSettings,
) -> list[Mask]:
    """Find the best mask of each prompt; those of one make are decoded together.

    Parameters
    ----------
    predictor : Predictor
        The model.
    embedding : Embedding
        Of the slice.
    prompts : sequence of SlicePrompt
        One for each mask.
    settings : PredictSettings
        Threshold, clean-up and how many are decoded at once.

    Returns
    -------
    list of Mask
        In order, with logits.

    Raises
    ------
    PromptError
        If a prompt is malformed or outside the slice.
    OutOfMemoryError
        If there is not even memory for one prompt.
    """
    size = predictor.model.config.mask_input_size
    groups: dict[Key, list[tuple[int, Request]]] = {}
    for number, one in enumerate(prompts):
        asked = build_request(embedding.frame, size, one.points, one.positive, one.box, one.mask)
        count = 0 if asked.points is None else asked.points.shape[1]
        key = count, asked.box is None, asked.mask is None, asked.ambiguous
        groups.setdefault(key, []).append((number, asked))
    found: dict[int, Mask] = {}
    for group in groups.values():
        start, chunk = 0, settings.chunk
        while start < len(group):
            part = group[start : start + chunk]
            try:
                logits, scores = _decoded(predictor, embedding, [asked for _, asked in part])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                chunk = _smaller(len(part), predictor, error)
                continue
            for at, (number, _) in enumerate(part):
                found[number] = _finished(
                    logits[at, 0], float(scores[at, 0]), prompts[number], embedding.frame, settings
                )
            start += len(part)
    return [found[number] for number in range(len(prompts))]


def _finished(
    logits: Tensor, score: float, asked: SlicePrompt, frame: Frame, settings: PredictSettings
) -> Mask:
    """Mask of logits and opinion; the logits it keeps are those of the model."""
    if asked.opinion is None:
        return finished_mask(logits.clone(), score, frame, settings)
    added = logits + _in_frame(asked.opinion, frame, logits.shape[0])
    found = finished_mask(added, score, frame, settings)
    return Mask(found.data, score, logits.numpy().copy(), found.box)


def _in_frame(opinion: NDArray[np.float32], frame: Frame, size: int) -> Tensor:
    """Bring values of pixels (rows, cols) to a map (size, size) in the padded frame."""
    tensor = torch.from_numpy(np.array(opinion, dtype=np.float32))[None, None]
    tensor = F.interpolate(tensor, size=frame.resized, mode="bilinear", antialias=True)
    below, right = (frame.input_size - n for n in frame.resized)
    return F.adaptive_avg_pool2d(F.pad(tensor, (0, right, 0, below)), size)[0, 0]


def _decoded(
    predictor: Predictor, embedding: Embedding, group: Sequence[Request]
) -> tuple[Tensor, Tensor]:
    """Decode requests that have the same parts."""

    def joined(name: str) -> Tensor | None:
        parts = [getattr(asked, name) for asked in group]
        return None if parts[0] is None else torch.cat(parts)

    prompts = joined("points"), joined("signs"), joined("box"), joined("mask")
    # the box is where the object is expected to be, not where it is
    return decode(predictor.model, embedding, prompts, group[0].ambiguous, True, by_hand=False)


def _smaller(count: int, predictor: Predictor, error: Exception) -> int:
    if count == 1:
        raise OutOfMemoryError(
            f"{predictor.device.device} has no memory for a single prompt; choose a smaller "
            "checkpoint or device='cpu'"
        ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return count // 2
