"""The four layers of an annotation: made, adopted, and seen after when the user removes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Points, Shapes
from psygnal import Signal

from napari_samara.ui.layers.labels import LayerLabels
from napari_samara.ui.layers.points import PointDrawing
from napari_samara.ui.layers.preview import Preview
from napari_samara.ui.layers.shapes import ShapeDrawing
from napari_samara.ui.layers.signs import POSITIVE
from napari_samara.ui.screen_size import ScreenSize

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_samara.planes import Plane
    from napari_samara.ui.binding import ImageBinding
    from napari_samara.ui.layers.drawing import Drawing


POINTS, SHAPES = "Samara points", "Samara shapes"
"""Names of new layers for prompts."""


def labels_name(binding: ImageBinding) -> str:
    """Name of a new layer for the labels of an image."""
    return f"{binding.layer.name} labels"


@dataclass(frozen=True)
class GivenLayers:
    """Layers of the user to work on; what is left out is made.

    Attributes
    ----------
    points : napari.layers.Points, optional
        Its points are the prompts of the first object.
    shapes : napari.layers.Shapes, optional
        Likewise.
    labels : napari.layers.Labels, optional
        Accepted objects are added to it; its labels stay.
    """

    points: Points | None = None
    shapes: Shapes | None = None
    labels: Labels | None = None


class LayerSet:
    """Layers of one annotation, by reference: names and order do not matter.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        That shows the image.
    binding : ImageBinding
        The image.
    plane : Plane
        That is shown.
    given : GivenLayers
        The user's own.

    Raises
    ------
    ImageError
        If the given labels do not fit the image.
    """

    drawn = Signal()
    """Prompts were drawn, moved or removed."""

    lost = Signal(str)
    """The image or the labels were removed, with a line for the user: annotating is over."""

    told = Signal(str)
    """A line for the user about a layer that annotating can do without."""

    def __init__(
        self, viewer: ViewerModel, binding: ImageBinding, plane: Plane, given: GivenLayers
    ) -> None:
        self.viewer, self.binding = viewer, binding
        self._open = True
        self._sized: list[ScreenSize] = []
        if given.labels is None:
            self.target = LayerLabels(self._new_labels(), binding.shape, highest=0)
        else:
            self.target = LayerLabels(given.labels, binding.shape)
        self.preview = Preview(binding, plane)
        self.shapes = ShapeDrawing(given.shapes or self._new_shapes(), binding, viewer.dims)
        self.points = PointDrawing(given.points or self._new_points(), binding, viewer.dims)
        for layer in (self.target.layer, self.preview.layer, self.shapes.layer, self.points.layer):
            self._show(layer)
        for drawing in self.drawings:
            drawing.changed.connect(self.drawn.emit)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def drawings(self) -> tuple[Drawing, Drawing]:
        """The layers that prompts are drawn in."""
        return self.points, self.shapes

    def select_points(self) -> None:
        """Make the next click add a point."""
        self.select_tool("points", "add")

    def select_tool(self, which: str, mode: str) -> None:
        """Make the next click draw.

        Parameters
        ----------
        which : str
            ``"points"`` or ``"shapes"``.
        mode : str
            Of that layer, as napari names it.
        """
        layer = (self.points if which == "points" else self.shapes).layer
        self.viewer.layers.selection.active = layer
        layer.mode = mode

    def close(self, keep_preview: bool = False) -> None:
        """Let go of all layers; only the preview is taken away.

        Parameters
        ----------
        keep_preview : bool
            Whether it stays, too.
        """
        if not self._open:
            return
        self._open = False
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        for drawing in self.drawings:
            drawing.close()
        for sized in self._sized:
            sized.close()
        self.target.close()
        if not keep_preview and self.preview.layer in self.viewer.layers:
            self.viewer.layers.remove(self.preview.layer)

    def bring_back(self) -> bool:
        """Make anew what the user removed and annotating needs: preview, points or shapes.

        Returns
        -------
        bool
            Whether anything was missing.
        """
        layers = self.viewer.layers
        needed = (self.preview.layer, self.shapes.layer, self.points.layer)
        if not self._open or all(layer in layers for layer in needed):
            return False
        active = layers.selection.active
        if self.preview.layer not in layers:
            self._show(self.preview.new_layer())
        if self.shapes.layer not in layers:
            self.shapes = ShapeDrawing(self._new_shapes(), self.binding, self.viewer.dims)
            self._adopt(self.shapes)
        if self.points.layer not in layers:
            self.points = PointDrawing(self._new_points(), self.binding, self.viewer.dims)
            self._adopt(self.points)
        if active in layers:
            layers.selection.active = active
        return True

    def _adopt(self, drawing: Drawing) -> None:
        """Show a new drawing layer, with the sign that was chosen, and listen to it."""
        drawing.positive = (self.shapes if drawing is self.points else self.points).positive
        self._show(drawing.layer)
        drawing.changed.connect(self.drawn.emit)

    def _on_removed(self, event: Any) -> None:
        """Let go of a layer that was removed, or end."""
        gone: Layer = event.value
        if gone is self.binding.layer or gone is self.target.layer:
            what = "image" if gone is self.binding.layer else "labels"
            self.lost.emit(f"Annotating ended: the {what} {gone.name!r} was removed.")
            return
        if any(gone is layer for layer in self.binding.others):  # its array is held on to
            self.told.emit(f"The channel {gone.name!r} was removed; annotating goes on with it.")
        for drawing in self.drawings:
            if gone is drawing.layer:
                drawing.close()
        for sized in self._sized:
            if gone is sized.layer:
                sized.close()
        if gone in (self.preview.layer, *(drawing.layer for drawing in self.drawings)):
            self.drawn.emit()

    def _show(self, layer: Layer) -> None:
        """Add a layer, unless the user's own is in the viewer already."""
        if layer not in self.viewer.layers:
            self.viewer.add_layer(layer)

    def _new_labels(self) -> Labels:
        return Labels(
            np.zeros(self.binding.shape, dtype=np.int32),
            name=labels_name(self.binding),
            **self.binding.placement(),
        )

    def _new_shapes(self) -> Shapes:
        layer = Shapes(
            ndim=self.binding.ndim,
            name=SHAPES,
            edge_color=[POSITIVE.rgba],
            face_color="transparent",
            opacity=1.0,
            **self.binding.placement(),
        )
        self._sized.append(ScreenSize(self.viewer, layer))
        return layer

    def _new_points(self) -> Points:
        layer = Points(
            ndim=self.binding.ndim,
            name=POINTS,
            face_color=[POSITIVE.rgba],
            border_color="white",
            border_width=0.1,
            symbol=POSITIVE.symbol,
            **self.binding.placement(),
        )
        self._sized.append(ScreenSize(self.viewer, layer))
        return layer
