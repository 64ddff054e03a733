"""Images with instance labels to train on and to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from napari_samara.errors import FileFormatError
from napari_samara.images import read_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_ID = 65535
"""Labels with higher ids are numbered anew: tables by id stay small, float32 tells ids apart."""


@dataclass(frozen=True)
class LabelledImage:
    """One image and its objects.

    Attributes
    ----------
    name : str
        Where it came from.
    dataset : str
        Name of its data set.
    image : numpy.ndarray
        (rows, cols) or (rows, cols, 3), uint8.
    labels : numpy.ndarray
        (rows, cols) int32, 0 is background.
    intensity : str
        How `image` was made of what its file holds, in words.
    agreement : bool
        Whether `labels` are the output of another method: meeting them is agreement, not accuracy.

    Raises
    ------
    FileFormatError
        One of the arrays is not such a plane, or they differ in size.
    """

    name: str
    dataset: str
    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]
    intensity: str = "8 bit"
    agreement: bool = False

    def __post_init__(self) -> None:
        """Check both arrays."""
        image, labels = self.image, self.labels
        if image.dtype != np.uint8 or image.shape[2:] not in ((), (3,)) or image.size == 0:
            raise FileFormatError(
                f"{self.name}: an image to train on is uint8 (rows, cols) or (rows, cols, 3), got "
                f"{image.dtype} {image.shape}; give volumes slice by slice"
            )
        if labels.dtype != np.int32 or image.shape[:2] != labels.shape or labels.min() < 0:
            raise FileFormatError(
                f"{self.name}: labels are int32 from 0 in the size of the image, got "
                f"{labels.dtype} {labels.shape} for an image {image.shape}"
            )


def without_opacity(image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return a 2D image without opacity or an axis for its only channel.

    Parameters
    ----------
    image : numpy.ndarray
        Any.

    Returns
    -------
    numpy.ndarray
        The same where its last of three axes has another length than 1 or 4.
    """
    if image.ndim == 3 and image.shape[2] in (1, 4):
        return image[..., 0] if image.shape[2] == 1 else image[..., :3]
    return image


def read_labels(path: Path) -> npt.NDArray[np.int32]:
    """Return the label ids of a TIFF, PNG, NPY or NIfTI file.

    Parameters
    ----------
    path : Path
        Of a PNG with a palette, the ids are the numbers of its colours.

    Returns
    -------
    numpy.ndarray
        int32, in the shape of the file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FileFormatError
        It cannot be read or holds something else than labels.
    MissingExtraError
        It is NIfTI and nibabel is not installed.
    """
    array = read_image(path)
    if path.suffix.lower() == ".png":
        with Image.open(path) as picture:
            if picture.mode == "P":
                array = np.asarray(picture)
    try:
        return as_labels(array)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error


def as_uint8(image: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return 8-bit pixels; wider types are stretched between their 0.1 and 99.9 percentiles.

    Parameters
    ----------
    image : numpy.ndarray
        Any integer or float type, or bool; NaN becomes 0, infinities the ends of the range.

    Returns
    -------
    numpy.ndarray
        uint8, same shape.
    """
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    values = image.astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (0.1, 99.9)) if finite.size else (0.0, 1.0)
    scaled = (values - low) * (255.0 / max(float(high - low), 1e-6))
    return np.asarray(np.clip(np.nan_to_num(scaled), 0, 255), dtype=np.uint8)


def as_labels(labels: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Return labels as int32; numbered anew in their order where an id exceeds `LARGEST_ID`.

    Parameters
    ----------
    labels : numpy.ndarray
        Whole numbers from 0, also as floats.

    Returns
    -------
    numpy.ndarray
        int32, C-contiguous, same shape.

    Raises
    ------
    FileFormatError
        There are negative or broken numbers.
    """
    kind = labels.dtype.kind
    whole = kind in "bui" or (kind == "f" and bool((labels == np.round(labels)).all()))
    if not whole or (labels.size and labels.min() < 0):
        raise FileFormatError(
            f"labels are whole numbers from 0 for background, got {labels.dtype}, {labels.shape}"
        )
    if labels.size and labels.max() > LARGEST_ID:
        ids, dense = np.unique(labels, return_inverse=True)
        labels = dense.reshape(labels.shape) + int(ids[0] != 0)
    return np.ascontiguousarray(labels, dtype=np.int32)


def volume_slices(
    image: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int32],
    name: str,
    step: int = 1,
    axes: tuple[int, ...] = (0, 1, 2),
) -> Iterator[LabelledImage]:
    """Yield slices of a volume, each connected piece of a label an object.

    Parameters
    ----------
    image, labels : numpy.ndarray
        (planes, rows, cols), uint8 and int32.
    name : str
        Name of the data set.
    step : int
        Every how manieth slice to take.
    axes : tuple of int
        Axes to slice along.

    Yields
    ------
    LabelledImage
        One slice.
    """
    for axis in axes:
        for index in range(0, image.shape[axis], step):
            plane = np.ascontiguousarray(np.take(labels, index, axis))
            yield LabelledImage(
                f"{name}[{axis}:{index}]",
                name,
                np.ascontiguousarray(np.take(image, index, axis)),
                split_pieces(plane),
            )


def split_pieces(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return labels in which each connected piece of each label has an id of its own."""
    out = np.zeros_like(labels)
    next_id = 1
    for value, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        pieces, count = ndimage.label(labels[box] == value)
        out[box][pieces > 0] = pieces[pieces > 0] + (next_id - 1)
        next_id += count
    return out
