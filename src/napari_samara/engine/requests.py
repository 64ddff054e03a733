"""What `Predictor.predict` is asked, checked and brought to the frame of the model input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_samara.errors import PromptError
from napari_samara.masks import Mask, as_bool, box_of, interior_point

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_samara.geometry import Frame

MASK_LOGIT = 6.9
"""Logit of a pixel that a boolean mask prompt holds: a probability of 0.999."""


@dataclass(frozen=True)
class Request:
    """Prompts of one object in the frame of the model input.

    Attributes
    ----------
    points : Tensor or None
        (1, N, 2) float32 (x, y).
    signs : Tensor or None
        (1, N) int64, 1 or 0.
    box : Tensor or None
        (1, 4) float32 (x0, y0, x1, y1).
    mask : Tensor or None
        (1, 1, S, S) float32 logits.
    ambiguous : bool
        Whether it is a single point, which is answered with several masks.
    """

    points: Tensor | None
    signs: Tensor | None
    box: Tensor | None
    mask: Tensor | None
    ambiguous: bool


def build_request(
    frame: Frame,
    mask_size: int,
    points: ArrayLike | None,
    positive: ArrayLike | None,
    box: ArrayLike | None,
    mask: Any,
) -> Request:
    """Check the prompts of one object and convert them.

    Parameters
    ----------
    frame : Frame
        Of the image.
    mask_size : int
        Side of a mask prompt of the model.
    points, positive, box, mask
        As in `Predictor.predict`.

    Returns
    -------
    Request
        In the frame of the model input.

    Raises
    ------
    PromptError
        No prompt at all, or one that is malformed or outside the image.
    """
    rc = checked_points(points, frame)
    signs = _checked_signs(positive, len(rc))
    corners = None if box is None else checked_boxes(box, frame)
    if corners is not None and len(corners) != 1:
        raise PromptError(f"one object has one box, got {len(corners)}; see predict_many")
    logits = None if mask is None else _mask_logits(mask, frame, mask_size)
    if not len(rc) and corners is None:
        if mask is None:
            raise PromptError("no prompt: give points, a box or a mask")
        rc, signs, corners = _from_mask(mask, frame)
    return Request(
        points=torch.from_numpy(frame.to_input(rc))[None] if len(rc) else None,
        signs=torch.from_numpy(signs.astype(np.int64))[None] if len(rc) else None,
        box=None if corners is None else torch.from_numpy(frame.boxes_to_input(corners)),
        mask=logits,
        ambiguous=len(rc) == 1 and corners is None and mask is None,
    )


def checked_points(points: ArrayLike | None, frame: Frame) -> NDArray[np.float64]:
    """Return (N, 2) points that are finite and inside the image, else raise a PromptError."""
    rc = _numbers(points if points is not None else [], "points")
    if rc.size == 0:
        return rc.reshape(0, 2)
    if rc.ndim == 1 and rc.size == 2:
        rc = rc[None]
    if rc.ndim != 2 or rc.shape[1] != 2:
        raise PromptError(f"points have shape (N, 2), (row, col) each; got shape {rc.shape}")
    size = np.array([frame.rows, frame.cols])
    outside = ~((rc >= -0.5) & (rc <= size - 0.5)).all(1)
    if outside.any():
        raise PromptError(
            f"point {tuple(rc[outside][0].tolist())} lies outside the image of "
            f"{frame.rows} rows and {frame.cols} columns; points are (row, col)"
        )
    return rc


def checked_boxes(boxes: ArrayLike, frame: Frame) -> NDArray[np.float64]:
    """Return (N, 4) boxes with corners in order, cut to the image, else raise a PromptError."""
    corners = _numbers(boxes, "boxes")
    if corners.ndim == 1:  # a single box, or none
        corners = corners.reshape((1, -1) if corners.size else (0, 4))
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise PromptError(
            f"boxes have shape (N, 4), (row0, col0, row1, col1) each; got shape {corners.shape}"
        )
    low = np.minimum(corners[:, :2], corners[:, 2:])
    high = np.maximum(corners[:, :2], corners[:, 2:])
    empty = (high <= low).any(1)
    if empty.any():
        raise PromptError(
            f"box {tuple(corners[empty][0].tolist())} has no area; corners are "
            "(row0, col0, row1, col1), half-open"
        )
    size = np.array([frame.rows, frame.cols])
    outside = ((low >= size) | (high <= 0)).any(1)
    if outside.any():
        raise PromptError(
            f"box {tuple(corners[outside][0].tolist())} lies outside the image of "
            f"{frame.rows} rows and {frame.cols} columns; corners are (row0, col0, row1, col1)"
        )
    return np.concatenate([np.maximum(low, 0), np.minimum(high, size)], axis=1)


def checked_steps(steps: ArrayLike | None, asked: Request) -> NDArray[np.int64] | None:
    """Return (N,) steps of the points of a request, None for none; else raise a PromptError."""
    if steps is None or not np.size(steps):
        return None
    count = 0 if asked.points is None else asked.points.shape[1]
    numbers = np.asarray(steps)
    if numbers.shape != (count,) or numbers.dtype.kind not in "iu":
        raise PromptError(f"steps are {count} whole numbers, one for each point; got {steps!r:.80}")
    return numbers.astype(np.int64)


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f"{name} must be numbers, got {values!r:.80}") from error
    if not np.isfinite(array).all():
        raise PromptError(f"{name} hold NaN or infinity: {array.tolist()!r:.80}")
    return array


def _checked_signs(positive: ArrayLike | None, count: int) -> NDArray[np.bool_]:
    if positive is None:
        return np.ones(count, np.bool_)
    signs = np.atleast_1d(np.asarray(positive))
    if signs.shape != (count,):
        raise PromptError(f"positive has shape {signs.shape} for {count} points; give one a point")
    if signs.dtype != np.bool_ and not np.isin(signs, (0, 1)).all():
        raise PromptError(f"positive must hold True or False, got {signs.tolist()!r:.80}")
    return signs.astype(np.bool_)


def _mask_logits(mask: Any, frame: Frame, size: int) -> Tensor:
    """Return mask logits (1, 1, S, S) in the padded frame, of a boolean mask or of given logits."""
    if isinstance(mask, Mask) and mask.logits is not None:
        return _resized_logits(mask.logits, size)
    array = np.asarray(mask.data if isinstance(mask, Mask) else mask)
    if array.shape != (frame.rows, frame.cols):
        square = array.ndim == 2 and array.shape[0] == array.shape[1]
        if array.dtype.kind == "f" and square and array.shape[0] % size == 0:
            return _resized_logits(array, size)
        raise PromptError(
            f"mask has shape {array.shape}; expected that of the image, "
            f"{(frame.rows, frame.cols)}, or the logits of an earlier mask"
        )
    inside = torch.from_numpy(as_bool(array).astype(np.float32))[None, None]
    share = F.interpolate(inside, size=frame.resized, mode="bilinear", antialias=True)
    below, right = (frame.input_size - n for n in frame.resized)
    share = F.adaptive_avg_pool2d(F.pad(share, (0, right, 0, below)), size)
    return (2 * share - 1) * MASK_LOGIT


def _resized_logits(logits: NDArray[np.floating], size: int) -> Tensor:
    tensor = torch.from_numpy(np.array(logits, dtype=np.float32))[None, None]
    return F.adaptive_avg_pool2d(tensor, size)


def _from_mask(
    mask: Any, frame: Frame
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return the interior point and box of a mask: a mask alone says too little to a SAM."""
    data = as_bool(mask.data if isinstance(mask, Mask) else mask)
    if data.shape != (frame.rows, frame.cols):
        raise PromptError("mask logits alone are no prompt: give points or a box with them")
    found = box_of(data)
    if found is None:
        raise PromptError("the mask prompt is empty: it holds no pixel of the object")
    point = np.array([interior_point(data)], dtype=np.float64)
    return point, np.ones(1, np.bool_), np.array([found], dtype=np.float64)
