"""Images and segmentation maps of any common kind as arrays: Pillow, NumPy, torch, and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_GREY_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N", "F"}
_ADVICE = "bring it to 8 bits first, for instance by napari_samara.intensity.to_rgb"


class Picture(NamedTuple):
    """One image.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (rows, cols, 3)
        Its values.
    scaled : bool
        Whether they were floats in 0..1, for which 255 now stands for 1.
    """

    rgb: NDArray[np.uint8]
    scaled: bool


def as_pictures(images: Any) -> list[Picture]:
    """List of images from one image, an array of several, or a list of any of them.

    Parameters
    ----------
    images : PIL.Image, array_like, Tensor, or nested list of these
        (rows, cols), (rows, cols, 1, 3 or 4) or (1 or 3, rows, cols), and the same with an axis
        of images before it; three channels are taken to be first where both readings are possible.
        8-bit values in any type, or floats in 0..1.

    Returns
    -------
    list of Picture
        Grey is repeated to three channels and transparency dropped.

    Raises
    ------
    ImageError
        No image, an empty one, a shape that is none, or values out of range.
    """
    found = [_picture(image) for image in _each(images, 3)]
    if not found:
        raise ImageError(f"no image given, got {images!r:.80}")
    return found


def as_maps(maps: Any) -> list[NDArray[np.int32]]:
    """List of segmentation maps from one map, an array of several, or a list of any of them.

    Parameters
    ----------
    maps : PIL.Image, array_like, Tensor, or nested list of these
        (rows, cols) of integers, or bool, and the same with an axis of maps before it.

    Returns
    -------
    list of ndarray of int32, shape (rows, cols)
        The maps.

    Raises
    ------
    ImageError
        Another shape, or values that are no whole numbers.
    """
    return [_map(one) for one in _each(maps, 2)]


def _each(images: Any, axes: int) -> Iterator[Any]:
    """Single images: Pillow's, or arrays of at most `axes` axes."""
    if isinstance(images, Image.Image):
        yield images
    elif isinstance(images, list | tuple):
        for image in images:
            yield from _each(image, axes)
    else:
        array = images.detach().cpu().numpy() if isinstance(images, Tensor) else images
        if not isinstance(array, np.ndarray):
            raise ImageError(
                f"an image is a PIL image, a NumPy array or a tensor, got {images!r:.80}"
            )
        if not 2 <= array.ndim <= axes + 1:
            raise ImageError(f"an image has 2 to {axes} axes, got shape {array.shape}")
        if array.ndim == axes + 1:
            yield from array
        else:
            yield array


def _picture(image: Any) -> Picture:
    if isinstance(image, Image.Image):
        if image.mode in _GREY_MODES:
            raise ImageError(f"an image of mode {image.mode} has more than 8 bits; {_ADVICE}")
        image = np.asarray(image.convert("RGB"))
    array = np.asarray(image)
    if 0 in array.shape:
        raise ImageError(f"an empty image of shape {array.shape}")
    array = _channels_last(array) if array.ndim == 3 else array[..., None]
    values, scaled = _eight_bits(array)
    rgb = values.repeat(3, axis=2) if values.shape[2] == 1 else values[..., :3]
    return Picture(np.ascontiguousarray(rgb), scaled)


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    first, _, last = array.shape
    if first == 3 or (first == 1 and last not in (3, 4)):  # (1, cols, 3) is one line of colour
        return array.transpose(1, 2, 0)
    if last in (1, 3, 4):
        return array
    raise ImageError(f"an image of shape {array.shape} has no axis of 1, 3 or 4 channels")


def _eight_bits(array: NDArray[Any]) -> tuple[NDArray[np.uint8], bool]:
    if array.dtype == np.uint8:
        return array, False
    if array.dtype.kind not in "buif":
        raise ImageError(f"an image of {array.dtype} is no image; it needs real numbers")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):  # NaN fails as well
        raise ImageError(f"an image of values {low} to {high} does not fit 0..255; {_ADVICE}")
    if array.dtype.kind in "bf" and high <= 1:
        return np.rint(array * np.float64(255)).astype(np.uint8), True
    if array.dtype.kind == "f" and (array != np.rint(array)).any():
        raise ImageError(f"an image of fractions up to {high} lies neither in 0..1 nor is it 8-bit")
    return array.astype(np.uint8), False


def _map(image: Any) -> NDArray[np.int32]:
    array = np.asarray(image)
    if array.ndim != 2 or 0 in array.shape:
        raise ImageError(f"a segmentation map has shape (rows, cols), got {array.shape}")
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        raise ImageError(f"a segmentation map holds whole numbers, got {array.dtype}")
    if (array != np.rint(array)).any() or abs(array).max() > np.iinfo(np.int32).max:
        raise ImageError("a segmentation map holds whole numbers of at most 31 bits")
    return array.astype(np.int32)
