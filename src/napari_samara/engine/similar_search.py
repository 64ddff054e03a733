"""Objects like some that are known: looked for tile by tile, at the scale of the objects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.dense_maps import deepest_points
from napari_samara.engine.outlines import Outline, Outlines
from napari_samara.engine.similar import FINEST, Example, learn, peaks, to_image
from napari_samara.engine.tile_joining import tiles_covering
from napari_samara.engine.tiling import window_side
from napari_samara.errors import CancelledError, ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.similar import Likeness
    from napari_samara.engine.similar_settings import SimilarSettings
    from napari_samara.masks import PixelBox

    EmbeddingOf = Callable[[PixelBox | None], Embedding]


# Similarity that a peak has at least to be looked at.
_PEAK = 0.3


@dataclass(frozen=True, eq=False)
class SimilarObject:
    """An object that was found.

    Attributes
    ----------
    outline : Outline
        In the plane.
    prompt : tuple of int
        Half-open box that gives its mask.
    likeness : float
        With the accepted objects, -1 to 1.
    score : float
        IoU that the model predicts.
    """

    outline: Outline
    prompt: PixelBox
    likeness: float
    score: float


@dataclass(frozen=True, eq=False)
class SimilarFound:
    """What a search has found in a plane.

    Attributes
    ----------
    objects : tuple of SimilarObject
        Most alike first; none lies on another one or on a known one.
    similarity : ndarray of float32, shape (h, w)
        How much each place is like the examples, -1 to 1.
    step : float
        Pixels of the plane for one position of `similarity`, which covers the plane.
    """

    objects: tuple[SimilarObject, ...]
    similarity: NDArray[np.float32]
    step: float


def search_side(known: Sequence[Outline], size: tuple[int, int]) -> int:
    """Return the side of the tiles in which objects like some are looked for.

    Parameters
    ----------
    known : sequence of Outline
        Accepted objects; one or more.
    size : tuple of int
        (rows, cols) of the plane.
    """
    return min(window_side(median(one.longest for one in known)), max(size))


def learn_in_tiles(
    embedding_of: EmbeddingOf,
    size: tuple[int, int],
    accepted: Sequence[Outline],
    rejected: Sequence[Outline] = (),
) -> tuple[Likeness, int]:
    """Learn what some objects of a plane look like, at the scale they are looked for.

    Parameters
    ----------
    embedding_of : callable
        Embedding of a crop of the plane; None for all of it.
    size : tuple of int
        (rows, cols) of the plane.
    accepted, rejected : sequence of Outline
        Objects, and what is none of them.

    Returns
    -------
    Likeness, int
        And the side of the tiles.

    Raises
    ------
    ImageError
        If there is no accepted object.
    """
    if not accepted:
        raise ImageError("nothing to look for: accept an object first")
    side = search_side(accepted, size)
    tiles = _tiles(size, side, accepted)
    found: dict[PixelBox, Embedding] = {}

    def example(one: Outline) -> Example:
        tile = max(tiles, key=lambda box: _room(one.box, box))
        if tile not in found:
            found[tile] = embedding_of(_or_none(tile, size))
        return Example(found[tile], one.within(tile))

    kept = [example(one) for one in accepted]
    return learn(kept, [example(one) for one in rejected]), side


def search(
    predictor: Predictor,
    embedding_of: EmbeddingOf,
    size: tuple[int, int],
    looks: tuple[Likeness, int],
    settings: SimilarSettings,
    known: Sequence[Outline] = (),
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SimilarFound:
    """Find objects like those that were learned.

    Parameters
    ----------
    predictor : Predictor
        The model.
    embedding_of : callable
        Embedding of a crop of the plane; None for all of it.
    size : tuple of int
        (rows, cols) of the plane.
    looks : Likeness, int
        As `learn_in_tiles` gives them, of this plane or another.
    settings : SimilarSettings
        What is left out.
    known : sequence of Outline
        Objects that are there and not looked for again.
    cancelled : callable, optional
        Asked before each tile.
    progress : callable, optional
        Called with the tiles that are done and with all.

    Returns
    -------
    SimilarFound
        Objects, and the map they were found by.

    Raises
    ------
    CancelledError
        If `cancelled` said so.
    """
    likeness, side = looks
    usual = np.sqrt(likeness.area)
    tiles = tiles_covering(size, side, min(round(2 * usual), side // 2))
    found: list[SimilarObject] = []
    step = side * FINEST / predictor.input_size
    blend = _Blend(size, step)
    for number, tile in enumerate(tiles):
        if cancelled is not None and cancelled():
            raise CancelledError("the search for similar objects was cancelled")
        embedding = embedding_of(_or_none(tile, size))
        similarity = likeness.similarity(embedding)
        blend.add(similarity, tile)
        seeds = _seeds(predictor, embedding, similarity, likeness, settings)
        found += _in_tile(predictor, (embedding, seeds), (tile, size), likeness, settings)
        if progress is not None:
            progress(number + 1, len(tiles))
    return SimilarFound(tuple(_apart(found, known)), blend.map, step)


def _seeds(
    predictor: Predictor,
    embedding: Embedding,
    similarity: NDArray[np.float32],
    likeness: Likeness,
    settings: SimilarSettings,
) -> NDArray[np.float32]:
    """Points (N, 2) on objects: of the checkpoint's own head, or peaks of the similarity."""
    usual = float(np.sqrt(likeness.area))
    maps = predictor.dense_maps(embedding)
    if maps is not None:
        return deepest_points(maps, usual)
    unit = max(embedding.frame.rows, embedding.frame.cols) / max(similarity.shape)
    return to_image(embedding, peaks(similarity, usual / unit, max(settings.at_least, _PEAK)))


