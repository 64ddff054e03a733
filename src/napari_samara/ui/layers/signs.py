"""How the sign of a prompt is kept in a layer, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Points, Shapes
    from numpy.typing import NDArray

SIGN = "positive"
"""Column of a layer's features: true on the object."""


@dataclass(frozen=True)
class Look:
    """Colour and symbol of one sign.

    Attributes
    ----------
    rgba : tuple of float
        Told apart with every common kind of colour blindness (Okabe and Ito's palette).
    symbol : str
        As napari names it.
    hex : str
        The colour for style sheets.
    """

    rgba: tuple[float, float, float, float]
    symbol: str
    hex: str


POSITIVE = Look((0.0, 114 / 255, 178 / 255, 1.0), "disc", "#0072b2")
"""Blue disc."""

NEGATIVE = Look((213 / 255, 94 / 255, 0.0, 1.0), "x", "#d55e00")
"""Vermilion cross."""


def signs_of(layer: Points | Shapes) -> NDArray[np.bool_]:
    """Sign of every point or shape; an empty cell is positive.

    Parameters
    ----------
    layer : Points or Shapes
        With or without the column of signs.

    Returns
    -------
    ndarray of bool, shape (N,)
        A new array.
    """
    count = len(layer.data)
    if SIGN not in layer.features:
        return np.ones(count, dtype=bool)
    values = list(layer.features[SIGN])[:count]
    values += [True] * (count - len(values))
    return np.array([value != value or bool(value) for value in values], dtype=bool)


def add_sign(layer: Points | Shapes) -> None:
    """Give a layer the column of signs, all positive, if it has none.

    Parameters
    ----------
    layer : Points or Shapes
        Its other features stay.
    """
    if SIGN not in layer.features:
        features = layer.features.copy()
        features[SIGN] = np.ones(len(layer.data), dtype=bool)
        layer.features = features
        layer.feature_defaults = {**_defaults(layer), SIGN: True}


def _defaults(layer: Points | Shapes) -> dict[str, object]:
    """Default of every feature, as one row."""
    return {str(name): column.iloc[0] for name, column in layer.feature_defaults.items()}
