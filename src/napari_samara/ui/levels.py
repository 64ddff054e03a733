"""Levels of a multiscale image: their arrays, and which one to annotate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.ui.transforms import matrix_of, unit_factors, units_of

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image, Layer
    from numpy.typing import NDArray

# Longest side of a plane that a multiscale image is annotated at unless the user says otherwise.
_COMFORTABLE_SIDE = 4096

# A level counts as fine enough for the screen if its pixels are larger by no more than this part.
_SLACK = 0.01


def array_of(layer: Image, level: int) -> Any:
    """Array of one level.

    Parameters
    ----------
    layer : napari.layers.Image
        Multiscale or not.
    level : int
        0 the finest; without meaning for an image of one level.

    Returns
    -------
    array
        Lazy if the layer's is; channels last in an RGB image.
    """
    return layer.data[level] if layer.multiscale else layer.data


def shape_of(layer: Image, level: int) -> tuple[int, ...]:
    """Shape of one level.

    Parameters
    ----------
    layer : napari.layers.Image
        Multiscale or not.
    level : int
        0 the finest.

    Returns
    -------
    tuple of int
        Channels of an RGB image left out.
    """
    shape = tuple(int(side) for side in array_of(layer, level).shape)
    return shape[:-1] if getattr(layer, "rgb", False) else shape  # labels have no channels


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
    levels = len(layer.data)
    fits = (i for i in range(levels) if max(shape_of(layer, i)[-2:]) <= _COMFORTABLE_SIDE)
    return next(fits, levels - 1)


def level_by_zoom(layer: Image, dims: Dims, zoom: float) -> int:
    """Level of a multiscale image with about one pixel for each pixel of the screen.

    Parameters
    ----------
    layer : napari.layers.Image
        Multiscale or not.
    dims : napari.components.Dims
        Of the viewer.
    zoom : float
        Of the camera: pixels of the screen to one unit of the world.

    Returns
    -------
    int
        The coarsest that still shows all that the screen can, as napari chooses what to draw; the
        finest where even that is coarser than the screen.
    """
    if not layer.multiscale:
        return 0
    shown, one_pixel = displayed_axes(dims, layer.ndim), shown_sides(layer, dims)
    found = 0
    for level in range(1, len(layer.data)):
        factors = np.asarray(layer.downsample_factors[level])[: layer.ndim]
        if (one_pixel * factors[shown] * zoom > 1 + _SLACK).any():
            break
        found = level
    return found


def shown_sides(layer: Layer, dims: Dims) -> NDArray[np.float64]:
    """Sides of one pixel of a layer along the axes that are shown, in units of the viewer.

    Parameters
    ----------
    layer : napari.layers.Layer
        In the viewer or not.
    dims : napari.components.Dims
        Of the viewer.

    Returns
    -------
    ndarray of float64, shape (2,)
        As `displayed_axes` orders them.
    """
    known = unit_factors(units_of(layer), getattr(dims, "units", None))
    factors = np.ones(layer.ndim)
    factors[layer.ndim - len(known) :] = known
    sides = np.linalg.norm(factors[:, np.newaxis] * matrix_of(layer)[:-1, :-1], axis=0)
    return np.asarray(sides[displayed_axes(dims, layer.ndim)])


def displayed_axes(dims: Dims, ndim: int) -> list[int]:
    """Axes of an image that the viewer shows, as napari reduces the order of its own axes.

    Parameters
    ----------
    dims : napari.components.Dims
        Of the viewer.
    ndim : int
        Axes of the image.

    Returns
    -------
    list of int
        Two, the earlier one first.
    """
    order = tuple(dims.order)[-ndim:]
    missing = ndim - len(order)
    ranks = [sorted(order).index(axis) + missing for axis in order]
    return sorted([*range(missing), *ranks][-2:])
