"""What the model sees, as an image layer over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_samara.planes import Plane
    from napari_samara.ui.binding import ImageBinding


class EncoderView:
    """Shows the 8-bit RGB of one plane right above the image; there is a layer only while it shows.

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
        self._data_shape: tuple[int, ...] = ()

    def show(self, rgb: NDArray[np.uint8], plane: Plane) -> None:
        """Show a plane.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (rows, cols, 3)
            As the session gives it.
        plane : Plane
            Which.
        """
        at = dict(plane.fixed)
        data = np.expand_dims(rgb, tuple(at))
        placement = self.binding.placement([float(at.get(axis, 0)) for axis in range(plane.ndim)])
        old, self._data_shape = self._data_shape, data.shape
        if self.layer is not None and self.layer in self.viewer.layers and old == data.shape:
            self.layer.data, self.layer.translate = data, placement["translate"]
            return
        active = self.viewer.layers.selection.active
        self.hide()
        self.layer = Image(
            data, rgb=True, name="What the model sees", metadata={"samara": True}, **placement
        )
        layers = self.viewer.layers
        above = max(layers.index(layer) for layer in self.binding.layers if layer in layers)
        layers.insert(above + 1, self.layer)
        self.viewer.layers.selection.active = active

    def hide(self) -> None:
        """Take the layer away."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.viewer.layers.remove(self.layer)
        self.layer = None
