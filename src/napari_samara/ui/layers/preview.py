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
    costs no second array of its size.

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
        self._box = None
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
        box = mask.box if mask is not None else None
        old, self._box = self._box, box
        union = _union(old, box)
        if union is None:
            return
        row0, col0, row1, col1 = union
        values = np.zeros((row1 - row0, col1 - col0), dtype=np.uint8)
        if mask is not None:
            values[mask.data[row0:row1, col0:col1]] = 1
        self._write(values, row0, col0)

    def _write(self, values: NDArray[np.uint8], row0: int, col0: int) -> None:
        """Write the changed pixels of a box."""
        flat = self._flat(np.asarray(self.layer.data))
        here = flat[row0 : row0 + values.shape[0], col0 : col0 + values.shape[1]]
        rows, cols = np.nonzero(here != values)
        if not rows.size:
            return
        indices = [np.zeros(rows.size, dtype=int)] * self.binding.ndim
        row_axis, col_axis = sorted(self._plane.displayed)
        indices[row_axis], indices[col_axis] = rows + row0, cols + col0
        self.layer.data_setitem(tuple(indices), values[rows, cols])

    def _move(self, plane: Plane) -> None:
        """Go to another plane, empty."""
        turned = sorted(plane.displayed) != sorted(self._plane.displayed)
        self._plane, self._box = plane, None
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
