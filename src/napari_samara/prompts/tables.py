"""Tables of prompts: napari's points and shapes, and plain columns of rows and columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError, PromptError
from napari_samara.prompts.box import Box
from napari_samara.prompts.coordinates import numbers, whole
from napari_samara.prompts.point import Point
from napari_samara.prompts.polygon import Polygon
from napari_samara.prompts.prompt_set import PromptSet
from napari_samara.prompts.scribble import Scribble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.prompts.base import Prompt

# Column names of points besides napari's axis-0, axis-1, ..., most axes first.
_POINT_COLUMNS = (("z", "row", "col"), ("row", "col"), ("z", "y", "x"), ("y", "x"))
_BOX_COLUMNS = ("row0", "col0", "row1", "col1")
_SHAPE_COLUMNS = ("index", "shape-type", "vertex-index", "axis-0", "axis-1")

_YES = frozenset({"true", "yes", "1", "1.0", "+", "positive"})
_NO = frozenset({"false", "no", "0", "0.0", "-1", "-", "negative"})

# Corners of the polygon that stands for an ellipse.
_ELLIPSE_CORNERS = 32


def table_prompts(columns: Mapping[str, Sequence[Any]]) -> PromptSet:
    """Prompts of a table.

    Parameters
    ----------
    columns : mapping of str to sequence
        Cells by column name, numbers or text.  ``shape-type`` makes it a table of shapes as napari
        saves them; else it has points in ``axis-0``, ``axis-1``, ... or ``(z,) row, col`` or
        ``(z,) y, x``, or boxes in ``row0``, ``col0``, ``row1``, ``col1`` (with ``index`` unused).
        ``object`` and ``positive`` may be there.

    Returns
    -------
    PromptSet
        One object a point or shape, unless a column ``object`` says otherwise.

    Raises
    ------
    FileFormatError
        If columns are missing or a cell cannot be read, naming the row.
    """
    if "shape-type" in columns:
        return PromptSet.from_entries(_shape_entries(columns))
    return PromptSet.from_entries(_row_entries(columns))


def _row_entries(columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[int, Prompt]]:
    """(object id, prompt) of a table with one point or box in each row."""
    names = _axes(columns) or next(
        (found for found in (_BOX_COLUMNS, *_POINT_COLUMNS) if set(found) <= set(columns)), ()
    )
    if len(names) < 2:
        raise FileFormatError(
            f"a table of points needs the columns axis-0, axis-1 (or row, col), got "
            f"{', '.join(columns) or 'none'}"
        )
    for row in range(len(columns[names[0]])):
        at = [_number(columns, name, row) for name in names]
        positive = _positive(columns, row)
        try:
            prompt: Prompt = Box((*at,)) if names is _BOX_COLUMNS else Point((*at,), positive)  # type: ignore[arg-type]
        except PromptError as error:
            raise FileFormatError(f"row {row + 1}: {error}") from error
        yield _object(columns, row, row + 1), prompt


def _shape_entries(columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[int, Prompt]]:
    """(object id, prompt) of a table with one vertex of a shape in each row."""
    missing = [name for name in _SHAPE_COLUMNS if name not in columns]
    if missing:
        raise FileFormatError(f"a table of shapes lacks the columns {', '.join(missing)}")
    axes = _axes(columns)
    shapes: dict[float, list[int]] = {}
    for row in range(len(columns["index"])):
        shapes.setdefault(_number(columns, "index", row), []).append(row)
    for order, (name, rows) in enumerate(shapes.items(), start=1):
        rows.sort(key=lambda row: _number(columns, "vertex-index", row))
        corners = np.array([[_number(columns, axis, row) for axis in axes] for row in rows])
        kind = str(columns["shape-type"][rows[0]]).strip().lower()
        try:
            axis, index, rc = _flattened(numbers(corners, kind))
            place = {"axis": axis or None, "index": index or None}
            prompt = shape_prompt(kind, rc, _positive(columns, rows[0]), place)
        except PromptError as error:
            raise FileFormatError(f"shape {name:g}: {error}") from error
        yield _object(columns, rows[0], order), prompt


def shape_prompt(
    kind: str, rc: NDArray[np.float64], positive: bool, place: dict[str, Any]
) -> Prompt:
    """Prompt of one napari shape that lies in a plane.

    Parameters
    ----------
    kind : str
        ``rectangle``, ``ellipse``, ``polygon``, ``path`` or ``line``.
    rc : ndarray of float64, shape (V, 2)
        (row, col) of its vertices; those of a rectangle are the half-open corners as they stand.
    positive : bool
        Whether it lies on the object.
    place : dict
        ``axis`` and ``index`` of the prompt; empty for a 2D image.

    Returns
    -------
    Prompt
        A box of an upright positive rectangle, a polygon of any other closed shape, a scribble of
        an open one.

    Raises
    ------
    PromptError
        If the kind is unknown or the number of vertices is wrong.
    """
    if kind in ("path", "line"):
        return Scribble(rc, positive, **place)  # type: ignore[arg-type]
    if kind == "polygon":
        return Polygon(rc, positive, **place)  # type: ignore[arg-type]
    if kind not in ("rectangle", "ellipse"):
        raise PromptError(
            f"shape type {kind!r} is none of rectangle, ellipse, polygon, path and line"
        )
    low, high = rc.min(axis=0), rc.max(axis=0)
    if len(rc) == 2:  # two opposite corners
        rc = np.array([low, (low[0], high[1]), high, (high[0], low[1])])
    if len(rc) != 4:
        raise PromptError(f"a {kind} has 4 corners, got {len(rc)}")
    if kind == "ellipse":
        return Polygon(_ellipse(rc), positive, **place)  # type: ignore[arg-type]
    upright = bool(((rc == low) | (rc == high)).all())
    if upright and positive:
        return Box((*low, *high), **place)
    return Polygon(rc, positive, **place)  # type: ignore[arg-type]


def _flattened(
    corners: NDArray[np.float64],
) -> tuple[tuple[int, ...], tuple[int, ...], NDArray[np.float64]]:
    """Axes and indices of the plane a shape lies in, and its (row, col) there."""
    spread = np.ptp(corners, axis=0)
    flattest = sorted(range(corners.shape[1]), key=lambda axis: (spread[axis], axis))
    axes = tuple(sorted(flattest[: corners.shape[1] - 2]))
    if any(spread[axis] > 0.5 for axis in axes):
        raise PromptError(
            f"it spans several slices: it extends {spread.tolist()} along the axes; draw it in one"
        )
    index = tuple(whole(float(corners[:, axis].mean())) for axis in axes)
    return axes, index, np.delete(corners, axes, axis=1)


def _ellipse(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outline of the ellipse inscribed in a rectangle of four corners in order."""
    angle = np.linspace(0, 2 * math.pi, _ELLIPSE_CORNERS, endpoint=False)[:, np.newaxis]
    across, down = (corners[1] - corners[0]) / 2, (corners[2] - corners[1]) / 2
    outline: NDArray[np.float64] = (
        corners.mean(axis=0) + np.cos(angle) * across + np.sin(angle) * down
    )
    return outline


