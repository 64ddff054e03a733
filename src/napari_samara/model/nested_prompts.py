"""Prompts as nested lists, to arrays of one shape in the frame of the model input.

The nesting is that of transformers' ``SamProcessor``: image, object, point, (x, y). Coordinates
are in pixels of the original image there; this and its own output are the only places outside
`napari_samara.geometry` where x comes before y.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from torch import Tensor

from napari_samara.errors import PromptError
from napari_samara.model.prompt_checks import POINT_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.geometry import Frame

PADDING = -10
"""Coordinates and label of points that only fill up a shorter list."""

Objects: TypeAlias = "list[NDArray[np.float64]]"
"""The prompts of one image: an array for each object."""


def point_arrays(
    points: Any, labels: Any, frames: Sequence[Frame], padding: int = PADDING
) -> dict[str, NDArray[Any]]:
    """Points and their labels as the model reads them.

    Parameters
    ----------
    points : nested list, array or Tensor, or None
        Image, object, point, (x, y); or image, point, (x, y) for one object an image.
    labels : nested list, array or Tensor, or None
        The same without (x, y): 1, 0, -1 or -10.
    frames : sequence of Frame
        Of the images.
    padding : int
        Fills up objects of fewer points than others.

    Returns
    -------
    dict
        ``input_points`` (B, N, K, 2) float32 and, where labels were given or needed,
        ``input_labels`` (B, N, K) int64.

    Raises
    ------
    PromptError
        Another nesting, numbers that do not fit each other, or a label that means nothing.
    """
    if points is None:
        if labels is not None:
            raise PromptError("input_labels without input_points mean nothing")
        return {}
    images = _images(points, "input_points", (2,))
    signs = None if labels is None else _images(labels, "input_labels", ())
    if signs is not None:
        _check_labels(signs, images)
    count = _same_count(images, "points")
    longest = max(len(one) for objects in images for one in objects)
    shape = (len(images), count, longest)
    xy = np.full((*shape, 2), padding, np.float32)
    sign = np.full(shape, padding, np.int64)
    for i, (objects, frame) in enumerate(zip(images, _frames(images, frames), strict=True)):
        for j, one in enumerate(objects):
            xy[i, j, : len(one)] = frame.to_input(one[:, ::-1])
            sign[i, j, : len(one)] = 1 if signs is None else signs[i][j]
    ragged = any(len(one) != longest for objects in images for one in objects)
    given = {"input_points": xy}
    return given | {"input_labels": sign} if ragged or signs is not None else given


def box_arrays(boxes: Any, frames: Sequence[Frame]) -> dict[str, NDArray[Any]]:
    """Boxes as the model reads them.

    Parameters
    ----------
    boxes : nested list, array or Tensor, or None
        Image, object, (x0, y0, x1, y1).
    frames : sequence of Frame
        Of the images.

    Returns
    -------
    dict
        ``input_boxes`` (B, N, 4) float32.

    Raises
    ------
    PromptError
        Another nesting, different numbers of boxes in the images, or a box without area.
    """
    if boxes is None:
        return {}
    nested = _lists(boxes)
    if _depth(nested) != 3:
        raise PromptError(
            f"input_boxes nest {_depth(nested)} deep; give [image][object][x0, y0, x1, y1]"
        )
    images = [_numbers(objects, "input_boxes", (4,)) for objects in nested]
    _same_count(images, "boxes")
    for corners in images:
        flat = ~(corners[:, 2:] > corners[:, :2]).all(axis=1)
        if flat.any():
            raise PromptError(
                f"box {corners[flat][0].tolist()} has no area or its corners are swapped; they "
                "are (x0, y0, x1, y1)"
            )
    scaled = [
        frame.to_input(corners.reshape(-1, 2, 2)[..., ::-1]).reshape(-1, 4)
        for corners, frame in zip(images, _frames(images, frames), strict=True)
    ]
    return {"input_boxes": np.stack(scaled)}


def _images(values: Any, name: str, last: tuple[int, ...]) -> list[Objects]:
    """Arrays (points, *last) by image and object."""
    nested = _lists(values)
    depth, full = _depth(nested), 3 + len(last)
    if depth == full - 1:
        nested = [[image] for image in nested]
    elif depth != full:
        pair = "[x, y]" if last else ""
        raise PromptError(
            f"{name} nest {depth} deep; give [image][object][point]{pair}, or [image][point]{pair} "
            "for one object an image"
        )
    return [[_numbers(one, name, last) for one in _list(image, name)] for image in nested]


def _lists(values: Any) -> Any:
    """Nested lists of numbers from nested lists, tuples, arrays and tensors."""
    if isinstance(values, Tensor):
        return values.detach().cpu().tolist()
    if isinstance(values, np.ndarray | np.generic):
        return values.tolist()
    return [_lists(v) for v in values] if isinstance(values, list | tuple) else values


def _depth(nested: Any) -> int:
    depth = 0
    while isinstance(nested, list):
        depth += 1
        nested = nested[0] if nested else None
    return depth


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise PromptError(f"{name} hold {value!r:.80} where a list of prompts belongs")
    return value


def _numbers(values: Any, name: str, last: tuple[int, ...]) -> NDArray[np.float64]:
    """Array (n, *last) of at least one finite row."""
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "buif" or array.shape != (*array.shape[:1], *last) or not array.size:
        expected = f"rows of {last[0]} numbers" if last else "a list of numbers"
        raise PromptError(f"{name} must hold {expected} for each object, got {values!r:.80}")
    if not np.isfinite(array).all():
        raise PromptError(f"{name} hold NaN or infinity: {values!r:.80}")
    return array.astype(np.float64)


def _check_labels(labels: Sequence[Objects], points: Sequence[Objects]) -> None:
    counts = [[[len(one) for one in objects] for objects in given] for given in (labels, points)]
    if counts[0] != counts[1]:
        raise PromptError(
            f"input_labels of {counts[0]} points by image and object do not fit input_points of "
            f"{counts[1]}"
        )
    values = np.concatenate([one for objects in labels for one in objects])
    unknown = values[~np.isin(values, POINT_LABELS)]
    if unknown.size:
        raise PromptError(
            f"point label {unknown[0]:g} means nothing; 1 is on the object, 0 off it, -1 and -10 "
            "are padding"
        )


def _same_count(images: Sequence[Any], what: str) -> int:
    counts = sorted({len(objects) for objects in images})
    if len(counts) > 1:
        raise PromptError(
            f"the images have {' and '.join(map(str, counts))} objects with {what}; a batch needs "
            "as many in each: call the model for each image"
        )
    return counts[0]


def _frames(prompts: Sequence[Any], frames: Sequence[Frame]) -> Sequence[Frame]:
    """One frame for each entry of the prompts; a single image serves all of them."""
    if len(frames) == 1:
        return [frames[0]] * len(prompts)
    if len(prompts) != len(frames):
        raise PromptError(f"prompts for {len(prompts)} images, but {len(frames)} images")
    return frames
