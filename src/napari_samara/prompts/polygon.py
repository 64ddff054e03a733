"""Polygons: an outline drawn around the object, or around what is not part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from skimage.draw import polygon as pixels_inside

from napari_samara.errors import PromptError
from napari_samara.masks import interior_point
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.coordinates import Fixed, pairs, sign
from napari_samara.prompts.inputs import PromptInputs
from napari_samara.prompts.mask import region_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class Polygon(Prompt):
    """A closed outline.

    Parameters
    ----------
    vertices : tuple of (float, float)
        (row, col) of three or more corners; the last is joined to the first.
    positive : bool
        Whether the inside belongs to the object.
    axis, index : int or tuple of int, optional
        The plane, see `Prompt`.

    Raises
    ------
    PromptError
        If there are fewer than three vertices, one is not finite, or all lie on one row or column.
    """

    kind: ClassVar[str] = "polygon"

    vertices: tuple[tuple[float, float], ...]
    positive: bool = True

    def __post_init__(self) -> None:
        """Check the vertices."""
        vertices = pairs(self.vertices, self.kind, least=3)
        if min(np.ptp(vertices, axis=0)) == 0:
            raise PromptError(f"polygon {vertices!r:.120} has no height or no width")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "positive", sign(self.positive, self.kind))
        super().__post_init__()

    def inside(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Pixels whose centre the outline encloses.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        ndarray of bool, shape (rows, cols)
            All False where the polygon misses every centre.
        """
        array = np.zeros(shape, dtype=np.bool_)
        rows, cols = np.array(self.vertices).T
        array[pixels_inside(rows, cols, shape)] = True
        return array

    def inputs(self, shape: tuple[int, int]) -> PromptInputs:
        """Inside, its box and its deepest point; only that point, as a negative one, if negative.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the plane.

        Returns
        -------
        PromptInputs
            A polygon too thin to hold a pixel centre gives its middle only.

        Raises
        ------
        PromptError
            If the polygon lies wholly outside the plane.
        """
        inside = self.inside(shape)
        if not inside.any():
            return PromptInputs.of([self._middle(shape)], self.positive)
        if not self.positive:
            return PromptInputs.of([interior_point(inside)], positive=False)
        return region_inputs(inside)

    def _middle(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Mean of the vertices, which must lie in the plane."""
        middle: NDArray[np.float64] = np.mean(self.vertices, axis=0, dtype=np.float64)
        if (middle < -0.5).any() or (middle > np.array(shape) - 0.5).any():
            raise PromptError(
                f"polygon {self.vertices!r:.120} lies outside the plane of shape {shape} "
                "(rows, cols)"
            )
        return middle


def polygon(
    vertices: Any, positive: bool = True, axis: Fixed = None, index: Fixed = None
) -> Polygon:
    """Polygon prompt.

    Parameters
    ----------
    vertices : array_like, shape (N, 2)
        (row, col) of three or more corners.
    positive : bool
        Whether the inside belongs to the object.
    axis : int or tuple of int, optional
        Axis the plane is perpendicular to; 0 where only `index` is given.
    index : int or tuple of int, optional
        Slice on `axis`; left out for a 2D image.

    Returns
    -------
    Polygon
        Closed.

    Raises
    ------
    PromptError
        If there are fewer than three vertices, one is not finite, or they enclose nothing.
    """
    return Polygon(vertices, positive, axis=axis, index=index)