class _Blend:
    """The map of a plane, of those of its tiles: each counts most in its middle, so no seam shows.

    Parameters
    ----------
    size : tuple of int
        (rows, cols) of the plane.
    step : float
        Pixels for one position.
    """

    def __init__(self, size: tuple[int, int], step: float) -> None:
        self.step = step
        shape = [max(1, math.ceil(length / step)) for length in size]
        self._sum, self._weight = np.zeros((2, *shape), dtype=np.float32)

    def add(self, similarity: NDArray[np.float32], tile: PixelBox) -> None:
        """Take the map of a tile."""
        row, col = round(tile[0] / self.step), round(tile[1] / self.step)
        window = slice(row, row + similarity.shape[0]), slice(col, col + similarity.shape[1])
        rows, cols = self._sum[window].shape
        ramps = [np.minimum(np.arange(n) + 1, n - np.arange(n)) for n in similarity.shape]
        weight = np.minimum.outer(*ramps).astype(np.float32)[:rows, :cols]
        self._sum[window] += similarity[:rows, :cols] * weight
        self._weight[window] += weight

    @property
    def map(self) -> NDArray[np.float32]:
        """What is known, 0 where nothing is."""
        return np.asarray(self._sum / np.maximum(self._weight, 1e-6), dtype=np.float32)


def _in_tile(
    predictor: Predictor,
    asked: tuple[Embedding, NDArray[np.float32]],
    where: tuple[PixelBox, tuple[int, int]],
    likeness: Likeness,
    settings: SimilarSettings,
) -> Iterator[SimilarObject]:
    """Objects of one tile that it does not cut."""
    row0, col0 = where[0][:2]
    embedding, points = asked
    for mask in predictor.iterate_many(embedding, points=points) if len(points) else ():
        box = mask.box
        if box is None or mask.score < settings.score or _cut(box, *where):
            continue
        alike = likeness.of(embedding, mask.data)
        if alike >= settings.at_least:
            moved = _shifted(box, row0, col0)
            outline = Outline(moved, mask.data[box[0] : box[2], box[1] : box[3]].copy())
            yield SimilarObject(outline, moved, alike, mask.score)


def _cut(box: PixelBox, tile: PixelBox, size: tuple[int, int]) -> bool:
    """Whether a box in a tile reaches an edge of it where the plane goes on."""
    starts = any(box[axis] == 0 < tile[axis] for axis in (0, 1))
    length = (tile[2] - tile[0], tile[3] - tile[1])
    return starts or any(
        box[axis + 2] == length[axis] and tile[axis + 2] < size[axis] for axis in (0, 1)
    )


def _shifted(box: PixelBox, row: int, col: int) -> PixelBox:
    return box[0] + row, box[1] + col, box[2] + row, box[3] + col


def _apart(found: list[SimilarObject], known: Sequence[Outline]) -> list[SimilarObject]:
    """Objects without those that lie on a better or on a known one, most alike first."""
    kept: list[SimilarObject] = []
    taken = Outlines()
    for outline in known:
        taken.add(outline)
    for one in sorted(found, key=lambda one: -one.score):
        if not any(one.outline.shared(other) > 0.5 for other in taken.near(one.outline)):
            kept.append(one)
            taken.add(one.outline)
    return sorted(kept, key=lambda one: -one.likeness)


def _tiles(size: tuple[int, int], side: int, known: Sequence[Outline]) -> list[PixelBox]:
    usual = median(one.longest for one in known)
    return tiles_covering(size, side, min(round(2 * usual), side // 2))


def _room(box: PixelBox, tile: PixelBox) -> int:
    """Pixels between an object and the nearest edge of a tile; negative where it is cut."""
    return min(box[0] - tile[0], box[1] - tile[1], tile[2] - box[2], tile[3] - box[3])


def _or_none(tile: PixelBox, size: tuple[int, int]) -> PixelBox | None:
    return None if tile == (0, 0, *size) else tile
