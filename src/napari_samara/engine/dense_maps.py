"""What a checkpoint's own head says of an image before any prompt, and objects seeded from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.geometry import Frame
    from napari_samara.model.instance_maps import InstanceMaps

INSIDE = 0.4
"""Probability from which on a position belongs to an object; low, for the decoder decides."""

_PEAK = 16.0
"""Pixels of the model input whose votes must come together for a seed."""

_SPREAD = 4.0
"""Width, in pixels of the model input, by which votes are smeared before peaks are looked for."""

VOTE_REACH = 2.5
"""Learned widths that a vote may lie from the seed it counts for."""

_FEWEST = 32.0
"""Area of an object at least, in pixels of the model input."""

_DEEP = 0.15
"""Depth times probability of being inside that the middle of an object has at least."""


@dataclass(frozen=True, eq=False)
class DenseMaps:
    """What is known of every position of an image, padding left out.

    Attributes
    ----------
    inside, boundary : ndarray of float32, shape (h, w)
        Probabilities of lying in an object and on its edge.
    depth : ndarray of float32, shape (h, w)
        Distance from the edge as a part of the largest in the object, about 0 to 1.
    votes : ndarray of float32, shape (h, w, 2)
        Centre (row, col) of the object that each position belongs to, in positions.
    width : ndarray of float32, shape (h, w)
        How far, in positions, votes for the same object lie from each other.
    stride : float
        Pixels of the model input for one position.
    frame : Frame
        Of the image.
    """

    inside: NDArray[np.float32]
    boundary: NDArray[np.float32]
    depth: NDArray[np.float32]
    votes: NDArray[np.float32]
    width: NDArray[np.float32]
    stride: float
    frame: Frame

    @classmethod
    def of(cls, maps: InstanceMaps, stride: float, frame: Frame) -> DenseMaps:
        """Return what a head has said of one image.

        Parameters
        ----------
        maps : InstanceMaps
            Of a batch whose first image it is; on any device.
        stride : float
            Pixels of the model input for one position.
        frame : Frame
            Of the image.

        Returns
        -------
        DenseMaps
            On the host.
        """
        rows, cols = frame.valid_part(maps.inside.shape[-1])
        inside, boundary, depth, centres, width = (
            m[0].float().cpu()[..., :rows, :cols] for m in maps
        )
        return cls(
            inside.sigmoid().numpy(),
            boundary.sigmoid().numpy(),
            depth.numpy(),
            (centres.flip(0).movedim(0, 2) / stride - 0.5).numpy(),
            (width.exp() / stride).numpy(),
            stride,
            frame,
        )

    def to_image(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return positions (N, 2) as (row, col) in pixels of the image, inside it."""
        xy = ((places + 0.5) * self.stride - 0.5)[:, ::-1]
        last = np.array([self.frame.rows, self.frame.cols]) - 1
        return np.clip(self.frame.to_image(xy), 0, last).astype(np.float32)


class Seeds(NamedTuple):
    """Objects that the maps point out.

    Attributes
    ----------
    points : ndarray of float32, shape (N, 2)
        (row, col) in the image, well inside each.
    sizes : ndarray of float64, shape (N,)
        Side of a square of the same area, in pixels of the model input.
    """

    points: NDArray[np.float32]
    sizes: NDArray[np.float64]


def dense_seeds(maps: DenseMaps) -> Seeds:
    """Return one point for each object that the maps show.

    It is the position deepest inside of each of the `dense_parts`.

    Parameters
    ----------
    maps : DenseMaps
        Of an image.

    Returns
    -------
    Seeds
        In the order of their rows.
    """
    parts = dense_parts(maps)
    places = [part.deepest(maps) for part in parts]
    areas = [int(part.own.sum()) for part in parts]
    points = maps.to_image(np.array(places, np.float64).reshape(-1, 2))
    return Seeds(points, np.sqrt(areas) * maps.stride)


