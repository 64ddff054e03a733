"""Many prompts decoded some at a time, fewer where the memory is short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_samara.engine.device import is_out_of_memory
from napari_samara.engine.model_calls import decode
from napari_samara.errors import OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_samara.embedding import Embedding
    from napari_samara.model.sam import SamModel


def decode_chunks(
    model: SamModel,
    embedding: Embedding,
    points: Tensor | None,
    boxes: Tensor | None,
    chunk: int,
) -> Iterator[tuple[Tensor, float]]:
    """Decode one object for each prompt, in as few calls as the memory allows.

    Parameters
    ----------
    model : SamModel
        On its device.
    embedding : Embedding
        Of the image.
    points : Tensor or None
        (N, 2) float32 (x, y) in the model input. This or `boxes`.
    boxes : Tensor or None
        (N, 4) float32 (x0, y0, x1, y1).
    chunk : int
        Prompts decoded together at most.

    Yields
    ------
    logits : Tensor
        (S, S) of the best mask, on the host.
    score : float
        Its predicted IoU.

    Raises
    ------
    OutOfMemoryError
        If there is not even memory for one prompt.
    """
    for _, logits, scores in decode_parts(model, embedding, (points, boxes), chunk):
        for one, score in zip(logits[:, 0], scores[:, 0], strict=True):
            yield one, float(score)


def decode_parts(
    model: SamModel,
    embedding: Embedding,
    prompts: tuple[Tensor | None, Tensor | None],
    chunk: int,
    best_only: bool = True,
    least: float = 0.0,
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Decode prompts, some at a time; several masks are found of a point and one of a box.

    Parameters
    ----------
    model : SamModel
        On its device.
    embedding : Embedding
        Of the image.
    prompts : tuple of Tensor or None
        Points (N, 2) float32 (x, y) and boxes (N, 4) in the model input, one of them None.
    chunk : int
        Prompts decoded together at most.
    best_only : bool
        Whether to give only the best mask of each.
    least : float
        As for `decode`.

    Yields
    ------
    part : slice
        Which of the prompts.
    logits, scores : Tensor
        (P, M, S, S) and (P, M), on the host.

    Raises
    ------
    OutOfMemoryError
        If there is not even memory for one prompt.
    """
    points, boxes = prompts
    given = points if points is not None else boxes
    count, start = 0 if given is None else len(given), 0
    while start < count:
        part = slice(start, min(start + chunk, count))
        xy = None if points is None else points[part, None]
        signs = None if xy is None else torch.ones(xy.shape[:2], dtype=torch.int64)
        asked = xy, signs, None if boxes is None else boxes[part], None
        try:
            logits, scores = decode(model, embedding, asked, points is not None, best_only, least)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            chunk = _smaller(chunk, model, error)
            continue
        yield part, logits, scores
        start = part.stop


def _smaller(chunk: int, model: SamModel, error: Exception) -> int:
    if chunk == 1:
        raise OutOfMemoryError(
            f"{model.device} has no memory for a single prompt; choose a smaller checkpoint or "
            "device='cpu'"
        ) from error
    torch.cuda.empty_cache()
    return chunk // 2
