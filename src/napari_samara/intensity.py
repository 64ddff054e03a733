"""Intensities: a plane of any real type and channels as 8-bit RGB, by an explicit policy.

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

    from numpy.typing import NDArray

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

# Above this a difference of two float64 values could overflow.
_HUGE = 1e300


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


def to_rgb(plane: Any, contrast: Contrast | None = None) -> NDArray[np.uint8]:
    """Plane as the 8-bit RGB image that the model sees.

    Not a number and minus infinity count as the lowest finite value of the plane, plus infinity as
    the highest.  A constant plane becomes black under ``"percentile"`` and ``"minmax"``.

    Parameters
    ----------
    plane : array_like, shape (rows, cols) or (rows, cols, channels)
        Real numbers or bool.  One channel is repeated, two become red and green, of four (RGBA)
        the last is dropped; of more, `Contrast.channels` must choose.
    contrast : Contrast, optional
        ``Contrast()`` by default.

    Returns
    -------
    ndarray of uint8, shape (rows, cols, 3)
        A new array.

    Raises
    ------
    ImageError
        If the plane is empty, not 2D or 3D, not of real numbers, or its channels do not fit.
    """
    contrast = contrast or Contrast()
    values = _chosen(_checked(np.asarray(plane)), contrast)
    if values.dtype == np.bool_:
        grey = values.astype(np.uint8) * np.uint8(255)
    else:
        grey = _stretched(values, contrast)
    if contrast.invert:
        grey = 255 - grey
    return _as_rgb(grey)


def _checked(values: NDArray[Any]) -> NDArray[Any]:
    """`values` as (rows, cols, channels) of real numbers."""
    if values.dtype.kind not in "buif":
        raise ImageError(
            f"an image of {values.dtype} cannot be shown to the model; convert it to real numbers"
        )
    if values.ndim not in (2, 3):
        raise ImageError(
            f"a plane is (rows, cols) or (rows, cols, channels), got shape {values.shape}; "
            "take one plane of a stack first"
        )
    if values.size == 0:
        raise ImageError(f"the image is empty: shape {values.shape}")
    return values[..., np.newaxis] if values.ndim == 2 else values


def _chosen(values: NDArray[Any], contrast: Contrast) -> NDArray[Any]:
    """Channels that become RGB."""
    count = values.shape[2]
    if contrast.channels is not None:
        if max(contrast.channels) >= count:
            raise ImageError(f"channels {contrast.channels} of an image that has {count}")
        return values[..., list(contrast.channels)]
    if count > 4:
        raise ImageError(
            f"{count} channels (shape {values.shape}, channels come last): choose up to three "
            "with Contrast(channels=(i, j, k)), or give one plane of a stack"
        )
    return values[..., :3]


def _stretched(values: NDArray[Any], contrast: Contrast) -> NDArray[np.uint8]:
    """`values` (rows, cols, channels) as 0..255."""
    eight_bit = values.dtype == np.uint8
    policy = contrast.policy
    if policy == "auto":
        policy = "none" if eight_bit else "percentile"
    if policy == "none" and eight_bit:
        return values.copy()
    numbers = _finite(values)
    if policy == "none":
        return _scaled(numbers, 0.0, 255.0)
    joint = eight_bit and policy in ("percentile", "minmax")
    result = np.empty(values.shape, dtype=np.uint8)
    for channel in range(values.shape[2]):
        sample = numbers if joint else numbers[..., channel]
        low, high = _range_of(sample, policy, contrast, (channel, values.shape[2]))
        result[..., channel] = _scaled(numbers[..., channel], low, high)
    return result


def _range_of(
    sample: NDArray[Any], policy: str, contrast: Contrast, channel: tuple[int, int]
) -> Limits:
    """Values that become 0 and 255 in one channel, given as (number, count)."""
    if policy in CT_WINDOWS:
        return CT_WINDOWS[policy]
    if policy == "minmax":
        return float(sample.min()), float(sample.max())
    if policy == "percentile":
        low, high = np.percentile(sample, contrast.percentiles)
        return float(low), float(high)
    pairs = _pairs_of(contrast.limits)
    if len(pairs) not in (1, channel[1]):
        raise ImageError(f"{len(pairs)} pairs of limits for {channel[1]} channels")
    return pairs[channel[0] % len(pairs)]


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    """Floating-point copy without infinities and missing values, wide enough to subtract in."""
    if values.dtype.kind in "ui":
        return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    with np.errstate(over="ignore"):  # long double beyond float64 becomes infinite, seen to below
        numbers = values.astype(np.float64)
    good = np.isfinite(numbers)
    if good.all():
        low, high = numbers.min(), numbers.max()
    elif good.any():
        low, high = numbers[good].min(), numbers[good].max()
        numbers = np.nan_to_num(numbers, copy=False, nan=low, posinf=high, neginf=low)
    else:
        return np.zeros_like(numbers)
    return np.clip(numbers, -_HUGE, _HUGE) if max(-low, high) > _HUGE else numbers


def _scaled(numbers: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """`numbers` with `low` at 0 and `high` at 255, rounded and cut."""
    if high <= low:  # nothing between them; brighter than both is still bright
        return np.where(numbers > high, np.uint8(255), np.uint8(0)).astype(np.uint8)
    parts = (np.clip(numbers, low, high) - low) / (high - low)
    return np.asarray(np.rint(parts * 255), dtype=np.uint8)


def _as_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One channel repeated, two as red and green, three as they are."""
    rows, cols, count = grey.shape
    rgb = np.zeros((rows, cols, 3), dtype=np.uint8)
    rgb[..., : max(count, 1)] = grey
    if count == 1:
        rgb[..., 1:] = grey
    return rgb


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
        if low > high or high - low > _HUGE:
            raise ImageError(f"limits rise from low to high, got {(low, high)}")
    return pairs if nested else pairs[0]


def _pairs_of(limits: Any) -> tuple[Limits, ...]:
    """One pair per channel, or one for all."""
    return limits if isinstance(limits[0], tuple) else (limits,)


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
