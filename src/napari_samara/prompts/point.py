"""Points: one pixel on the object, or one that is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from napari_samara.errors import PromptError
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.coordinates import (
    Fixed,
    as_tuple,
    fixed_axes,
    numbers,
    plain,
    sign,
    whole,
)
from napari_samara.prompts.inputs import PromptInputs


@dataclass(frozen=True, repr=False)
class Point(Prompt):
    """One pixel.

    Parameters
    ----------
    at : tuple of float
        (row, col), (z, row, col), or all coordinates of an image with more axes.
    positive : bool
        Whether it lies on the object.
    axis : int or tuple of int, optional
        Which of the coordinates are not of the plane; all but the last two by default.

    Attributes
    ----------
    index : int or tuple of int, optional
        The coordinates on `axis`, rounded to whole slices.

    Raises
    ------
    PromptError
        If there are fewer than two coordinates, one is not finite, or `axis` does not fit them.
    """

    kind: ClassVar[str] = "point"

    at: tuple[float, ...]
    positive: bool = True
    index: Fixed = field(init=False, default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the coordinates and take the index from them."""
        at = numbers(self.at, self.kind)
        if at.ndim != 1 or at.size < 2:
            raise PromptError(
                f"a point needs (row, col) or (z, row, col), got {at.size} coordinates in "
                f"{at.ndim} axes"
            )
        object.__setattr__(self, "at", tuple(float(number) for number in at))
        object.__setattr__(self, "positive", sign(self.positive, self.kind))
        axes = self._axes(at.size)
        object.__setattr__(self, "axis", axes or None)
        object.__setattr__(self, "index", tuple(whole(at[axis]) for axis in axes) or None)
        super().__post_init__()

    @property
    def rc(self) -> tuple[float, float]:
        """(row, col) in the plane."""
        row, col = (number for axis, number in enumerate(self.at) if axis not in self.fixed)
        return row, col

    def inputs(self, shape: tuple[int, int]) -> PromptInputs:
        """One point.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            With one point.

        Raises
        ------
        PromptError
            If the point lies outside the plane.
        """
        row, col = self.rc
        if not (-0.5 <= row <= shape[0] - 0.5 and -0.5 <= col <= shape[1] - 0.5):
            raise PromptError(
                f"point {self.at} lies outside the plane of shape {shape} (rows, cols)"
            )
        return PromptInputs.of([(row, col)], self.positive)

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON: the index is one of the coordinates, the usual axes go unsaid.

        Returns
        -------
        dict
            ``{"kind": "point", "at": [z, row, col], "positive": true}``.
        """
        data: dict[str, Any] = {"kind": self.kind, "at": plain(self.at), "positive": self.positive}
        if tuple(self.fixed) != tuple(range(len(self.at) - 2)):
            data["axis"] = plain(self.axis)
        return data

    @classmethod
    def from_entries(cls, entries: dict[str, Any]) -> Point:
        """Point of checked entries; (row, col) with axis and index is understood as well.

        Parameters
        ----------
        entries : dict
            Values by field name.

        Returns
        -------
        Point
            With all coordinates in `at`.

        Raises
        ------
        PromptError
            If a value is not allowed, or `at` and the index contradict each other.
        """
        given = entries.pop("index", None)
        if given is None:
            return cls(**entries)
        axis, index = fixed_axes(entries.get("axis"), given)
        at = numbers(entries["at"], cls.kind).tolist()
        if len(at) == 2:
            for place, number in zip(as_tuple(axis), as_tuple(index), strict=True):
                at.insert(place, float(number))
        point = cls(**{**entries, "at": tuple(at), "axis": axis})
        if point.index != index:
            raise PromptError(f"point {point.at} does not lie at index {index} of axis {axis}")
        return point

    def _axes(self, count: int) -> tuple[int, ...]:
        """Axes of the coordinates that are not of the plane, checked."""
        if self.axis is None:
            return tuple(range(count - 2))
        axes = as_tuple(self.axis)
        if len(axes) != count - 2 or any(not 0 <= axis < count for axis in axes):
            raise PromptError(
                f"a point of {count} coordinates fixes {count - 2} of its axes, got axis "
                f"{self.axis!r}"
            )
        return axes


def point(*at: float, positive: bool = True, axis: Fixed = None) -> Point:
    """Point prompt.

    Parameters
    ----------
    *at : float
        row, col; or z, row, col; or all coordinates of an image with more axes.
    positive : bool
        Whether it lies on the object.
    axis : int or tuple of int, optional
        Axis the plane is perpendicular to, if not the first; `at` stays in the order of the image.

    Returns
    -------
    Point
        ``point(12, 40, positive=False)`` for instance.

    Raises
    ------
    PromptError
        If the coordinates are too few or not finite.
    """
    return Point(at, positive, axis=axis)