class DensePart(NamedTuple):
    """An object that maps show.

    Attributes
    ----------
    window : tuple of slice
        The part of the maps that it lies in: rows and columns.
    own : ndarray of bool, shape of the window
        True on its positions.
    """

    window: tuple[slice, slice]
    own: NDArray[np.bool_]

    def deepest(self, maps: DenseMaps) -> tuple[int, int]:
        """Return (row, col) of its position that lies deepest inside."""
        deep = ndimage.distance_transform_edt(np.pad(self.own, 1))[1:-1, 1:-1]
        deep += 0.01 * maps.depth[self.window]  # of equal ones that which the head finds deepest
        row, col = np.unravel_index(int(deep.argmax()), self.own.shape)
        return self.window[0].start + int(row), self.window[1].start + int(col)


def dense_parts(maps: DenseMaps) -> list[DensePart]:
    """Cut the objects that the maps show out of them.

    Positions inside vote for the centre of their object. Where votes come together is a seed, and
    every position counts for the nearest.

    Parameters
    ----------
    maps : DenseMaps
        Of an image.

    Returns
    -------
    list of DensePart
        In the order of the rows of their seeds.
    """
    inside = maps.inside > INSIDE
    votes = maps.votes[inside]
    peaks = _peaks(votes, maps.inside[inside], maps)
    if not len(peaks):
        return []
    distance, nearest = cKDTree(peaks).query(votes)
    near = distance <= VOTE_REACH * maps.width[inside]
    members = np.zeros(inside.shape, np.int64)
    members[inside] = np.where(near, nearest + 1, 0)
    parts = []
    for number, window in enumerate(ndimage.find_objects(members, len(peaks)), start=1):
        own = None if window is None else members[window] == number
        if own is not None and own.sum() * maps.stride**2 >= _FEWEST:
            parts.append(DensePart(window, own))
    return parts


def deepest_points(maps: DenseMaps, apart: float) -> NDArray[np.float32]:
    """Return the places that lie deepest in what the maps show, for objects of a known size.

    Parameters
    ----------
    maps : DenseMaps
        Of an image.
    apart : float
        Distance in pixels of the image within which there is one point only: most of an object.

    Returns
    -------
    ndarray of float32, shape (N, 2)
        (row, col) in the image, deepest first.
    """
    frame = maps.frame
    unit = max(frame.rows, frame.cols) / frame.input_size * maps.stride
    radius = max(1, round(0.35 * apart / unit))
    smooth = ndimage.gaussian_filter(maps.depth * maps.inside, max(0.5, 0.12 * apart / unit))
    near = np.hypot(*(np.indices((2 * radius + 1,) * 2) - radius)) <= radius
    found = np.argwhere(
        (smooth >= ndimage.maximum_filter(smooth, footprint=near)) & (smooth > _DEEP)
    )
    found = found[np.argsort(-smooth[tuple(found.T)], kind="stable")]
    return maps.to_image(found.astype(np.float64))


def _peaks(
    votes: NDArray[np.float32], weights: NDArray[np.float32], maps: DenseMaps
) -> NDArray[np.intp]:
    """Positions (N, 2) where votes come together."""
    shape, spread = maps.inside.shape, _SPREAD / maps.stride
    last = np.subtract(shape, 1)
    at = np.clip(votes, 0, last)
    low = np.minimum(at.astype(np.int64), np.maximum(last - 1, 0))
    part = at - low
    heap = np.zeros(shape)
    for row, col in np.ndindex(2, 2):
        share = np.abs(1 - row - part[:, 0]) * np.abs(1 - col - part[:, 1])
        place = np.minimum(low + np.array([row, col]), last)
        np.add.at(heap, (place[:, 0], place[:, 1]), weights * share)
    smooth = ndimage.gaussian_filter(heap, spread, mode="constant")
    enough = smooth * (2 * np.pi * spread**2) * maps.stride**2 > _PEAK
    return np.argwhere(enough & (smooth == ndimage.maximum_filter(smooth, 3)))