def _axes(columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """Columns axis-0, axis-1, ... as far as they go without a gap."""
    count = 0
    while f"axis-{count}" in columns:
        count += 1
    return tuple(f"axis-{axis}" for axis in range(count))


def _number(columns: Mapping[str, Sequence[Any]], name: str, row: int) -> float:
    """Finite number of one cell."""
    cell = columns[name][row]
    try:
        value = float(cell)
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"row {row + 1}, column {name}: {cell!r} is no number") from error
    if not math.isfinite(value):
        raise FileFormatError(f"row {row + 1}, column {name}: {cell!r} is not finite")
    return value


def _object(columns: Mapping[str, Sequence[Any]], row: int, otherwise: int) -> int:
    """Object id of one row."""
    if "object" not in columns:
        return otherwise
    value = _number(columns, "object", row)
    if value < 1 or not value.is_integer():
        raise FileFormatError(f"row {row + 1}, column object: {value:g} is no id from 1 up")
    return int(value)


def _positive(columns: Mapping[str, Sequence[Any]], row: int) -> bool:
    """Sign of one row; an empty cell is positive."""
    if "positive" not in columns:
        return True
    cell = str(columns["positive"][row]).strip().lower()
    if cell in ("", "nan", "none") or cell in _YES:
        return True
    if cell in _NO:
        return False
    raise FileFormatError(f"row {row + 1}, column positive: {cell!r} is neither true nor false")
