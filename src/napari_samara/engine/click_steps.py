"""Objects that are found prompt by prompt, as the user who gave one after the other saw them.

Each click corrects a mask.  Families that were trained so (SAM paper, appendix A, "Training
algorithm") are shown that mask together with all clicks; it follows from the prompts before alone,
so that recorded prompts give the same labels again.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as F

from napari_samara.engine.model_calls import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_samara.embedding import Embedding
    from napari_samara.engine.requests import Request
    from napari_samara.model.sam import SamModel

_MOST = 64
"""Masks that are remembered, 64 KiB each."""

Key = tuple[int, bytes]


class ShownMasks:
    """Masks that were found last, so that one more click costs one decoding."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[weakref.ref[Embedding], Tensor]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, embedding: Embedding, key: Key) -> Tensor | None:
        """Return the mask prompt (1, 1, S, S) that was found for a request; None if forgotten.

        Parameters
        ----------
        embedding : Embedding
            That it was found in: this very one.
        key : tuple
            As `_key` makes it.
        """
        with self._lock:
            owner, mask = self._kept.get(key, (None, None))
            if owner is None or owner() is not embedding:
                return None
            self._kept.move_to_end(key)
            return mask

    def keep(self, embedding: Embedding, key: Key, mask: Tensor) -> None:
        """Remember a mask.

        Parameters
        ----------
        embedding : Embedding
            That it was found in.
        key : tuple
            As `_key` makes it.
        mask : Tensor
            (1, 1, S, S).
        """
        with self._lock:
            self._kept[key] = weakref.ref(embedding), mask
            self._kept.move_to_end(key)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)


def mask_before(
    model: SamModel,
    embedding: Embedding,
    asked: Request,
    steps: NDArray[np.integer],
    shown: ShownMasks,
) -> Tensor | None:
    """Return the mask that was seen when the last prompt of an object was given.

    Parameters
    ----------
    model : SamModel
        On any device.
    embedding : Embedding
        That this model has made.
    asked : Request
        All prompts of the object.
    steps : ndarray of int, shape (N,)
        Number of the prompt that each point came with, from 1 on, in the order in which they were
        given; 0 for points that came with the box or the mask.
    shown : ShownMasks
        Masks of this model, which are looked up and remembered.

    Returns
    -------
    Tensor or None
        (1, 1, S, S) logits, a mask prompt; that of the request where all came at once.
    """
    mask = asked.mask
    for earlier, kept in _earlier(asked, steps):
        key = _key(embedding, earlier, steps[kept])
        known = shown.get(embedding, key) if asked.mask is None else None
        if known is None:
            prompts = earlier.points, earlier.signs, earlier.box, mask
            logits, _ = decode(model, embedding, prompts, earlier.ambiguous, best_only=True)
            known = F.adaptive_avg_pool2d(logits, model.config.mask_input_size)
            if asked.mask is None:
                shown.keep(embedding, key, known)
        mask = known
    return mask


def _earlier(
    asked: Request, steps: NDArray[np.integer]
) -> Iterator[tuple[Request, NDArray[np.intp]]]:
    """Yield what was asked before, and with which points, without the last prompt at most."""
    drawn = asked.box is not None or asked.mask is not None
    numbers = np.unique(np.append(steps, 0) if drawn else steps)
    for number in numbers[:-1]:
        kept = np.flatnonzero(steps <= number)
        earlier = replace(
            asked,
            points=_some(asked.points, kept),
            signs=_some(asked.signs, kept),
            ambiguous=len(kept) == 1 and not drawn,
        )
        yield earlier, kept


def _some(values: Tensor | None, kept: NDArray[np.intp]) -> Tensor | None:
    """Those of some points, (1, K, ...); None for none, which a prompt encoder wants."""
    return values[:, kept] if values is not None and len(kept) else None


def _key(embedding: Embedding, asked: Request, steps: NDArray[np.integer]) -> Key:
    """Name all that a mask depends on: also which of its points came together."""
    given = (asked.points, asked.signs, asked.box)
    parts = [b"" if part is None else part.numpy().tobytes() for part in given]
    order = np.unique(np.append(steps, 0), return_inverse=True)[1].astype(np.int64)
    return id(embedding), b"|".join([*parts, order.tobytes()])
