"""One contrast for all slices of a volume, so that what is equally bright looks equally bright."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.intensity import Contrast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_samara.intensity import Limits

# Slices that are looked at, and the number of pixels that is taken of each, more or less.
_SLICES, _PIXELS = 16, 1 << 16

# Beyond it the difference of two limits could not be computed.
_HUGE = 1e299


def volume_contrast(image: Any, contrast: Contrast | None = None, rgb: bool = False) -> Contrast:
    """Contrast with fixed limits, where a policy takes them from the slice it is used on.

    ``"auto"`` (for other than 8-bit images), ``"percentile"`` and ``"minmax"`` measure each slice
    by itself: a slice without an object is stretched until its noise is as bright as the object
    next to it.  Here they are measured once, over 16 slices spread evenly over the whole image,
    all other axes included, whichever axis is looked along; every pixel is used of small slices,
    a regular grid of some 65,000 of large ones.  So the result depends on the image alone and is
    the same for XY, XZ and YZ, for every time point, and in every process.

    Parameters
    ----------
    image : array, shape (..., rows, cols) or (..., rows, cols, channels)
        Of a lazy array (dask, zarr) only the 16 slices are read.
    contrast : Contrast, optional
        ``Contrast()`` by default.
    rgb : bool
        Whether the last axis holds channels.

    Returns
    -------
    Contrast
        With the policy ``"limits"``; the very one that was given for 2D images, for ``"auto"`` of
        8-bit images, and where its policy has fixed limits anyway.
    """
    contrast = contrast or Contrast()
    dtype, spatial = np.dtype(image.dtype), image.ndim - rgb
    measured = contrast.policy in ("percentile", "minmax")
    measured |= contrast.policy == "auto" and dtype != np.uint8
    if not measured or spatial < 3 or dtype == np.bool_ or dtype.kind not in "uif":
        return contrast
    values = np.concatenate(list(_samples(image, rgb, contrast)))
    pair = (0.0, 100.0) if contrast.policy == "minmax" else contrast.percentiles
    if dtype == np.uint8:  # a photograph keeps its colours
        values = values.reshape(-1, 1)
    limits = tuple(_limits(values[:, channel], pair) for channel in range(values.shape[1]))
    return Contrast(
        "limits",
        limits=limits[0] if len(limits) == 1 else limits,
        invert=contrast.invert,
        channels=contrast.channels,
    )


def _samples(image: Any, rgb: bool, contrast: Contrast) -> Iterator[NDArray[np.float64]]:
    """Pixels (N, channels) of slices spread over the image."""
    shape = tuple(int(size) for size in image.shape)
    leading = shape[: len(shape) - 2 - rgb]
    count = math.prod(leading)
    taken = min(count, _SLICES)
    for number in range(taken):
        at = np.unravel_index((2 * number + 1) * count // (2 * taken), leading)
        values = np.asarray(image[tuple(int(index) for index in at)])
        step = max(1, math.isqrt(values.shape[0] * values.shape[1] // _PIXELS))
        values = values[::step, ::step].reshape(-1, values.shape[2] if rgb else 1)
        chosen = contrast.channels or tuple(range(min(values.shape[1], 3)))
        if max(chosen) < values.shape[1]:  # else using the contrast says what is wrong
            values = values[:, list(chosen)]
        yield values.astype(np.float64)


def _limits(values: NDArray[np.float64], percentiles: Limits) -> Limits:
    good = values[np.isfinite(values)]
    if not good.size:
        return 0.0, 1.0
    low, high = np.percentile(np.clip(good, -_HUGE, _HUGE), percentiles)
    return float(low), float(high)
