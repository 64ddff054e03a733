"""First masks of generated objects as a promptable model finds them in a box."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.checkpoints.load import load_checkpoint
from napari_samara.contrast import Contrast
from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox

    First = Callable[[NDArray[np.uint8], Sequence[PixelBox]], list[NDArray[np.bool_]]]


class FirstMasks:
    """A checkpoint that is asked for objects by their boxes.

    Parameters
    ----------
    checkpoint : str
        Its name; loaded when it is needed first, in the process that needs it.
    """

    def __init__(self, checkpoint: str = "samara-tiny") -> None:
        self.checkpoint = checkpoint

    def __call__(
        self, pixels: NDArray[np.uint8], boxes: Sequence[PixelBox]
    ) -> list[NDArray[np.bool_]]:
        """Return a mask for each box.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (rows, cols)
            A slice.
        boxes : sequence of tuple of int
            Half-open (row0, col0, row1, col1).

        Returns
        -------
        list of ndarray of bool, shape (rows, cols)
            In order; perhaps empty ones.
        """
        rgb = np.repeat(pixels[..., None], 3, -1)
        embedding = self._predictor.embed_rgb(rgb, Contrast("none"))
        found = self._predictor.predict_many(embedding, boxes=np.array(boxes, dtype=float))
        return [np.asarray(mask.data) for mask in found]

    @cached_property
    def _predictor(self) -> Predictor:
        loaded = load_checkpoint(self.checkpoint)
        return Predictor(loaded.model, loaded.preprocess, choice=choose_device("cpu"))
