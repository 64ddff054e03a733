"""Images of one channel each as one image whose last axis holds the channels; nothing is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError
from napari_samara.ui.levels import shape_of
from napari_samara.ui.transforms import differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

MOST = 3
"""Channels that a model sees: red, green and blue."""


class StackedChannels:
    """Two or three arrays as one with a last axis of channels, read part by part.

    Indexing reads the part that is asked for from every array, and nothing else of a lazy one.

    Parameters
    ----------
    arrays : sequence of array
        Two or three of one shape, with `ndim`, `shape`, `dtype` and basic indexing.

    Raises
    ------
    ImageError
        If there are too many or too few, or their shapes differ.

    Attributes
    ----------
    arrays : tuple of array
        As they were given.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        shapes = [tuple(int(side) for side in array.shape) for array in arrays]
        if not 2 <= len(arrays) <= MOST:
            raise ImageError(f"two or three channels make one image, got {len(arrays)}")
        if len(set(shapes)) > 1:
            raise ImageError(f"channels must have one shape, got {shapes}")
        self.arrays = tuple(arrays)
        self.shape: tuple[int, ...] = (*shapes[0], len(arrays))
        self.dtype: np.dtype[Any] = np.result_type(*(np.dtype(array.dtype) for array in arrays))

    @property
    def ndim(self) -> int:
        """Number of axes, that of the channels counted."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that a copy would take."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Read a region; every channel of it unless the last axis is indexed, too."""
        given = region if isinstance(region, tuple) else (region,)
        place, which = given[: self.ndim - 1], given[self.ndim - 1 :]
        parts = self.arrays[which[0]] if which else self.arrays
        if not isinstance(parts, tuple):
            return np.asarray(parts[place], dtype=self.dtype)
        return np.stack([np.asarray(part[place], dtype=self.dtype) for part in parts], axis=-1)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        found = self[()]
        return found if dtype is None else found.astype(dtype)

    def __len__(self) -> int:
        return self.shape[0]


def check_channels(layers: Sequence[Image], level: int) -> None:
    """Refuse layers that cannot be the channels of one image.

    Parameters
    ----------
    layers : sequence of napari.layers.Image
        In the order red, green, blue.
    level : int
        At which a multiscale image is taken.

    Raises
    ------
    ImageError
        If there are too many, one is there twice or is RGB, or shapes or places differ; the
        message names the layers and what differs.
    """
    first, *others = layers
    if len(layers) > MOST:
        raise ImageError(f"up to {MOST} layers can be channels of one image, got {len(layers)}")
    for place, other in enumerate(others, start=1):
        if any(other is layer for layer in layers[:place]):
            raise ImageError(f"{other.name!r} is chosen for two channels; choose another layer")
        names = f"{first.name!r} and {other.name!r} cannot be channels of one image"
        if first.rgb or other.rgb:
            both = first.name if first.rgb else other.name
            raise ImageError(f"{names}: {both!r} is an RGB image and has all its channels already")
        shapes = shape_of(first, level), shape_of(other, level)
        if shapes[0] != shapes[1]:
            raise ImageError(f"{names}: their shapes {shapes[0]} and {shapes[1]} differ")
        if found := differences(first, other):
            raise ImageError(f"{names}: they differ in {found}; give both the same")
