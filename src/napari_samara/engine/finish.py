"""The last step from logits to a mask: up to the image, threshold, clean-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.engine.upsample import full_mask
from napari_samara.masks import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_samara.geometry import Frame
    from napari_samara.settings import PredictSettings


def finished_mask(logits: Tensor, score: float, frame: Frame, settings: PredictSettings) -> Mask:
    """Mask of what the decoder gave for one object.

    Parameters
    ----------
    logits : Tensor
        (S, S) float32 on the host, in the padded model-input frame.
    score : float
        Predicted IoU.
    frame : Frame
        Of the image.
    settings : PredictSettings
        Threshold and clean-up; nothing else of a mask depends on them.

    Returns
    -------
    Mask
        With `logits`, from which it can be made again with other settings.
    """
    data = full_mask(logits, frame, settings.mask_threshold)
    if settings.keep_largest:
        data = largest_piece(data)
    if settings.fill_holes:
        data = np.asarray(ndimage.binary_fill_holes(data), dtype=np.bool_)
    return Mask(data, score, logits.numpy())


def largest_piece(data: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected piece (4-neighbours) of a mask (rows, cols)."""
    pieces, count = ndimage.label(data)
    if count < 2:
        return data
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = pieces == sizes.argmax()
    return largest
