"""Label images put in order: pieces, sizes, borders, numbers; one object cut in two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_samara.cleanup_settings import CleanupSettings
from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

# Part of the longer of two pieces' depths that a neck between them is below, to be cut there.
_NECK = 0.75


def clean_up(labels: Any, settings: CleanupSettings | None = None) -> NDArray[Any]:
    """Labels put in order.

    The steps go in this order: objects at the border are removed, small pieces of an object and
    holes in it go, pieces that are left become objects, sizes are looked at, numbers are closed up.

    Parameters
    ----------
    labels : array_like of int, shape (rows, cols) or with more axes
        0 is background.  All axes are space: of a volume, objects are looked at in 3D.
    settings : CleanupSettings, optional
        What is done; by default nothing.

    Returns
    -------
    ndarray, shape and type of `labels`
        A new array; objects keep their numbers unless `settings.relabel` says otherwise.

    Raises
    ------
    ImageError
        If these are no labels, or new objects do not fit their type.
    """
    settings = settings or CleanupSettings()
    result = _checked(labels).copy()
    if settings.remove_border:
        _remove(result, border_objects(result, settings.border))
    if settings.keep_largest:
        _each(result, lambda inside: inside & ~_largest(inside), 0)
    if settings.fill_holes:
        _fill(result)
    if settings.split_pieces:
        _split_pieces(result)
    sizes = np.bincount(result.ravel().astype(np.int64))
    wrong = sizes < settings.smallest
    if settings.largest:
        wrong |= sizes > settings.largest
    _remove(result, np.flatnonzero(wrong & (sizes > 0) & (np.arange(len(sizes)) > 0)))
    if settings.relabel:
        numbers = np.unique(result)
        order = np.zeros(int(result.max(initial=0)) + 1, dtype=result.dtype)
        order[numbers[numbers > 0]] = np.arange(1, np.count_nonzero(numbers) + 1)
        result = order[result]
    return result


def border_objects(labels: NDArray[Any], within: int = 0) -> NDArray[Any]:
    """Return the numbers of objects that reach the border of an image.

    Parameters
    ----------
    labels : ndarray of int
        0 is background; an axis of length 1 has no border.
    within : int
        Pixels from the border that count as border too.

    Returns
    -------
    ndarray of int
        Rising.
    """
    found = [labels[:0].ravel()]
    for axis, length in enumerate(labels.shape):
        if length > 1:
            for part in (slice(0, within + 1), slice(max(0, length - within - 1), None)):
                at = tuple(part if other == axis else slice(None) for other in range(labels.ndim))
                found.append(np.unique(labels[at]))
    numbers = np.unique(np.concatenate(found))
    return np.asarray(numbers[numbers > 0])


def split(inside: ArrayLike, points: Sequence[Sequence[float]] = ()) -> NDArray[np.int32]:
    """Parts of one object.

    Parameters
    ----------
    inside : array_like of bool
        The object, with any number of axes.
    points : sequence of coordinates, optional
        A place in each part.  Without, the object falls into its connected pieces, or, where it
        is one piece, at its narrowest necks.

    Returns
    -------
    ndarray of int32, shape of `inside`
        1 is the largest part; 0 outside.  All 1 where there is nothing to split.

    Raises
    ------
    ImageError
        If a point lies outside the array.
    """
    from skimage.segmentation import watershed

    mask = np.asarray(inside, dtype=np.bool_)
    pieces, count = ndimage.label(mask)
    if not points and count != 1:
        return _by_size(pieces)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]
    seeds = np.zeros(mask.shape, dtype=np.int32)
    for number, at in enumerate(points, start=1):
        place = tuple(round(float(value)) for value in at)
        if len(place) != mask.ndim or any(
            not 0 <= index < length for index, length in zip(place, mask.shape, strict=True)
        ):
            raise ImageError(f"point {tuple(at)} lies outside the object's {mask.shape}")
        seeds[place] = number
    if not points:
        seeds = _deep_parts(depth)
    return _by_size(watershed(-depth, seeds, mask=mask))


def _deep_parts(depth: NDArray[Any]) -> NDArray[np.int32]:
    """Parts of an object that hang together only by necks, as seeds."""
    deepest = float(depth.max(initial=0))
    for share in np.linspace(0.2, _NECK, 12):
        parts, count = ndimage.label(depth > share * deepest)
        if count > 1:
            peaks = ndimage.maximum(depth, parts, index=np.arange(1, count + 1))
            wide = np.flatnonzero(np.asarray(peaks) * _NECK >= share * deepest) + 1
            if len(wide) > 1:
                order = np.zeros(count + 1, dtype=np.int32)
                order[wide] = np.arange(1, len(wide) + 1)
                return np.asarray(order[parts], dtype=np.int32)
    return np.asarray(depth > 0, dtype=np.int32)


def _by_size(parts: NDArray[Any]) -> NDArray[np.int32]:
    """Parts numbered from the largest down."""
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    names = np.zeros(len(sizes), dtype=np.int32)
    names[order] = np.arange(1, len(sizes) + 1)
    names[sizes == 0] = 0
    return np.asarray(names[parts], dtype=np.int32)


def _checked(labels: Any) -> NDArray[Any]:
    given = np.asarray(labels)
    if given.dtype.kind not in "iu" or given.ndim < 2:
        raise ImageError(
            f"labels are whole numbers with two axes or more, got {given.dtype} of shape "
            f"{given.shape}"
        )
    if given.size and given.min() < 0:
        raise ImageError(f"labels count from 0 up, got {given.min()}")
    return given


def _remove(labels: NDArray[Any], numbers: NDArray[Any]) -> None:
    if len(numbers):
        labels[np.isin(labels, numbers)] = 0


def _each(
    labels: NDArray[Any], wrong: Callable[[NDArray[np.bool_]], NDArray[np.bool_]], value: int
) -> None:
    """Give pixels of each object another value, in place."""
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is not None:
            part = labels[window]
            part[wrong(part == number)] = value


def _largest(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(inside)
    return inside if count < 2 else np.asarray(_by_size(pieces) == 1)


def _fill(labels: NDArray[Any]) -> None:
    """Give enclosed background to the object around it; other objects in a hole stay."""
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is not None:
            part = labels[window]
            part[ndimage.binary_fill_holes(part == number) & (part == 0)] = number


def _split_pieces(labels: NDArray[Any]) -> None:
    """Give all pieces but the largest of each object numbers of their own, in place."""
    following, most = int(labels.max(initial=0)) + 1, int(np.iinfo(labels.dtype).max)
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is None:
            continue
        part = labels[window]
        pieces = _by_size(ndimage.label(part == number)[0])
        count = int(pieces.max())
        if following + count - 2 > most:
            raise ImageError(
                f"{following + count - 2} objects do not fit labels of {labels.dtype}; convert "
                "them first: labels.astype('int32')"
            )
        for piece in range(2, count + 1):
            part[pieces == piece] = following
            following += 1
