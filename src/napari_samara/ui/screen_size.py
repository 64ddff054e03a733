"""Marks that are as large on the screen however far the view is zoomed in.

napari draws points and edges in pixels of the image: seen closely enough to click on a detail, a
point hides the object that it is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Points

from napari_samara.ui.levels import shown_sides

if TYPE_CHECKING:
    from napari.components import Camera, ViewerModel
    from napari.layers import Shapes

POINT, EDGE = 14.0, 2.0
"""Diameter of a point and width of an edge, in pixels of the screen."""


class ScreenSize:
    """Keeps the marks of a layer at a size on the screen; a size that the user sets is kept so.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        That shows the layer.
    layer : napari.layers.Points or napari.layers.Shapes
        Whose points or edges it is about.
    """

    def __init__(self, viewer: ViewerModel, layer: Points | Shapes) -> None:
        self._viewer, self.layer = viewer, layer
        self._of_points = isinstance(layer, Points)
        self._pixels = POINT if self._of_points else EDGE
        self._setting = False
        self._chosen = layer.events.current_size if self._of_points else layer.events.edge_width
        self._chosen.connect(self._on_chosen)
        self._causes = camera_of(viewer).events.zoom, viewer.dims.events.order
        for cause in self._causes:  # pixels may be longer along one axis than along another
            cause.connect(self._on_zoom)
        self._on_zoom()

    def close(self) -> None:
        """Leave the layer as it is."""
        self._chosen.disconnect(self._on_chosen)
        for cause in self._causes:
            cause.disconnect(self._on_zoom)

    def _unit(self) -> float:
        """Pixels of the screen for one of the image."""
        side = shown_sides(self.layer, self._viewer.dims).mean()
        return max(float(camera_of(self._viewer).zoom * side), 1e-9)

    def _on_zoom(self, event: Any = None) -> None:
        size = self._pixels / self._unit()
        self._setting = True
        try:
            if self._of_points:
                self.layer.size = self.layer.current_size = size
            else:
                self.layer.edge_width = self.layer.current_edge_width = size
        finally:
            self._setting = False

    def _on_chosen(self, event: Any = None) -> None:
        """Take over what the user set, for all marks."""
        if self._setting:
            return
        size = self.layer.current_size if self._of_points else self.layer.current_edge_width
        self._pixels = size * self._unit()
        self._on_zoom()


def camera_of(viewer: ViewerModel) -> Camera:
    """Return the camera, which napari 0.9 moved to the scene."""
    camera: Camera = getattr(viewer, "scene", viewer).camera
    return camera
