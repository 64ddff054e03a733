"""Where the viewer looks, in the terms of the image: its plane, and coordinates of other layers.

Everything here is arithmetic on layers and dims; nothing draws.  Rules, each in one place:

- A world position reaches the image through the full composed transform of both layers (scale,
  shear, rotate, translate, affine) and, where they differ, the units of both.
- An index between two slices goes to the one that napari shows: halves go to the even one
  (`numpy.round`).
- A plane has its row axis before its column axis, also where the viewer shows it transposed, so
  that rolling the axes there and back finds the same embedding and the same prompts.
- Pixel i of level k of a multiscale image lies at i times the downsampling factor, as napari
  draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.planes import Plane
from napari_samara.ui.transforms import apply, matrix_of, unit_factors, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import Dims
    from napari.layers import Image, Layer
    from numpy.typing import ArrayLike, NDArray

# Longest side of a plane that a multiscale image is annotated at unless the user says otherwise.
_COMFORTABLE_SIDE = 4096


@dataclass(frozen=True, eq=False)
class ImageBinding:
    """An image layer at one resolution level, and the way from other layers to its pixels.

    Parameters
    ----------
    layer : napari.layers.Image
        Held by reference, never by name.
    level : int
        Level of a multiscale image, 0 the finest; 0 for all others.

    Raises
    ------
    ImageError
        If the image has no such level.
    """

    layer: Image
    level: int = 0

    def __post_init__(self) -> None:
        """Check the level."""
        levels = len(self.layer.data) if self.layer.multiscale else 1
        if not 0 <= self.level < levels:
            raise ImageError(f"{self.layer.name!r} has {levels} levels, there is no {self.level}")

    @property
    def data(self) -> Any:
        """Array of the level, lazy if the layer's is; channels last if `rgb`."""
        return self.layer.data[self.level] if self.layer.multiscale else self.layer.data

    @property
    def rgb(self) -> bool:
        """Whether the last axis of `data` holds channels."""
        return bool(self.layer.rgb)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the level, channels left out."""
        shape = tuple(int(side) for side in self.data.shape)
        return shape[:-1] if self.rgb else shape

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
        order = _ranks(tuple(dims.order)[-self.ndim :], self.ndim)
        displayed = sorted(order[-2:])
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


def comfortable_level(layer: Image) -> int:
    """Finest level of a multiscale image whose plane can be annotated without a wait.

    Parameters
    ----------
    layer : napari.layers.Image
        Multiscale or not.

    Returns
    -------
    int
        0 for an image of one level.
    """
    if not layer.multiscale:
        return 0
    for level, array in enumerate(layer.data):
        sides = array.shape[:-1] if layer.rgb else array.shape
        if max(sides[-2:]) <= _COMFORTABLE_SIDE:
            return level
    return len(layer.data) - 1


def _ranks(order: tuple[int, ...], ndim: int) -> list[int]:
    """Axes of the image in the order shown, as napari reduces the order of the viewer."""
    missing = ndim - len(order)
    ranks = [sorted(order).index(axis) + missing for axis in order]
    return [*range(missing), *ranks]
