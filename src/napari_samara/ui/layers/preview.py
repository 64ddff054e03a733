"""The candidate mask on the image, in a layer of its own that holds one plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.masks import Mask, PixelBox
    from napari_samara.planes import Plane
    from napari_samara.ui.binding import ImageBinding

COLOUR = (0.94, 0.89, 0.26, 1.0)
"""Yellow of Okabe and Ito's palette: neither of the colours of the signs."""


class Preview:
    """Shows one mask; the Labels layer with the accepted objects is never touched.

    The layer is as large as one plane and one pixel thick along the other axes, so that a stack
    costs no second array of its size.  Only the box that changes is written and sent to the
    graphics card, and nothing is written to napari's undo history, which would keep the position
    of every pixel of a hundred masks.

    Parameters
    ----------
    binding : ImageBinding
        The image that the mask lies on.
    plane : Plane
        Where to begin.
    """

    def __init__(self, binding: ImageBinding, plane: Plane) -> None:
        self.binding, self._plane = binding, plane
        self._box: PixelBox | None = None
        self._shown: Mask | None = None
        self.layer = self.new_layer()

    def new_layer(self) -> Labels:
        """Empty layer in the current plane, in place of one that is gone.

        Returns
        -------
        napari.layers.Labels
            Not yet in a viewer.
        """
        from napari.utils.colormaps import DirectLabelColormap

        layer = Labels(
            self._blank(),
            name="Samara preview",
            opacity=0.5,
            blending="translucent",
            colormap=DirectLabelColormap(color_dict={None: (0, 0, 0, 0), 1: COLOUR}),
            **self.binding.placement(self._offset()),
        )
        layer.editable = False
        self._box = self._shown = None
        self.layer = layer
        return layer

    def show(self, mask: Mask | None, plane: Plane) -> None:
        """Draw a mask, or nothing.

        Parameters
        ----------
        mask : Mask or None
            Of the plane; rows along its row axis.
        plane : Plane
            Where.
        """
        if plane != self._plane:
            self._move(plane)
        if mask is self._shown:
            return
        self._shown = mask
        box = mask.box if mask is not None else None
        old, self._box = self._box, box
        union = _union(old, box)
        if union is not None:
            rows, cols = slice(union[0], union[2]), slice(union[1], union[3])
            self.draw(0 if mask is None else mask.data[rows, cols].view(np.uint8), union)

    def draw(self, values: NDArray[np.uint8] | int, box: PixelBox) -> None:
        """Write values into the plane; `show` does not know of them.

        Parameters
        ----------
        values : ndarray of uint8, shape of the box, or int
            Colours, by their number.
        box : tuple of int
            Half-open (row0, col0, row1, col1).
        """
        rows, cols = slice(box[0], box[2]), slice(box[1], box[3])
        window = self._flat(np.asarray(self.layer.data))[rows, cols]
        window[...] = values
        shown = list(self.layer._slice_input.displayed)  # noqa: SLF001 - nothing public tells
        if self.layer.contour or sorted(shown) != sorted(self._plane.displayed):
            self.layer.refresh()
        else:
            upright = shown == sorted(shown)
            part = window if upright else window.T
            offset = [box[0], box[1]] if upright else [box[1], box[0]]
            # To the canvas alone: the list of layers would be painted, too, and the window twice.
            with self.layer.events.blocker():
                self.layer.events.labels_update(data=part, offset=offset)

    def _move(self, plane: Plane) -> None:
        """Go to another plane, empty."""
        turned = sorted(plane.displayed) != sorted(self._plane.displayed)
        self._plane, self._box, self._shown = plane, None, None
        if turned or np.asarray(self.layer.data).any():
            self.layer.data = self._blank()
        self.layer.translate = self.binding.placement(self._offset())["translate"]

    def _blank(self) -> NDArray[np.uint8]:
        """Empty plane with all axes of the image."""
        shown = self._plane.displayed
        return np.zeros(
            [side if axis in shown else 1 for axis, side in enumerate(self.binding.shape)],
            dtype=np.uint8,
        )

    def _flat(self, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Drop the axes that are one pixel thick."""
        shown = self._plane.displayed
        return data[tuple(slice(None) if axis in shown else 0 for axis in range(data.ndim))]

    def _offset(self) -> list[float]:
        """Pixel of the image that is the first of the layer."""
        at = dict(self._plane.fixed)
        return [float(at.get(axis, 0)) for axis in range(self.binding.ndim)]


def _union(one: PixelBox | None, other: PixelBox | None) -> PixelBox | None:
    """Smallest box around both."""
    if one is None or other is None:
        return one or other
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )
