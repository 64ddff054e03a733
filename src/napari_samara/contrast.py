"""Contrast: how intensities become 8 bits, as a value.

What the model sees decides what it finds, so nothing is guessed silently: the `Contrast` used is
part of the key of every embedding and of every saved session.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Limits: TypeAlias = tuple[float, float]

CT_WINDOWS: dict[str, Limits] = {
    "ct:lung": (-1350.0, 150.0),
    "ct:bone": (-500.0, 1300.0),
    "ct:soft-tissue": (-160.0, 240.0),
    "ct:brain": (0.0, 80.0),
    "ct:liver": (-45.0, 105.0),
}
"""Windows in Hounsfield units (centre/width: -600/1500, 400/1800, 40/400, 40/80, 30/150)."""

POLICIES: tuple[str, ...] = ("auto", "none", "limits", "percentile", "minmax", *CT_WINDOWS)
"""All names that `Contrast.policy` can have."""

HUGE = 1e300
"""Above this a difference of two float64 values could overflow."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """How intensities become 0..255.

    Parameters
    ----------
    policy : str
        ``"auto"``: ``"none"`` for 8-bit unsigned images, ``"percentile"`` for all others.
        ``"none"``: values as they are, cut at 0 and 255.  ``"limits"``: `limits` become 0 and 255.
        ``"percentile"`` and ``"minmax"``: taken from the plane, over all channels together for
        8-bit images (a photograph keeps its colours), for each channel apart otherwise (stains
        and detectors differ).  ``"ct:..."``: a window of `CT_WINDOWS`.
    limits : tuple, optional
        (low, high), or one such pair for each channel; only for ``"limits"``.
    percentiles : tuple of float
        Lower and upper percentile for ``"percentile"``.
    invert : bool
        Whether bright and dark change places.
    channels : tuple of int, optional
        The one to three channels to use, in the order red, green, blue.

    Raises
    ------
    ImageError
        If a value is unknown, not finite, or in the wrong order.
    """

    policy: str = "auto"
    limits: Limits | tuple[Limits, ...] | None = None
    percentiles: Limits = (1.0, 99.8)
    invert: bool = False
    channels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Check the values and bring lists to tuples, so that equal ones compare equal."""
        if self.policy not in POLICIES:
            raise ImageError(f"contrast policy {self.policy!r} is none of {', '.join(POLICIES)}")
        if (self.limits is None) == (self.policy == "limits"):
            raise ImageError(
                f"limits belong to the policy 'limits' and only there; got policy {self.policy!r} "
                f"with limits {self.limits!r}"
            )
        low, high = _pair(self.percentiles, "percentiles")
        if not 0 <= low < high <= 100:
            raise ImageError(f"percentiles rise within 0 and 100, got {(low, high)}")
        object.__setattr__(self, "percentiles", (low, high))
        object.__setattr__(self, "limits", _limits(self.limits))
        object.__setattr__(self, "channels", _channels(self.channels))

    def to_dict(self) -> dict[str, Any]:
        """Plain form for JSON.

        Returns
        -------
        dict
            One entry per field, tuples as lists.
        """
        limits: Any = None
        if self.limits is not None:
            limits = [list(item) if isinstance(item, tuple) else item for item in self.limits]
        return {
            "policy": self.policy,
            "limits": limits,
            "percentiles": list(self.percentiles),
            "invert": self.invert,
            "channels": None if self.channels is None else list(self.channels),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Contrast:
        """Contrast of its plain form; entries left out keep their default.

        Parameters
        ----------
        data : mapping
            As `to_dict` gives it.

        Returns
        -------
        Contrast
            Equal to the one saved.

        Raises
        ------
        ImageError
            If an entry is unknown or not allowed.
        """
        known = {item.name for item in fields(cls)}
        if not set(data) <= known:
            raise ImageError(f"a contrast has the entries {sorted(known)}, got {data!r:.120}")
        return cls(**data)


def _pair(values: Any, name: str) -> Limits:
    """Two finite numbers."""
    try:
        low, high = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise ImageError(f"{name} are two numbers (low, high), got {values!r}") from error
    if not np.isfinite([low, high]).all():
        raise ImageError(f"{name} must be finite, got {(low, high)}")
    return low, high


def _limits(limits: Any) -> Limits | tuple[Limits, ...] | None:
    """Limits as tuples of floats, each pair in rising order."""
    if limits is None:
        return None
    nested = [hasattr(item, "__len__") for item in limits] if hasattr(limits, "__len__") else []
    if nested and all(nested) and not isinstance(limits, str):
        pairs = tuple(_pair(item, "limits of a channel") for item in limits)
    else:
        nested, pairs = [], (_pair(limits, "limits"),)
    for low, high in pairs:
        if low > high or high - low > HUGE:
            raise ImageError(f"limits rise from low to high, got {(low, high)}")
    return pairs if nested else pairs[0]


def _channels(channels: Any) -> tuple[int, ...] | None:
    """One to three channel numbers, from 0 up."""
    if channels is None:
        return None
    try:
        numbers = tuple(operator.index(number) for number in channels)
    except TypeError as error:
        raise ImageError(f"channels are whole numbers, got {channels!r}") from error
    if not 1 <= len(numbers) <= 3 or min(numbers) < 0:
        raise ImageError(f"one to three channels from 0 up are needed, got {numbers}")
    return numbers
