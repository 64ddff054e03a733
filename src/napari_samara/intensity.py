"""Intensities: a plane of any real type and channels as 8-bit RGB, by an explicit contrast."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.contrast import CT_WINDOWS, HUGE, POLICIES, Contrast, Limits
from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CT_WINDOWS", "POLICIES", "Contrast", "Limits", "depends_on_plane", "fixed", "to_rgb"]


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


def depends_on_plane(dtype: Any, contrast: Contrast) -> bool:
    """Return whether what a pixel becomes depends on other pixels of its plane.

    Parameters
    ----------
    dtype : data-type
        Of the image.
    contrast : Contrast
        How values become 8-bit.

    Returns
    -------
    bool
        False for 8-bit images that are taken as they are, for limits and for CT windows.
    """
    eight_bit = np.dtype(dtype) in (np.dtype(np.uint8), np.dtype(np.bool_))
    return contrast.policy in ("percentile", "minmax") or (
        contrast.policy == "auto" and not eight_bit
    )


def fixed(plane: Any, contrast: Contrast) -> Contrast:
    """Contrast that does to a part of a plane what another does to all of it.

    Parameters
    ----------
    plane : array_like, shape (rows, cols) or (rows, cols, channels)
        All of the plane.
    contrast : Contrast
        Any.

    Returns
    -------
    Contrast
        `contrast` itself, or limits that hold the values it takes from the plane.

    Raises
    ------
    ImageError
        As for `to_rgb`.
    """
    given = np.asarray(plane)
    if not depends_on_plane(given.dtype, contrast) or given.dtype == np.bool_:
        return contrast
    values = _chosen(_checked(given), contrast)
    policy = "percentile" if contrast.policy == "auto" else contrast.policy
    numbers, count = _finite(values), values.shape[2]
    samples = (
        [numbers]
        if values.dtype == np.uint8
        else [numbers[..., channel] for channel in range(count)]
    )
    limits = tuple(
        _range_of(sample, policy, contrast, (number, count))
        for number, sample in enumerate(samples)
    )
    return replace(contrast, policy="limits", limits=limits)


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
    return np.clip(numbers, -HUGE, HUGE) if max(-low, high) > HUGE else numbers


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


def _pairs_of(limits: Any) -> tuple[Limits, ...]:
    """One pair per channel, or one for all."""
    return limits if isinstance(limits[0], tuple) else (limits,)
