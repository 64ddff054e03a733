"""Coordinates as users give them, checked and brought to one comparable form."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.errors import PromptError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fixed: TypeAlias = int | tuple[int, ...] | None
"""One axis or index in 3D, one for each axis that is not shown beyond, None in 2D."""


def pairs(values: Any, kind: str, least: int = 1) -> tuple[tuple[float, float], ...]:
    """(row, col) pairs of a prompt, checked.

    Parameters
    ----------
    values : array_like, shape (N, 2)
        Coordinates.
    kind : str
        Kind of the prompt, for the message.
    least : int
        How many are needed.

    Returns
    -------
    tuple of (float, float)
        Finite numbers.

    Raises
    ------
    PromptError
        If the shape is wrong or a number is not finite.
    """
    array = numbers(values, kind)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < least:
        raise PromptError(
            f"a {kind} needs at least {least} (row, col) pairs, got an array of shape {array.shape}"
        )
    return tuple((float(row), float(col)) for row, col in array)


def numbers(values: Any, kind: str) -> NDArray[np.float64]:
    """Coordinates of a prompt as finite numbers.

    Parameters
    ----------
    values : array_like
        Real numbers.
    kind : str
        Kind of the prompt, for the message.

    Returns
    -------
    ndarray of float64
        Of the shape of `values`.

    Raises
    ------
    PromptError
        If they are no numbers or not finite.
    """
    try:
        raw = np.asarray(values if hasattr(values, "__array__") else list(values))
        if raw.dtype.kind not in "iuf" and raw.size:
            raise ValueError(f"type {raw.dtype}")
        array = raw.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(
            f"coordinates of a {kind} must be numbers, got {values!r:.120}"
        ) from error
    if not np.isfinite(array).all():
        raise PromptError(f"coordinates of a {kind} must be finite, got {values!r:.120}")
    return array


def sign(positive: Any, kind: str) -> bool:
    """Sign of a prompt, checked: the text ``"false"`` would otherwise be true.

    Parameters
    ----------
    positive : bool
        Or 0 or 1.
    kind : str
        Kind of the prompt, for the message.

    Returns
    -------
    bool
        The same as a Python bool.

    Raises
    ------
    PromptError
        If it is anything else.
    """
    if isinstance(positive, bool | int | np.bool_ | np.integer) and positive in (0, 1):
        return bool(positive)
    raise PromptError(f"positive of a {kind} is True or False, got {positive!r}")


def whole(value: float) -> int:
    """Nearest whole number, halves up: the one rule for indices between two slices.

    Parameters
    ----------
    value : float
        Finite.

    Returns
    -------
    int
        ``floor(value + 0.5)``.
    """
    return math.floor(value + 0.5)


def plain(value: Any) -> Any:
    """`value` with lists for tuples and int for floats that are whole.

    Parameters
    ----------
    value : object
        Number, bool, text or nested tuples of them.

    Returns
    -------
    object
        Fit for JSON.
    """
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fixed_axes(axis: Any, index: Any) -> tuple[Fixed, Fixed]:
    """Axis and index of a plane, sorted by axis; a single one as a plain number.

    Parameters
    ----------
    axis : int or sequence of int, optional
        Axes that are not shown; the first ones where only `index` is given.
    index : number or sequence of numbers, optional
        Where the plane lies on them; rounded by `whole`.

    Returns
    -------
    axis, index : int, tuple of int or None
        None for a 2D image.

    Raises
    ------
    PromptError
        If they do not fit each other, or a number is missing or not finite.
    """
    if index is None:
        if axis is not None:
            raise PromptError(f"axis {axis} is given without an index; say which slice")
        return None, None
    at = [whole(float(number)) for number in numbers(np.atleast_1d(index), "prompt index")]
    try:
        given = range(len(at)) if axis is None else np.atleast_1d(axis)
        axes = [operator.index(number) for number in given]
    except TypeError as error:
        raise PromptError(f"an axis is a whole number, got {axis!r}") from error
    if len(axes) != len(at) or len(set(axes)) != len(axes) or min(axes) < 0:
        raise PromptError(f"axis {axis} does not fit index {index}: one index for each axis from 0")
    order = sorted(zip(axes, at, strict=True))
    if len(order) == 1:
        return order[0]
    return tuple(number for number, _ in order), tuple(place for _, place in order)


def as_tuple(value: Fixed) -> tuple[int, ...]:
    """One axis or index, several or none, as a tuple.

    Parameters
    ----------
    value : int, sequence of int or None
        As a prompt keeps it.

    Returns
    -------
    tuple of int
        Empty for None.
    """
    if value is None:
        return ()
    return (int(value),) if isinstance(value, int | np.integer) else tuple(value)
