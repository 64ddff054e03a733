"""How much parts of an image are like some objects, by the features that were encoded anyway.

An object is the mean of the features inside its mask: those of the embedding and, in families that
have them, the finer ones.  Two objects are as alike as the angle between their means is small, and
as their areas are; a position is as like them as its own features are.  An object that is more like
a rejected one than like any accepted one gets a likeness below 0.  NumPy in and out, no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_samara.embedding import IMAGE_EMBEDDINGS
from napari_samara.engine.maps import resized
from napari_samara.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding

    Floats = NDArray[np.float32]

LEVELS = (IMAGE_EMBEDDINGS, "high_res_0", "high_res_1")
"""Feature maps that count, those of strides 16, 8 and 4 of the tiny models."""

FINEST = 4
"""Pixels of the model input for one position of a similarity map."""

# Factor between areas at which objects count exp(-1/2) alike, at least.
_AREA_SPREAD = 2.5

_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Example:
    """An object of an encoded plane, or crop.

    Attributes
    ----------
    embedding : Embedding
        Of the plane.
    mask : ndarray of bool, shape (rows, cols)
        The object.
    """

    embedding: Embedding
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Likeness:
    """What objects are looked for by; see `learn`.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (C,)
        Taken from features, and divided by, before they are compared.
    accepted, rejected : ndarray of float32, shape (N, C) and (M, C)
        Of each example, of length 1.
    area : float
        Usual area of accepted objects, in pixels of their planes.
    spread : float
        Standard deviation of the logarithm of their area.
    """

    mean: Floats
    scale: Floats
    accepted: Floats
    rejected: Floats
    area: float
    spread: float

    def similarity(self, embedding: Embedding) -> Floats:
        """Map of how much each position is like the accepted objects.

        Parameters
        ----------
        embedding : Embedding
            Of any plane, by the checkpoint of the examples.

        Returns
        -------
        ndarray of float32, shape (h, w)
            From -1 to 1, one position for `FINEST` pixels of the model input, padding left out.

        Raises
        ------
        ImageError
            If the embedding is of another model.
        """
        features = self._centred(features_of(embedding))
        features = features / (np.linalg.norm(features, axis=0, keepdims=True) + _TINY)
        return self._compared(features)

    def of(self, embedding: Embedding, mask: NDArray[np.bool_], weight: float = 1.0) -> float:
        """Return how much an object is like the accepted ones, by looks and area.

        Parameters
        ----------
        embedding : Embedding
            Of its plane.
        mask : ndarray of bool, shape (rows, cols)
            The object.
        weight : float
            Pixels of the planes of the examples for one of this plane, where scales differ.

        Returns
        -------
        float
            From -1 to 1; -1 for an empty mask.

        Raises
        ------
        ImageError
            If the embedding is of another model, or the mask does not have the shape of its plane.
        """
        area = int(np.count_nonzero(mask))
        if area == 0:
            return -1.0
        vector = self._centred(_mean_in(features_of(embedding), embedding, mask)[:, None])[:, 0]
        looks = float(self._compared(vector / (np.linalg.norm(vector) + _TINY)))
        off = (np.log(area * weight) - np.log(self.area)) / max(self.spread, np.log(_AREA_SPREAD))
        return looks * float(np.exp(-0.5 * off**2)) if looks > 0 else looks

    def _centred(self, features: Floats) -> Floats:
        if len(features) != len(self.mean):
            raise ImageError(
                f"an embedding with {len(features)} features is of another model than examples "
                f"with {len(self.mean)}; encode both with one checkpoint"
            )
        shape = (-1,) + (1,) * (features.ndim - 1)
        return (features - self.mean.reshape(shape)) / self.scale.reshape(shape)

    def _compared(self, unit: Floats) -> Floats:
        like = np.tensordot(self.accepted, unit, axes=1).max(axis=0)
        if len(self.rejected):
            unlike = np.tensordot(self.rejected, unit, axes=1).max(axis=0)
            like = np.where(unlike > like, like - unlike, like)
        return np.asarray(np.clip(like, -1, 1), dtype=np.float32)


def learn(accepted: Sequence[Example], rejected: Sequence[Example] = ()) -> Likeness:
    """Return what objects like some are looked for by.

    Parameters
    ----------
    accepted : sequence of Example
        One or more, all by one checkpoint.
    rejected : sequence of Example
        What is not wanted.

    Returns
    -------
    Likeness
        Independent of the planes the examples came from.

    Raises
    ------
    ImageError
        If there is no example, one is empty, or a mask does not have the shape of its plane.
    """
    if not accepted:
        raise ImageError("nothing to look for: accept an object first")
    areas = [int(np.count_nonzero(one.mask)) for one in accepted]
    if min(areas) == 0:
        raise ImageError("an accepted object has no pixel; it cannot be looked for")
    known: dict[int, Floats] = {}
    for one in (*accepted, *rejected):
        if id(one.embedding) not in known:
            known[id(one.embedding)] = features_of(one.embedding)
    flat = np.concatenate([features.reshape(len(features), -1) for features in known.values()], 1)
    mean = flat.mean(axis=1)
    scale = _level_scales(accepted[0].embedding, flat - mean[:, None])
    vectors = [
        [_mean_in(known[id(one.embedding)], one.embedding, one.mask) for one in group]
        for group in (accepted, [one for one in rejected if one.mask.any()])
    ]
    liked, disliked = (_units(np.array(group, dtype=np.float32), mean, scale) for group in vectors)
    logs = np.log(areas)
    usual, spread = float(np.exp(np.median(logs))), float(np.std(logs))
    return Likeness(mean, scale, liked, disliked, usual, spread)


def features_of(embedding: Embedding) -> Floats:
    """Return the features of every position, coarse ones interpolated.

    Parameters
    ----------
    embedding : Embedding
        Of any family.

    Returns
    -------
    ndarray of float32, shape (C, h, w)
        One position for `FINEST` pixels of the model input, padding left out.
    """
    side = max(embedding.frame.input_size // FINEST, 1)
    rows, cols = embedding.frame.valid_part(side)
    maps = [embedding.features[name] for name in LEVELS if name in embedding.features]
    return np.concatenate([resized(one, (side, side))[:, :rows, :cols] for one in maps])


def peaks(similarity: Floats, apart: float, at_least: float) -> NDArray[np.float64]:
    """Return where a map is highest.

    Parameters
    ----------
    similarity : ndarray of float32, shape (h, w)
        Any map.
    apart : float
        Distance in positions within which there is one peak only: most of a usual object.
    at_least : float
        Lower peaks are left out.

    Returns
    -------
    ndarray of float64, shape (N, 2)
        (row, col) in positions, highest first.
    """
    radius = max(1, round(apart / 2))
    smooth = ndimage.gaussian_filter(similarity, apart / 6)
    near = np.hypot(*(np.indices((2 * radius + 1,) * 2) - radius)) <= radius
    highest = ndimage.maximum_filter(smooth, footprint=near)
    found = np.argwhere((smooth >= highest) & (smooth >= at_least))
    order = np.argsort(-smooth[tuple(found.T)], kind="stable")
    return np.asarray(found[order], dtype=np.float64)


def to_image(embedding: Embedding, places: NDArray[np.float64]) -> Floats:
    """Return positions (N, 2) of a map as (row, col) in pixels of the plane, inside it.

    Parameters
    ----------
    embedding : Embedding
        The map belongs to.
    places : ndarray of float64, shape (N, 2)
        (row, col) in positions.
    """
    frame = embedding.frame
    xy = ((places + 0.5) * FINEST - 0.5)[:, ::-1]
    last = np.array([frame.rows, frame.cols]) - 1
    return np.clip(frame.to_image(xy), 0, last).astype(np.float32)


def _mean_in(features: Floats, embedding: Embedding, mask: NDArray[np.bool_]) -> Floats:
    """Features (C,) averaged over an object, by the part of each position that it covers."""
    frame = embedding.frame
    if mask.shape != (frame.rows, frame.cols):
        raise ImageError(f"a mask of shape {mask.shape} in a plane of {frame.rows} x {frame.cols}")
    rows, cols = features.shape[1:]
    covered = resized(mask[None].astype(np.float32), (rows, cols), shrink=True)[0]
    total = covered.sum()
    mean = np.einsum("chw,hw->c", features, covered) / max(total, _TINY)
    return np.asarray(mean, dtype=np.float32)


def _level_scales(embedding: Embedding, centred: Floats) -> Floats:
    """Per feature, the root mean square length of its feature map: each map counts the same."""
    scales, start = [], 0
    for name in LEVELS:
        if name in embedding.features:
            count = len(embedding.features[name])
            part = centred[start : start + count]
            length = np.sqrt(np.square(part).sum(axis=0).mean()) + _TINY
            scales.append(np.full(count, length, dtype=np.float32))
            start += count
    return np.concatenate(scales)


def _units(vectors: Floats, mean: Floats, scale: Floats) -> Floats:
    if not len(vectors):
        return np.zeros((0, len(mean)), dtype=np.float32)
    centred = (vectors - mean) / scale
    return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + _TINY))
