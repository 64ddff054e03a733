"""Transforms and units of layers as plain matrices and factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer
    from numpy.typing import NDArray


def matrix_of(layer: Layer) -> NDArray[np.float64]:
    """Transform of a layer from data to world, in the units of the layer.

    Parameters
    ----------
    layer : Layer
        Of any kind.

    Returns
    -------
    ndarray of float64, shape (ndim + 1, ndim + 1)
        Homogeneous: scale, shear, rotate, translate and affine in one.
    """
    count = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(count)), dtype=float)
    matrix = np.eye(count + 1)
    matrix[:count, count] = origin
    for axis, unit in enumerate(np.eye(count)):
        matrix[:count, axis] = np.asarray(layer.data_to_world(unit), dtype=float) - origin
    return matrix


def unit_factors(given: Sequence[Any] | None, wanted: Sequence[Any] | None) -> NDArray[np.float64]:
    """How many of the wanted units one of the given units is, axis by axis from the last.

    Parameters
    ----------
    given, wanted : sequence of pint.Unit, optional
        Units of the axes; None where the viewer is too old to know.

    Returns
    -------
    ndarray of float64, shape (axes both have,)
        1 where the units are equal or cannot be converted into each other (pixels to lengths).
    """
    if given is None or wanted is None:
        return np.ones(0)
    count = min(len(given), len(wanted))
    factors = np.ones(count)
    for place in range(1, count + 1):
        one, other = given[-place], wanted[-place]
        if one != other and getattr(one, "dimensionality", 0) == getattr(
            other, "dimensionality", 1
        ):
            factors[-place] = float((1 * one).to(other).magnitude)
    return factors


def apply(matrix: NDArray[Any], coords: NDArray[Any]) -> NDArray[np.float64]:
    """Send coordinates through a transform.

    Parameters
    ----------
    matrix : ndarray, shape (n + 1, n + 1)
        Homogeneous.
    coords : ndarray, shape (N, n)
        Positions.

    Returns
    -------
    ndarray of float64, shape (N, n)
        Where they go.
    """
    result: NDArray[np.float64] = coords @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return result


def units_of(layer: Layer) -> Sequence[Any] | None:
    """Units of the axes of a layer.

    Parameters
    ----------
    layer : Layer
        Of any kind.

    Returns
    -------
    sequence of pint.Unit or None
        None where this napari has no units.
    """
    units: Sequence[Any] | None = getattr(layer, "units", None)
    return units


def differences(one: Layer, other: Layer) -> str:
    """Name what puts two layers at different places of the world.

    Parameters
    ----------
    one, other : Layer
        Of the same number of axes.

    Returns
    -------
    str
        Names and values for an error message; empty where data of both lie at the same place.
    """
    there = matrix_of(other)
    factors = unit_factors(units_of(other), units_of(one))
    there[len(there) - 1 - len(factors) : -1] *= factors[:, np.newaxis]
    if np.allclose(matrix_of(one), there):
        return ""
    found = []
    for name in ("scale", "translate", "rotate", "shear", "affine", "units"):
        values = [_plain(getattr(layer, name, None)) for layer in (one, other)]
        if values[0] != values[1]:
            found.append(f"{name} ({values[0]} and {values[1]})")
    return ", ".join(found) or "their transforms"


def _plain(value: Any) -> str:
    """Text of a part of a transform, on one line."""
    if hasattr(value, "affine_matrix"):
        value = value.affine_matrix
    if isinstance(value, tuple):  # units
        return ", ".join(str(item) for item in value)
    return str(np.round(np.asarray(value, dtype=float), 6).tolist()) if value is not None else ""
