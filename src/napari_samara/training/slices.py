"""Labelled planes of image files: of a volume those that show its objects, in grey of 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import FileFormatError, ImageError
from napari_samara.images import read_image
from napari_samara.intensity import CT_WINDOWS, Contrast, to_rgb
from napari_samara.training.data import (
    LabelledImage,
    as_uint8,
    read_labels,
    split_pieces,
    without_opacity,
)
from napari_samara.volumes import Volume, grid_of, read_volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Ids = npt.NDArray[np.int32]

CT = "ct:soft-tissue"
"""Window of CT where none is asked for."""

_AUTO, _PERCENTILES = "auto", (0.1, 99.9)

# A plane with a shorter side shows nothing.
_SHORTEST = 9


@dataclass(frozen=True)
class Reading:
    """How files become labelled planes.

    Attributes
    ----------
    files : int or None
        Only so many of each data set, the first ones.
    slices : int
        Planes taken of a volume across each axis, evenly spaced among those that show an object.
    window : str
        ``"auto"``: `CT` for what is known to be CT and percentiles of the whole volume for other
        types than uint8; ``"percentile"``: these for CT as well; a name of `CT_WINDOWS`: that
        window for what may be CT.
    """

    files: int | None = None
    slices: int = 10
    window: str = _AUTO


@dataclass(frozen=True)
class Pair:
    """An image file with its label file.

    Attributes
    ----------
    image, labels : Path
        (rows, cols), (rows, cols, channels) or (planes, rows, cols), the labels without channels.
    name, dataset : str
        What they are called in reports.
    is_ct : bool or None
        Whether intensities are Hounsfield units; None where nobody says.
    planes : tuple of int or None
        First plane of a volume that is meant, and the one behind the last; None stands for its end.
    agreement : bool
        Whether the labels are the output of another method.
    """

    image: Path
    labels: Path
    name: str
    dataset: str
    is_ct: bool | None = None
    planes: tuple[int, int | None] = (0, None)
    agreement: bool = False


def planes_of(pair: Pair, reading: Reading | None = None) -> Iterator[LabelledImage]:
    """Yield the planes of one image with its labels.

    Parameters
    ----------
    pair : Pair
        The files.
    reading : Reading, optional
        How many planes of a volume, and how intensities become 8 bits.

    Yields
    ------
    LabelledImage
        One for a 2D image.  Of a volume planes across each axis, or across one alone where its
        planes lie far apart (`Volume.thick_axis`) or are few; each connected piece of a label is
        an object.

    Raises
    ------
    FileNotFoundError
        One of the files is not there.
    FileFormatError
        They cannot be read, differ in shape, or lie elsewhere.
    MissingExtraError
        They are NIfTI and nibabel is not installed.
    """
    reading = reading or Reading()
    for path in (pair.image, pair.labels):
        if path.is_dir():
            raise FileFormatError(
                f"{path} is a folder; a series of files, as of DICOM, is not read: make it NIfTI"
            )
    ids, window = read_labels(pair.labels), _window(pair, reading)
    if ids.ndim == 2:
        pixels = without_opacity(read_image(pair.image))
        contrast, intensity = _contrast(pixels, window)
        grey = as_uint8(pixels) if window is None else to_rgb(pixels, contrast)[..., 0].copy()
        yield LabelledImage(pair.name, pair.dataset, grey, ids, intensity, pair.agreement)
        return
    volume = _volume(pair, ids)
    contrast, intensity = _contrast(volume.data, window)
    first, end = pair.planes
    data, ids = volume.data[first:end], ids[first:end]
    for axis in _axes(volume.thick_axis, ids.shape):
        for index in _shown(ids, axis, reading.slices):
            yield LabelledImage(
                f"{pair.name}[{axis}:{index + (0 if axis else first)}]",
                pair.dataset,
                to_rgb(np.take(data, index, axis), contrast)[..., 0].copy(),
                split_pieces(np.ascontiguousarray(np.take(ids, index, axis))),
                intensity,
                pair.agreement,
            )


def _volume(pair: Pair, ids: Ids) -> Volume:
    """Read a volume that its labels fit."""
    try:
        volume = read_volume(pair.image)
    except ImageError as error:
        raise FileFormatError(f"{error}; {pair.labels} has the shape {ids.shape}") from error
    if volume.data.shape != ids.shape:
        raise FileFormatError(
            f"{pair.image} has the shape {volume.data.shape}, {pair.labels} {ids.shape}: they "
            "must be equal, of two axes or three"
        )
    if not volume.same_grid(Volume(ids, *grid_of(pair.labels)[:3])):
        raise FileFormatError(
            f"{pair.labels} lies elsewhere than {pair.image}: their headers place the same voxel "
            "more than half a voxel apart; resample one of them"
        )
    return volume


def _window(pair: Pair, reading: Reading) -> str | None:
    """Return the window of `CT_WINDOWS` for an image; None for percentiles."""
    if reading.window == _AUTO:
        return CT if pair.is_ct else None
    known_other = pair.is_ct is False
    return None if known_other or reading.window not in CT_WINDOWS else reading.window


def _contrast(data: npt.NDArray[Any], window: str | None) -> tuple[Contrast, str]:
    """How all planes of an image become 8 bits, and that in words."""
    if data.dtype == np.uint8:
        return Contrast("none"), "8 bit"
    if window is not None:
        low, high = CT_WINDOWS[window]
        return Contrast("limits", (low, high)), f"{window}, {low:g} to {high:g} HU"
    words = "percentiles {:g} and {:g} of the image".format(*_PERCENTILES)
    values = data[np.isfinite(data)] if data.dtype.kind == "f" else data
    low, high = np.percentile(values, _PERCENTILES) if values.size else (0.0, 0.0)
    return (Contrast("limits", (low, high)) if low < high else Contrast("minmax")), words


def _axes(thick: int | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes across which planes are worth looking at."""
    if thick is not None:
        return (thick,)
    return tuple(a for a in range(3) if min(np.delete(shape, a)) >= _SHORTEST) or (0,)


def _shown(ids: Ids, axis: int, count: int) -> list[int]:
    """Return some planes with an object, evenly spaced and away from both ends."""
    others = tuple(a for a in range(3) if a != axis)
    held = np.flatnonzero((ids > 0).any(others))
    count = min(count, len(held))
    return [int(held[int((n + 0.5) * len(held) / count)]) for n in range(count)]
