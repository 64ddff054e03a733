"""Shapes as prompts: rectangles, ellipses, polygons, lines and paths of a Shapes layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts import Point
from napari_samara.ui.drawn import is_drawn, on_plane, outline, shape_of
from napari_samara.ui.layers.drawing import Drawing
from napari_samara.ui.layers.signs import NEGATIVE, POSITIVE, signs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Shapes

    from napari_samara.planes import Plane
    from napari_samara.prompts import Prompt
    from napari_samara.ui.layers.signs import Look

NEGATIVE_MARK = "✕"
"""What stands in a negative shape."""


class ShapeDrawing(Drawing):
    """The shapes of a layer as prompts."""

    layer: Shapes
    _marked = False

    def items(self, plane: Plane) -> list[tuple[int, Prompt]]:
        """Shapes in a plane and their places in the layer.

        Parameters
        ----------
        plane : Plane
            Shapes elsewhere, shapes that span slices and those without extent are left out.

        Returns
        -------
        list of (int, Prompt)
            In the order of the layer.
        """
        signs = signs_of(self.layer)
        found: list[tuple[int, Prompt]] = []
        kinds = list(self.layer.shape_type)
        for row, (kind, vertices) in enumerate(zip(kinds, self.layer.data, strict=True)):
            coords = self.binding.from_layer(self.layer, vertices, self.dims)
            if not on_plane(coords, plane).all():
                continue
            try:
                found.append((row, shape_of(str(kind), coords, bool(signs[row]), plane)))
            except PromptError:
                continue
        return found

    def draws(self, prompt: Prompt) -> bool:
        """Whether it is drawn as a shape.

        Parameters
        ----------
        prompt : Prompt
            Of any kind.

        Returns
        -------
        bool
            True for boxes, polygons and scribbles.
        """
        return is_drawn(prompt) and not isinstance(prompt, Point)

    def _take(self, look: Look) -> None:
        self.layer.current_edge_color = look.hex

    def dress(self) -> None:
        """Show the sign of each shape by its edge, and by a cross in it; the inside stays clear."""
        layer = self.layer
        signs = signs_of(layer)
        if not len(signs):
            return
        edge = np.where(signs[:, np.newaxis], POSITIVE.rgba, NEGATIVE.rgba)
        if not np.allclose(layer.edge_color, edge):
            layer.edge_color = edge
        if np.asarray(layer.face_color)[:, 3].any():
            layer.face_color = np.zeros((len(signs), 4))
        self._write_signs(["" if sign else NEGATIVE_MARK for sign in signs])

    def _write_signs(self, marks: list[str]) -> None:
        """Write a mark into negative shapes: colour alone would not tell everybody."""
        if not any(marks) and not self._marked:
            return  # a text of the user's own stays
        self._marked = True
        self.layer.text = {"string": marks, "color": NEGATIVE.hex, "size": 14}

    def _append(self, prompts: Sequence[Prompt]) -> None:
        for prompt in prompts:
            kind, vertices = outline(prompt, self.binding.ndim)
            data = self.binding.to_layer(self.layer, vertices, self.dims)
            self.layer.add(data, shape_type=kind)
