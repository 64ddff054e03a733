"""What a user gives to learn from, as labelled planes: some to train on, some held out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError, TrainingError
from napari_samara.images import read_image
from napari_samara.training.data import (
    LabelledImage,
    as_labels,
    as_uint8,
    read_labels,
    volume_slices,
    without_opacity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

SMALLEST = 16
"""Objects with fewer pixels teach nothing."""

SLICES = 40
"""Planes taken of a volume at most: those with most of the objects."""

_FEWEST = 2
"""Objects that are needed: one to learn from and one to judge by."""


@dataclass(frozen=True, eq=False)
class Split:
    """Planes to train on and planes to judge by.

    Attributes
    ----------
    train, held_out : tuple of LabelledImage
        Of one image alone both have the same pixels and different objects.
    """

    train: tuple[LabelledImage, ...]
    held_out: tuple[LabelledImage, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Number of objects in both."""
        return _count(self.train), _count(self.held_out)


def examples(images: Any, labels: Any) -> list[LabelledImage]:
    """Return the labelled planes of images and label images.

    Parameters
    ----------
    images : array_like, path-like, or list of them
        (rows, cols), (rows, cols, 3 or 4) or (planes, rows, cols), any real type.
    labels : array_like, path-like, or list of them
        As many, each in the shape of its image without channels; 0 is background.

    Returns
    -------
    list of LabelledImage
        Those with an object of at least `SMALLEST` pixels.

    Raises
    ------
    ImageError
        The numbers or shapes of images and labels differ.
    FileFormatError, FileNotFoundError
        A file cannot be read, or labels are no whole numbers.
    TrainingError
        There are fewer than two objects.
    """
    pictures, maps = _listed(images), _listed(labels)
    if len(pictures) != len(maps):
        raise ImageError(
            f"{len(pictures)} images and {len(maps)} label images: give one for each image"
        )
    found = [
        plane
        for number, (image, ids) in enumerate(zip(pictures, maps, strict=True))
        for plane in _planes(image, ids, number)
        if _ids(plane.labels).size
    ]
    total = _count(found)
    if total < _FEWEST:
        raise TrainingError(
            f"the labels have {total} object{'s' * (total != 1)} of at least {SMALLEST} pixels; "
            f"give {_FEWEST} at least, some dozens for a gain that lasts: one part is learned "
            "from, the other tells whether it helped"
        )
    return found


def split(planes: Sequence[LabelledImage], share: float, seed: int = 0) -> Split:
    """Hold some of the planes out, or of a single plane some of the objects.

    Parameters
    ----------
    planes : sequence of LabelledImage
        With two objects at least.
    share : float
        To hold out, between 0 and 1; at least one and not all.
    seed : int
        Decides which.

    Returns
    -------
    Split
        No object is in both.
    """
    rng = np.random.default_rng(seed)
    if len(planes) > 1:
        order = rng.permutation(len(planes)).tolist()
        count = min(max(1, round(share * len(planes))), len(planes) - 1)
        held = sorted(order[:count])
        return Split(
            tuple(plane for at, plane in enumerate(planes) if at not in held),
            tuple(planes[at] for at in held),
        )
    (plane,) = planes
    ids = rng.permutation(_ids(plane.labels))
    count = min(max(1, round(share * len(ids))), len(ids) - 1)
    return Split((_only(plane, ids[count:]),), (_only(plane, ids[:count]),))


def _only(plane: LabelledImage, ids: npt.NDArray[Any]) -> LabelledImage:
    """Return the plane with some of its objects."""
    labels = np.where(np.isin(plane.labels, ids), plane.labels, 0).astype(np.int32)
    return replace(plane, labels=labels)


def _listed(given: Any) -> list[Any]:
    """One or several images as a list; an array is one."""
    if isinstance(given, list | tuple):
        return list(given)
    return [given]


def _planes(image: Any, labels: Any, number: int) -> Iterator[LabelledImage]:
    name = os.fspath(image) if isinstance(image, str | os.PathLike) else f"image {number + 1}"
    pixels = read_image(image) if isinstance(image, str | os.PathLike) else np.asarray(image)
    is_path = isinstance(labels, str | os.PathLike)
    ids = read_labels(Path(labels)) if is_path else as_labels(np.asarray(labels))
    pixels = without_opacity(pixels)
    spatial = pixels.shape[:2] if ids.ndim == 2 else pixels.shape
    if ids.ndim not in (2, 3) or spatial != ids.shape or pixels.size == 0:
        raise ImageError(
            f"{name} has the shape {pixels.shape} and its labels {ids.shape}: give labels in the "
            "shape of the image, of two axes or three, without channels"
        )
    if ids.ndim == 2:
        yield LabelledImage(name, "examples", as_uint8(pixels), ids)
        return
    grey = as_uint8(pixels)
    slices = [s for s in volume_slices(grey, ids, name, axes=(0,)) if _ids(s.labels).size]
    slices.sort(key=lambda plane: -_ids(plane.labels).size)
    yield from (replace(plane, dataset="examples") for plane in slices[:SLICES])


def _ids(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Labels of the objects that are large enough."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.flatnonzero(sizes >= SMALLEST)


def _count(planes: Sequence[LabelledImage]) -> int:
    return sum(_ids(plane.labels).size for plane in planes)
