"""How much each place is like the accepted objects, as an image layer over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_samara.planes import Plane
    from napari_samara.ui.binding import ImageBinding


class SimilarityView:
    """Shows the map of one plane above the image; there is a layer only while it shows.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where.
    binding : ImageBinding
        The image.
    """

    def __init__(self, viewer: ViewerModel, binding: ImageBinding) -> None:
        self.viewer, self.binding = viewer, binding
        self.layer: Image | None = None

    def show(self, similarity: NDArray[np.float32], step: float, plane: Plane) -> None:
        """Show a map, in place of the one before.

        Parameters
        ----------
        similarity : ndarray of float32, shape (h, w)
            -1 to 1; below 0 it is dark.
        step : float
            Pixels of the plane for one position of the map.
        plane : Plane
            Which, rows along the earlier axis.
        """
        self.hide()
        at = dict(plane.fixed)
        offset = [float(at.get(axis, (step - 1) / 2)) for axis in range(plane.ndim)]
        placement: dict[str, Any] = self.binding.placement(offset)
        steps = [1.0 if axis in at else step for axis in range(plane.ndim)]
        placement["scale"] = np.asarray(placement["scale"]) * steps
        self.layer = Image(
            np.expand_dims(similarity, tuple(at)),
            name="Similarity",
            colormap="viridis",
            contrast_limits=(0.0, 1.0),
            opacity=0.6,
            metadata={"samara": True},
            **placement,
        )
        layers, active = self.viewer.layers, self.viewer.layers.selection.active
        above = max(layers.index(layer) for layer in self.binding.layers if layer in layers)
        layers.insert(above + 1, self.layer)
        layers.selection.active = active

    def hide(self) -> None:
        """Take the layer away."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.viewer.layers.remove(self.layer)
        self.layer = None
