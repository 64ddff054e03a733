"""What is drawn in Points and Shapes layers as prompts, and prompts as what is to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts import Box, Point, Polygon, Prompt, Scribble
from napari_samara.prompts.tables import shape_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.planes import Plane

# Vertices that differ by less lie on one line: what rotating there and back leaves over.
_SAME = 1e-6

# Pixels by which a prompt may differ from what is drawn of it, after a way there and back.
_CLOSE = 1e-3


def on_plane(coords: NDArray[np.float64], plane: Plane) -> NDArray[np.bool_]:
    """Which positions lie in a plane.

    Parameters
    ----------
    coords : ndarray, shape (N, ndim)
        Pixels of the image.
    plane : Plane
        The plane; an index between two slices belongs to the even one, as napari shows it.

    Returns
    -------
    ndarray of bool, shape (N,)
        All true for a 2D image.
    """
    found = np.ones(len(coords), dtype=bool)
    for axis, index in plane.fixed:
        found &= np.round(coords[:, axis]) == index
    return found


def point_of(at: NDArray[np.float64], positive: bool, plane: Plane) -> Point:
    """Point prompt at a position in a plane.

    Parameters
    ----------
    at : ndarray, shape (ndim,)
        Pixels of the image.
    positive : bool
        Whether it lies on the object.
    plane : Plane
        Gives the index of the axes that are not shown.

    Returns
    -------
    Point
        With whole indices on those axes.

    Raises
    ------
    PromptError
        If a coordinate is not finite.
    """
    full = [float(number) for number in at]
    for axis, index in plane.fixed:
        full[axis] = float(index)
    return Point(tuple(full), positive, axis=tuple(axis for axis, _ in plane.fixed) or None)


def shape_of(kind: str, vertices: NDArray[np.float64], positive: bool, plane: Plane) -> Prompt:
    """Prompt of one shape that lies in a plane.

    Parameters
    ----------
    kind : str
        As napari names it: rectangle, ellipse, polygon, path or line.
    vertices : ndarray, shape (V, ndim)
        Pixels of the image.
    positive : bool
        Whether it lies on the object.
    plane : Plane
        The plane.

    Returns
    -------
    Prompt
        A box for an upright positive rectangle, a polygon for other closed shapes, a scribble for
        open ones.

    Raises
    ------
    PromptError
        If the shape has no extent, or is of another kind.
    """
    rc = vertices[:, sorted(plane.displayed)]
    low, high = rc.min(axis=0), rc.max(axis=0)
    rc = np.where(np.abs(rc - low) < _SAME, low, np.where(np.abs(rc - high) < _SAME, high, rc))
    place = {
        "axis": tuple(axis for axis, _ in plane.fixed) or None,
        "index": tuple(index for _, index in plane.fixed) or None,
    }
    return shape_prompt(kind, rc, positive, place)


def touches(prompt: Prompt, size: tuple[int, int]) -> bool:
    """Whether a prompt touches its plane; what is drawn beside the image is no prompt.

    Parameters
    ----------
    prompt : Prompt
        Of any kind.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    bool
        False where it would be refused.
    """
    try:
        prompt.inputs(size)
    except PromptError:
        return False
    return True


def is_drawn(prompt: Prompt) -> bool:
    """Whether a prompt shows in the Points or Shapes layer; a mask does not.

    Parameters
    ----------
    prompt : Prompt
        Of any kind.

    Returns
    -------
    bool
        True for points, boxes, polygons and scribbles.
    """
    return isinstance(prompt, Point) or bool(_flat_outline(prompt)[0])


def outline(prompt: Prompt, ndim: int) -> tuple[str, NDArray[np.float64]]:
    """Shape that draws a prompt.

    Parameters
    ----------
    prompt : Prompt
        Box, polygon or scribble.
    ndim : int
        Number of axes of the image.

    Returns
    -------
    kind : str
        As napari names it; empty for points and masks.
    vertices : ndarray, shape (V, ndim)
        Pixels of the image.
    """
    kind, rc = _flat_outline(prompt)
    vertices = np.zeros((len(rc), ndim))
    shown = [axis for axis in range(ndim) if axis not in prompt.fixed]
    if kind:
        vertices[:, shown] = rc
    for axis, index in prompt.fixed.items():
        vertices[:, axis] = index
    return kind, vertices


def sign_of(prompt: Prompt) -> bool:
    """Sign of a prompt; kinds without one are positive.

    Parameters
    ----------
    prompt : Prompt
        Of any kind.

    Returns
    -------
    bool
        Whether it lies on the object.
    """
    return bool(getattr(prompt, "positive", True))


def same(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts are drawn alike, to a thousandth of a pixel.

    Parameters
    ----------
    one, other : Prompt
        Of any kind.

    Returns
    -------
    bool
        True for equal prompts, and for one that went to a layer and came back.
    """
    if one == other:
        return True
    if (type(one), one.fixed, sign_of(one)) != (type(other), other.fixed, sign_of(other)):
        return False
    here, there = _numbers(one), _numbers(other)
    return (
        here.shape == there.shape
        and here.size > 0
        and bool(np.allclose(here, there, rtol=0, atol=_CLOSE))
    )


