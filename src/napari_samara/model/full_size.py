"""Low-resolution logits at the size of their images, as the published models do it.

Bilinear to the model input, padding cut off, bilinear to the image, threshold last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_samara.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Sequence


def full_size_masks(
    masks: Tensor | Sequence[Any],
    original_sizes: Any,
    reshaped_input_sizes: Any,
    square: tuple[int, int],
    threshold: float | None = 0.0,
) -> list[Tensor]:
    """Masks or logits, one tensor an image.

    Parameters
    ----------
    masks : Tensor or list of Tensor
        (B, N, M, s, s) logits, or one (N, M, s, s) an image.
    original_sizes, reshaped_input_sizes : Tensor or list
        (B, 2) rows and columns, of the images and inside the model input.
    square : tuple of int
        Rows and columns of the padded model input.
    threshold : float or None
        Logits above it are inside; None for logits instead of masks.

    Returns
    -------
    list of Tensor
        (N, M, rows, cols).

    Raises
    ------
    FrameError
        Numbers of images differ, or sizes and masks have shapes that mean nothing.
    """
    sizes, resized = _pairs(original_sizes), _pairs(reshaped_input_sizes)
    if not len(masks) == len(sizes) == len(resized):
        raise FrameError(
            f"masks of {len(masks)} images, {len(sizes)} original and {len(resized)} resized "
            "sizes do not belong together"
        )
    result = []
    for one, size, inner in zip(masks, sizes, resized, strict=True):
        logits = torch.as_tensor(one)
        if logits.ndim != 4:
            raise FrameError(f"masks of an image have 4 axes, got shape {tuple(logits.shape)}")
        # object by object: all of them as floats at full size would need far more memory
        full = [_full_size(part, square, inner, size) for part in logits.split(1)]
        if threshold is not None:
            full = [part > threshold for part in full]
        result.append(torch.cat(full))
    return result


def _pairs(sizes: Any) -> list[tuple[int, int]]:
    values = sizes.tolist() if isinstance(sizes, Tensor | np.ndarray) else sizes
    try:
        pairs = [(int(rows), int(cols)) for rows, cols in values]
    except (TypeError, ValueError):
        raise FrameError(f"sizes are (rows, cols) for each image, got {sizes!r:.80}") from None
    if any(side < 1 for pair in pairs for side in pair):
        raise FrameError(f"sizes are at least 1, got {pairs!r:.80}")
    return pairs


def _full_size(
    logits: Tensor, square: tuple[int, int], inner: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    padded = F.interpolate(logits, square, mode="bilinear", align_corners=False)
    inside = padded[..., : inner[0], : inner[1]]
    return F.interpolate(inside, size, mode="bilinear", align_corners=False)
