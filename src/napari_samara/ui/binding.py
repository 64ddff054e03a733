"""Where the viewer looks, in the terms of the image: its plane, and coordinates of other layers.

An image is one layer, or up to three layers of one channel each that lie on each other.

Everything here is arithmetic on layers and dims; nothing draws.  Rules, each in one place:

- A world position reaches the image through the full composed transform of both layers (scale,
  shear, rotate, translate, affine) and, where they differ, the units of both.
- An index between two slices goes to the one that napari shows: halves go to the even one
  (`numpy.round`).
- A plane has its row axis before its column axis, also where the viewer shows it transposed, so
  that rolling the axes there and back finds the same embedding and the same prompts.
- Where several layers are channels, all arithmetic is that of the first.
- Pixel i of level k of a multiscale image lies at i times the downsampling factor, as napari
  draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.planes import Plane
from napari_samara.ui.channels import StackedChannels, check_channels
from napari_samara.ui.levels import array_of, comfortable_level, displayed_axes, shape_of
from napari_samara.ui.transforms import apply, matrix_of, unit_factors, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import Dims
    from napari.layers import Image, Layer
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class ImageBinding:
    """An image at one resolution level, and the way from other layers to its pixels.

    Parameters
    ----------
    layer : napari.layers.Image
        Held by reference, never by name.
    level : int
        Level of a multiscale image, 0 the finest; 0 for all others.
    others : tuple of napari.layers.Image
        Layers of the second and third channel; `layer` is then the first, red.

    Raises
    ------
    ImageError
        If a layer has no such level, or the layers do not lie on each other.
    """

    layer: Image
    level: int = 0
    others: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        """Check the level, and that channels fit each other."""
        for layer in self.layers:
            levels = len(layer.data) if layer.multiscale else 1
            if not 0 <= self.level < levels:
                raise ImageError(f"{layer.name!r} has {levels} levels, there is no {self.level}")
        check_channels(self.layers, self.level)

    @classmethod
    def of(
        cls, image: Image | Sequence[Image] | ImageBinding, level: int | None = None
    ) -> ImageBinding:
        """Binding of one layer, or of one layer for each channel.

        Parameters
        ----------
        image : napari.layers.Image, sequence of them, or ImageBinding
            One, or up to three that become red, green and blue; a binding is returned as it is.
        level : int, optional
            Of a multiscale image; the finest that is comfortable if left out.

        Returns
        -------
        ImageBinding
            Whose layer is the first.

        Raises
        ------
        ImageError
            If there is no layer, or the layers do not fit each other.
        """
        if isinstance(image, ImageBinding):
            return image
        layers = tuple(image) if isinstance(image, list | tuple) else (image,)
        if not layers:
            raise ImageError("an image layer is needed, got none")
        chosen = comfortable_level(layers[0]) if level is None else level
        return cls(layers[0], chosen, layers[1:])

    @property
    def layers(self) -> tuple[Image, ...]:
        """The layers of all channels, in the order red, green, blue."""
        return (self.layer, *self.others)

    @property
    def data(self) -> Any:
        """Array of the level, lazy if the layers' are; channels last if `rgb`."""
        arrays = [array_of(layer, self.level) for layer in self.layers]
        return StackedChannels(arrays) if self.others else arrays[0]

    @property
    def rgb(self) -> bool:
        """Whether the last axis of `data` holds channels."""
        return bool(getattr(self.layer, "rgb", False) or self.others)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the level, channels left out."""
        return shape_of(self.layer, self.level)

    @property
    def source(self) -> str | None:
        """File that the layer was read from; None where napari does not know."""
        path = self.layer.source.path
        return str(path) if path else None

    @property
    def ndim(self) -> int:
        """Number of axes, channels left out."""
        return len(self.shape)

    @property
    def factors(self) -> NDArray[np.float64]:
        """Pixels of the finest level along one pixel of this one, shape (ndim,)."""
        if not self.layer.multiscale:
            return np.ones(self.ndim)
        return np.asarray(self.layer.downsample_factors[self.level], dtype=float)[: self.ndim]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Homogeneous transform from pixels of this level to the world of the layer."""
        result: NDArray[np.float64] = matrix_of(self.layer) @ np.diag([*self.factors, 1.0])
        return result

    def plane(self, dims: Dims) -> Plane | None:
        """Plane of the image that the viewer shows.

        Parameters
        ----------
        dims : napari.components.Dims
            Of the viewer.

        Returns
        -------
        Plane or None
            Rows along the earlier axis; None where the sliders stand outside the image.
        """
        displayed = displayed_axes(dims, self.ndim)
        fixed = [axis for axis in range(self.ndim) if axis not in displayed]
        if not fixed:
            return Plane.of(self.ndim)
        # As napari slices: the hidden axes by themselves, whatever is sheared into them.
        part = np.ix_(fixed, fixed)
        inverse = np.linalg.inv(self.matrix)
        here = self._point(dims)[fixed]
        at = np.round(inverse[part] @ here + inverse[fixed, -1]).astype(int)
        if any(not 0 <= index < self.shape[axis] for axis, index in zip(fixed, at, strict=True)):
            return None
        return Plane.of(self.ndim, displayed, dict(zip(fixed, at.tolist(), strict=True)))

    def from_layer(self, layer: Layer, coords: ArrayLike, dims: Dims) -> NDArray[np.float64]:
        """Map data coordinates of another layer to pixels of this level.

        Parameters
        ----------
        layer : Layer
            Whose coordinates they are.
        coords : array_like, shape (N, layer.ndim)
            Positions.  Axes that the image has and the layer lacks are taken where the viewer
            stands, as napari shows such a layer on every slice.
        dims : napari.components.Dims
            Of the viewer.

        Returns
        -------
        ndarray of float64, shape (N, ndim)
            Pixel centres at whole numbers.
        """
        given = np.asarray(coords, dtype=float).reshape(-1, layer.ndim)
        world = apply(matrix_of(layer), given)
        factors = unit_factors(units_of(layer), units_of(self.layer))
        world[:, world.shape[1] - len(factors) :] *= factors
        full = np.tile(self._point(dims), (len(world), 1))
        shared = min(layer.ndim, self.ndim)
        full[:, self.ndim - shared :] = world[:, layer.ndim - shared :]
        return apply(np.linalg.inv(self.matrix), full)

    def to_layer(self, layer: Layer, coords: ArrayLike, dims: Dims) -> NDArray[np.float64]:
        """Map pixels of this level to data coordinates of another layer.

        Parameters
        ----------
        layer : Layer
            Whose coordinates are asked for.
        coords : array_like, shape (N, ndim)
            Pixels.
        dims : napari.components.Dims
            Of the viewer, for axes that only the layer has.

        Returns
        -------
        ndarray of float64, shape (N, layer.ndim)
            The way back of `from_layer`.
        """
        world = apply(self.matrix, np.asarray(coords, dtype=float).reshape(-1, self.ndim))
        factors = unit_factors(units_of(self.layer), units_of(layer))
        world[:, world.shape[1] - len(factors) :] *= factors
        here = np.asarray(dims.point, dtype=float)[-layer.ndim :]
        full = np.tile(np.pad(here, (layer.ndim - len(here), 0)), (len(world), 1))
        shared = min(layer.ndim, self.ndim)
        full[:, layer.ndim - shared :] = world[:, self.ndim - shared :]
        return apply(np.linalg.inv(matrix_of(layer)), full)

    def to_world(self, at: ArrayLike, dims: Dims) -> NDArray[np.float64]:
        """World position of a pixel, in the units of the viewer.

        Parameters
        ----------
        at : array_like, shape (ndim,)
            Pixel of this level.
        dims : napari.components.Dims
            Of the viewer.

        Returns
        -------
        ndarray of float64, shape (ndim,)
            On the last axes of the viewer.
        """
        world: NDArray[np.float64] = apply(self.matrix, np.asarray(at, dtype=float)[np.newaxis])[0]
        factors = unit_factors(units_of(self.layer), getattr(dims, "units", None))
        world[len(world) - len(factors) :] *= factors
        return world

    def placement(self, offset: Sequence[float] | None = None) -> dict[str, Any]:
        """Arguments that put a new layer of this level's pixels where the image lies.

        Parameters
        ----------
        offset : sequence of float, optional
            Pixel of this level that is to be pixel (0, 0, ...) of the new layer.

        Returns
        -------
        dict
            ``scale``, ``translate``, ``rotate``, ``shear``, ``affine``, and units and axis labels
            where this napari has them.
        """
        layer = self.layer
        found: dict[str, Any] = {
            "scale": np.asarray(layer.scale) * self.factors,
            "translate": np.asarray(layer.translate),
            "rotate": layer.rotate,
            "shear": layer.shear,
            "affine": layer.affine,
        }
        if offset is not None:
            affine = np.asarray(layer.affine.affine_matrix)
            physical = np.linalg.inv(affine) @ self.matrix  # all but `affine`
            found["translate"] = physical[:-1, :-1] @ np.asarray(offset) + physical[:-1, -1]
        for name in ("units", "axis_labels"):
            if hasattr(layer, name):
                found[name] = getattr(layer, name)
        return found

    def _point(self, dims: Dims) -> NDArray[np.float64]:
        """World position of the sliders on the axes of the image, in the units of the layer."""
        here = np.asarray(dims.point, dtype=float)[-self.ndim :]
        here = np.pad(here, (self.ndim - len(here), 0))
        factors = unit_factors(getattr(dims, "units", None), units_of(self.layer))
        here[len(here) - len(factors) :] *= factors
        return here
