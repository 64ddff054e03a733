"""Boxes: a rectangle around the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.coordinates import Fixed, numbers
from napari_samara.prompts.inputs import PromptInputs


@dataclass(frozen=True, repr=False)
class Box(Prompt):
    """A rectangle around one object.

    Parameters
    ----------
    corners : tuple of float
        Half-open (row0, col0, row1, col1); sorted, whichever corners were given.
    axis, index : int or tuple of int, optional
        The plane, see `Prompt`.

    Raises
    ------
    PromptError
        If there are not four finite numbers or the box has no height or width.
    """

    kind: ClassVar[str] = "box"

    corners: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        """Check and sort the corners."""
        corners = numbers(self.corners, self.kind)
        if corners.shape != (4,):
            raise PromptError(f"a box needs (row0, col0, row1, col1), got {self.corners!r:.120}")
        row0, col0, row1, col1 = (float(number) for number in corners)
        if row0 == row1 or col0 == col1:
            raise PromptError(
                f"box {(row0, col0, row1, col1)} has no height or no width; give corners as "
                "(row0, col0, row1, col1), or use a point"
            )
        ordered = (min(row0, row1), min(col0, col1), max(row0, row1), max(col0, col1))
        object.__setattr__(self, "corners", ordered)
        super().__post_init__()

    def inputs(self, shape: tuple[int, int]) -> PromptInputs:
        """One box, cut at the border of the plane.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            With the box only.

        Raises
        ------
        PromptError
            If the box lies wholly outside the plane.
        """
        cut = np.clip(self.corners, 0, (*shape, *shape))
        if not (cut[:2] < cut[2:]).all():
            raise PromptError(
                f"box {self.corners} lies outside the plane of shape {shape} (rows, cols)"
            )
        return PromptInputs.of(box=cut.tolist())


def box(
    row0: float, col0: float, row1: float, col1: float, axis: Fixed = None, index: Fixed = None
) -> Box:
    """Box prompt.

    Parameters
    ----------
    row0, col0, row1, col1 : float
        Two opposite corners; the later row and column are one past the object.
    axis : int or tuple of int, optional
        Axis the plane is perpendicular to; 0 where only `index` is given.
    index : int or tuple of int, optional
        Slice on `axis`; left out for a 2D image.

    Returns
    -------
    Box
        With sorted corners.

    Raises
    ------
    PromptError
        If the box has no height or width or a number is not finite.
    """
    return Box((row0, col0, row1, col1), axis=axis, index=index)
