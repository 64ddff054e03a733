"""Planes prepared apart from the device and encoded several at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_samara.embedding import Embedding
from napari_samara.engine.device import is_out_of_memory
from napari_samara.engine.model_calls import encode_batch
from napari_samara.errors import OutOfMemoryError
from napari_samara.geometry import Frame, resize_plane
from napari_samara.model.preprocess import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.embedding import EmbeddingKey
    from napari_samara.engine.predictor import Predictor

# Planes encoded together where the memory allows it; more gain little and make a user who asks for
# another plane wait for longer.
_MOST = 8

# Part of the free memory that a batch may take.
_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class EncoderInput:
    """A plane as the encoder takes it.

    Attributes
    ----------
    pixels : ndarray of float32, shape (3, S, S)
        Resized, normalised and padded.
    frame : Frame
        How the plane lies in it.
    key : EmbeddingKey
        Of its embedding.
    """

    pixels: NDArray[np.float32]
    frame: Frame
    key: EmbeddingKey


def prepare(predictor: Predictor, rgb: NDArray[np.uint8], key: EmbeddingKey) -> EncoderInput:
    """Resize and normalise a plane; may be called in any thread.

    Parameters
    ----------
    predictor : Predictor
        What is going to encode it.
    rgb : ndarray of uint8, shape (rows, cols, 3)
        The plane.
    key : EmbeddingKey
        As `Predictor.key` gives it.

    Returns
    -------
    EncoderInput
        Which does not hold `rgb`.
    """
    frame = Frame(rgb.shape[0], rgb.shape[1], predictor.input_size)
    return EncoderInput(normalise(resize_plane(rgb, frame), predictor.preprocess), frame, key)


class BatchEncoder:
    """Encodes as many planes at a time as the memory holds.

    Results differ from those of `Predictor.embed` by the order of sums in products of other
    sizes: below 1e-4 of the largest feature in 32 bits, nothing where the batch is one.

    Parameters
    ----------
    predictor : Predictor
        The model.
    batch : int, optional
        Planes at a time.  Left out: one on the CPU and on Apple's GPUs, where more gain nothing;
        on CUDA one first, then as many, up to 8, as fit by what that one took.

    Attributes
    ----------
    size : int
        Planes that the next call should have at most.
    """

    def __init__(self, predictor: Predictor, batch: int | None = None) -> None:
        self.predictor = predictor
        self.size = batch or 1
        self._learns = batch is None and predictor.device.kind == "cuda"

    def encode(self, inputs: Sequence[EncoderInput]) -> list[Embedding]:
        """Encode planes; where the memory is short, in halves, and with less from then on.

        Parameters
        ----------
        inputs : sequence of EncoderInput
            One or more.

        Returns
        -------
        list of Embedding
            In the same order, on the host.

        Raises
        ------
        OutOfMemoryError
            If there is not even memory for one plane; it says what to do.
        """
        try:
            return self._encode(inputs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._learns = False
            if len(inputs) == 1:
                raise OutOfMemoryError(
                    f"{self.predictor.device.device} has no memory for a single plane; close other "
                    "programs that use it, choose a smaller checkpoint or another device (cpu), "
                    "and start again: what is encoded already is kept"
                ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = (len(inputs) + 1) // 2
        self.size = max(1, len(inputs) // 2)
        return [*self.encode(inputs[:half]), *self.encode(inputs[half:])]

    def _encode(self, inputs: Sequence[EncoderInput]) -> list[Embedding]:
        model, device = self.predictor.model, self.predictor.device
        before = self._start_measuring()
        found = encode_batch(model, [given.pixels for given in inputs], device.dtype)
        if self._learns:
            torch.cuda.synchronize(model.device)
            took = torch.cuda.max_memory_allocated(model.device) - before
            free, _ = torch.cuda.mem_get_info(model.device)
            self.size = batch_that_fits(free, took / len(inputs))
            self._learns = False
        return [
            Embedding(features, given.frame, given.key)
            for features, given in zip(found, inputs, strict=True)
        ]

    def _start_measuring(self) -> int:
        if not self._learns:
            return 0
        torch.cuda.reset_peak_memory_stats(self.predictor.model.device)
        return int(torch.cuda.memory_allocated(self.predictor.model.device))


def batch_that_fits(free: float, each: float, most: int = _MOST) -> int:
    """Return how many planes can be encoded together, a power of two.

    Parameters
    ----------
    free : float
        Bytes of memory that are free.
    each : float
        Bytes that one plane takes.
    most : int
        Upper limit.
    """
    fits = free * _SHARE / each if each > 0 else most
    return int(2 ** math.floor(math.log2(max(1.0, min(fits, most)))))
