"""Points as prompts: a Points layer, its signs, and the look that tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_samara.prompts import Point
from napari_samara.ui.drawn import on_plane, point_of
from napari_samara.ui.layers.drawing import Drawing
from napari_samara.ui.layers.signs import NEGATIVE, POSITIVE, signs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Points

    from napari_samara.planes import Plane
    from napari_samara.prompts import Prompt
    from napari_samara.ui.layers.signs import Look


class PointDrawing(Drawing):
    """The points of a layer as prompts."""

    layer: Points

    def items(self, plane: Plane) -> list[tuple[int, Prompt]]:
        """Points in a plane and their rows.

        Parameters
        ----------
        plane : Plane
            Points elsewhere are left out.

        Returns
        -------
        list of (int, Prompt)
            In the order of the layer.
        """
        coords = self.binding.from_layer(self.layer, self.layer.data, self.dims)
        signs = signs_of(self.layer)
        good = on_plane(coords, plane) & np.isfinite(coords).all(axis=1)
        return [(int(i), point_of(coords[i], bool(signs[i]), plane)) for i in np.flatnonzero(good)]

    def draws(self, prompt: Prompt) -> bool:
        """Whether it is a point.

        Parameters
        ----------
        prompt : Prompt
            Of any kind.

        Returns
        -------
        bool
            True for points.
        """
        return isinstance(prompt, Point)

    def _take(self, look: Look) -> None:
        self.layer.current_face_color, self.layer.current_symbol = look.hex, look.symbol

    def dress(self) -> None:
        """Show the sign of each point by colour and symbol."""
        layer = self.layer
        signs = signs_of(layer)
        if not len(signs):
            return
        face = np.where(signs[:, np.newaxis], POSITIVE.rgba, NEGATIVE.rgba)
        symbols = [POSITIVE.symbol if sign else NEGATIVE.symbol for sign in signs]
        if not np.allclose(layer.face_color, face, rtol=0, atol=1e-3):  # napari rounds colours
            layer.face_color = face
        if [str(symbol) for symbol in layer.symbol] != symbols:
            layer.symbol = symbols

    def _append(self, prompts: Sequence[Prompt]) -> None:
        at = np.array([prompt.at for prompt in prompts if isinstance(prompt, Point)])
        self.layer.add(self.binding.to_layer(self.layer, at, self.dims))
