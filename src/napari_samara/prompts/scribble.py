"""Scribbles: a line drawn along the object, or along what is not part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.coordinates import Fixed, pairs, sign
from napari_samara.prompts.inputs import PromptInputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_POINTS = 16
"""Points taken from one scribble; more add nothing but decoder time."""

# A vertex nearer than this to the chord over it is jitter of the hand, not a corner (pixels).
_JITTER = 1.5

# Straight parts are filled until no gap is longer than this part of the line, or this many pixels.
_GAP_SHARE, _GAP_PIXELS = 1 / 8, 6.0


@dataclass(frozen=True, repr=False)
class Scribble(Prompt):
    """A freehand line.

    Parameters
    ----------
    path : tuple of (float, float)
        (row, col) in drawing order.
    positive : bool
        Whether it lies on the object.
    axis, index : int or tuple of int, optional
        The plane, see `Prompt`.

    Raises
    ------
    PromptError
        If the path is empty or a number is not finite.
    """

    kind: ClassVar[str] = "scribble"

    path: tuple[tuple[float, float], ...]
    positive: bool = True

    def __post_init__(self) -> None:
        """Check the path."""
        object.__setattr__(self, "path", pairs(self.path, self.kind))
        object.__setattr__(self, "positive", sign(self.positive, self.kind))
        super().__post_init__()

    def inputs(self, shape: tuple[int, int]) -> PromptInputs:
        """Points along the part of the path inside the plane, see `sampled`.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            Up to `MOST_POINTS` points of the same sign.

        Raises
        ------
        PromptError
            If no part of the path lies inside the plane.
        """
        path = np.array(self.path)
        if not _within(path, shape).all():
            path = _dense(path)
            path = path[_within(path, shape)]
        if len(path) == 0:
            raise PromptError(
                f"scribble {self.path!r:.120} lies outside the plane of shape {shape} (rows, cols)"
            )
        return PromptInputs.of(sampled(path), self.positive)


def sampled(path: NDArray[np.float64], most: int = MOST_POINTS) -> NDArray[np.float64]:
    """Few points that stand for a line: its ends, its sharp corners, and an even filling between.

    Parameters
    ----------
    path : ndarray, shape (N, 2)
        (row, col) in drawing order, at least one.
    most : int
        Largest number of points, 2 or more.

    Returns
    -------
    ndarray, shape (M, 2)
        In drawing order, no point twice in a row.
    """
    steps = np.hypot(*np.diff(path, axis=0).T)
    path = path[np.concatenate([[True], steps > 0])]
    length = np.concatenate([[0.0], np.cumsum(steps[steps > 0])])
    places = [float(length[corner]) for corner in _corners(path, most)]
    longest = max(length[-1] * _GAP_SHARE, _GAP_PIXELS)
    while len(places) < most:
        gaps = np.diff(places)
        if gaps.size == 0 or gaps.max() <= longest:
            break
        widest = int(gaps.argmax())
        places.insert(widest + 1, places[widest] + float(gaps[widest]) / 2)
    return np.stack([np.interp(places, length, path[:, axis]) for axis in (0, 1)], axis=1)


def _corners(path: NDArray[np.float64], most: int) -> list[int]:
    """Numbers of the ends and of the vertices that stick out most, in drawing order."""
    found = [0, len(path) - 1] if len(path) > 1 else [0]
    candidates = [_farthest(path, 0, len(path) - 1)]
    while len(found) < most:
        distance, corner, first, last = max(candidates)
        if distance <= _JITTER:
            break
        found.append(corner)
        candidates.remove((distance, corner, first, last))
        candidates += [_farthest(path, first, corner), _farthest(path, corner, last)]
    return sorted(found)


def _farthest(path: NDArray[np.float64], first: int, last: int) -> tuple[float, int, int, int]:
    """Distance and number of the vertex farthest from the chord between two others."""
    if last - first < 2:
        return 0.0, first, first, last
    chord = path[last] - path[first]
    between = path[first + 1 : last] - path[first]
    along = np.clip(between @ chord / max(float(chord @ chord), 1e-12), 0, 1)
    distance = np.hypot(*(between - along[:, np.newaxis] * chord).T)
    place = int(distance.argmax())
    return float(distance[place]), first + 1 + place, first, last


def _dense(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """`path` with at most half a pixel between neighbours; its vertices stay."""
    steps = np.ceil(np.hypot(*np.diff(path, axis=0).T) * 2).astype(int)
    # Beyond this a line is far longer than any image; the memory it takes stays bounded.
    steps = np.clip(steps, 1, 100_000)
    parts = [
        np.linspace(start, end, count, endpoint=False)
        for start, end, count in zip(path[:-1], path[1:], steps, strict=True)
    ]
    return np.concatenate([*parts, path[-1:]])


def _within(path: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points lie on a pixel of the plane."""
    inside = (path >= -0.5) & (path <= np.array(shape) - 0.5)  # (N, 2)
    return np.logical_and(inside[:, 0], inside[:, 1])


def scribble(path: Any, positive: bool = True, axis: Fixed = None, index: Fixed = None) -> Scribble:
    """Scribble prompt.

    Parameters
    ----------
    path : array_like, shape (N, 2)
        (row, col) in drawing order.
    positive : bool
        Whether it lies on the object.
    axis : int or tuple of int, optional
        Axis the plane is perpendicular to; 0 where only `index` is given.
    index : int or tuple of int, optional
        Slice on `axis`; left out for a 2D image.

    Returns
    -------
    Scribble
        Open.

    Raises
    ------
    PromptError
        If the path is empty or a number is not finite.
    """
    return Scribble(path, positive, axis=axis, index=index)