def without(prompts: Sequence[Prompt], others: Sequence[Prompt]) -> list[Prompt]:
    """Prompts that are not among others; each of the others stands for one.

    Parameters
    ----------
    prompts : sequence of Prompt
        What to go through.
    others : sequence of Prompt
        What to leave out.

    Returns
    -------
    list of Prompt
        In the order of `prompts`.
    """
    partners = pairs(prompts, others)
    return [prompt for at, prompt in enumerate(prompts) if at not in partners]


def pairs(prompts: Sequence[Prompt], others: Sequence[Prompt]) -> dict[int, int]:
    """Which prompts are drawn like which others; each of the others stands for one.

    Parameters
    ----------
    prompts, others : sequence of Prompt
        Thousands of either: most are found by what they are equal to, or close to.

    Returns
    -------
    dict of int to int
        Place among `others` by place among `prompts`, for those that have a partner.
    """
    found: dict[int, int] = {}
    for form in (_itself, _cell):
        places: dict[Any, list[int]] = {}
        taken = set(found.values())
        for at, other in enumerate(others):
            if at not in taken:
                places.setdefault(form(other), []).append(at)
        for at, prompt in enumerate(prompts):
            if at not in found:
                near = places.get(form(prompt), ())
                at_other = next((i for i in near if same(prompt, others[i])), None)
                if at_other is not None:
                    found[at] = at_other
                    places[form(prompt)].remove(at_other)
    left = [at for at in range(len(others)) if at not in set(found.values())]
    for at, prompt in enumerate(prompts) if left else ():
        if at not in found:  # on the edge of two cells
            place = next((i for i, other in enumerate(left) if same(prompt, others[other])), None)
            if place is not None:
                found[at] = left.pop(place)
    return found


def _itself(prompt: Prompt) -> Any:
    return prompt


def _cell(prompt: Prompt) -> Any:
    """Coordinates in steps so large that prompts drawn alike nearly always have the same."""
    steps = np.floor(_numbers(prompt) / (100 * _CLOSE) + 1 / 3)
    return type(prompt), tuple(prompt.fixed.items()), sign_of(prompt), steps.tobytes()


def _numbers(prompt: Prompt) -> NDArray[np.float64]:
    """Coordinates of a prompt that is drawn; nothing for a mask."""
    if isinstance(prompt, Point):
        return np.asarray(prompt.rc, dtype=float)
    return np.asarray(_flat_outline(prompt)[1], dtype=float)


def _flat_outline(prompt: Prompt) -> tuple[str, Any]:
    """Kind and (row, col) vertices; an empty kind for what is no shape."""
    if isinstance(prompt, Box):
        row0, col0, row1, col1 = prompt.corners
        return "rectangle", [(row0, col0), (row0, col1), (row1, col1), (row1, col0)]
    if isinstance(prompt, Polygon):
        return "polygon", prompt.vertices
    if isinstance(prompt, Scribble):
        return ("path" if len(prompt.path) > 1 else ""), prompt.path
    return "", []
