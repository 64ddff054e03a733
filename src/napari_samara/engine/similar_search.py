"""Objects like some that are known: looked for tile by tile, at the scale of the objects."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.object_seeds import object_seeds
from napari_samara.engine.similar import Example, learn, peaks, to_image
from napari_samara.engine.tile_joining import tiles_covering
from napari_samara.engine.tiling import window_side
from napari_samara.errors import CancelledError, ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.similar import Likeness
    from napari_samara.masks import PixelBox
    from napari_samara.settings import SimilarSettings

    EmbeddingOf = Callable[[PixelBox | None], Embedding]


@dataclass(frozen=True, eq=False)
class Outline:
    """One object of a plane, cut to its box.

    Attributes
    ----------
    box : tuple of int
        Half-open (row0, col0, row1, col1).
    inside : ndarray of bool, shape of the box
        True on the object.
    """

    box: PixelBox
    inside: NDArray[np.bool_]

    @property
    def longest(self) -> int:
        """Longer side of the box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def within(self, crop: PixelBox) -> NDArray[np.bool_]:
        """Return the object in a crop of the plane, True where it is."""
        row0, col0, row1, col1 = crop
        canvas = np.zeros((row1 - row0, col1 - col0), dtype=np.bool_)
        low = max(self.box[0], row0), max(self.box[1], col0)
        high = min(self.box[2], row1), min(self.box[3], col1)
        if low[0] < high[0] and low[1] < high[1]:
            part = self.inside[
                low[0] - self.box[0] : high[0] - self.box[0],
                low[1] - self.box[1] : high[1] - self.box[1],
            ]
            canvas[low[0] - row0 : high[0] - row0, low[1] - col0 : high[1] - col0] = part
        return canvas

    def shared(self, other: Outline) -> float:
        """Return which part of the smaller of two objects they share."""
        row0, col0 = max(self.box[0], other.box[0]), max(self.box[1], other.box[1])
        row1, col1 = min(self.box[2], other.box[2]), min(self.box[3], other.box[3])
        if row0 >= row1 or col0 >= col1:
            return 0.0
        crop = row0, col0, row1, col1
        both = np.count_nonzero(self.within(crop) & other.within(crop))
        return float(both / min(np.count_nonzero(self.inside), np.count_nonzero(other.inside)))


@dataclass(frozen=True, eq=False)
class SimilarObject:
    """An object that was found.

    Attributes
    ----------
    outline : Outline
        In the plane.
    point : tuple of float
        (row, col) of the prompt it was found by.
    likeness : float
        With the accepted objects, -1 to 1.
    score : float
        IoU that the model predicts.
    """

    outline: Outline
    point: tuple[float, float]
    likeness: float
    score: float


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
) -> list[SimilarObject]:
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
    list of SimilarObject
        Most alike first; none lies on another one or on a known one.

    Raises
    ------
    CancelledError
        If `cancelled` said so.
    """
    likeness, side = looks
    usual = np.sqrt(likeness.area)
    tiles = tiles_covering(size, side, min(round(2 * usual), side // 2))
    found: list[SimilarObject] = []
    for number, tile in enumerate(tiles):
        if cancelled is not None and cancelled():
            raise CancelledError("the search for similar objects was cancelled")
        embedding = embedding_of(_or_none(tile, size))
        found += _in_tile(predictor, embedding, (tile, size), likeness, settings)
        if progress is not None:
            progress(number + 1, len(tiles))
    return _apart(found, known)


def _in_tile(
    predictor: Predictor,
    embedding: Embedding,
    where: tuple[PixelBox, tuple[int, int]],
    likeness: Likeness,
    settings: SimilarSettings,
) -> Iterator[SimilarObject]:
    """Objects of one tile that it does not cut."""
    (row0, col0, row1, col1), size = where
    similarity = likeness.similarity(embedding)
    usual = float(np.sqrt(likeness.area))
    unit = max(row1 - row0, col1 - col0) / max(similarity.shape)
    points = object_seeds(predictor, embedding, usual)
    if points is None:
        points = to_image(embedding, peaks(similarity, usual / unit, settings.at_least / 2))
    if not len(points):
        return
    for point, mask in zip(points, predictor.iterate_many(embedding, points=points), strict=True):
        box = mask.box
        if box is None or mask.score < settings.score:
            continue
        cut = (box[0] == 0 < row0) or (box[1] == 0 < col0)
        cut |= (box[2] == row1 - row0 and row1 < size[0]) or (
            box[3] == col1 - col0 and col1 < size[1]
        )
        alike = -1.0 if cut else likeness.of(embedding, mask.data)
        if alike >= settings.at_least:
            inside = mask.data[box[0] : box[2], box[1] : box[3]].copy()
            moved = (box[0] + row0, box[1] + col0, box[2] + row0, box[3] + col0)
            at = (float(point[0]) + row0, float(point[1]) + col0)
            yield SimilarObject(Outline(moved, inside), at, alike, mask.score)


def _apart(found: list[SimilarObject], known: Sequence[Outline]) -> list[SimilarObject]:
    """Objects without those that lie on a better or on a known one, most alike first."""
    kept: list[SimilarObject] = []
    taken = _Buckets()
    for outline in known:
        taken.add(outline)
    for one in sorted(found, key=lambda one: -one.score):
        if not any(one.outline.shared(other) > 0.5 for other in taken.near(one.outline)):
            kept.append(one)
            taken.add(one.outline)
    return sorted(kept, key=lambda one: -one.likeness)


class _Buckets:
    """Outlines by place, so that thousands need not be compared with each other."""

    def __init__(self, side: int = 64) -> None:
        self._side = side
        self._at: dict[tuple[int, int], list[Outline]] = {}

    def add(self, outline: Outline) -> None:
        for cell in self._cells(outline.box):
            self._at.setdefault(cell, []).append(outline)

    def near(self, outline: Outline) -> Iterator[Outline]:
        for cell in self._cells(outline.box):
            yield from self._at.get(cell, ())

    def _cells(self, box: PixelBox) -> Iterator[tuple[int, int]]:
        for row in range(box[0] // self._side, (box[2] - 1) // self._side + 1):
            for col in range(box[1] // self._side, (box[3] - 1) // self._side + 1):
                yield row, col


def outlines_of(labels: NDArray[np.integer], numbers: Sequence[int] | None = None) -> list[Outline]:
    """Return the objects of a label image, cut to their boxes.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
        0 is background.
    numbers : sequence of int, optional
        Which; all if left out.  Those that are not there are passed over.
    """
    from scipy import ndimage

    there, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + 1
    wanted = set(there.tolist()) - {0} if numbers is None else set(numbers)
    found = []
    for number, window in zip(there.tolist(), ndimage.find_objects(dense), strict=True):
        if number in wanted and window is not None:
            rows, cols = window
            box = (rows.start, cols.start, rows.stop, cols.stop)
            found.append(Outline(box, np.asarray(labels[window] == number)))
    return found


def _tiles(size: tuple[int, int], side: int, known: Sequence[Outline]) -> list[PixelBox]:
    usual = median(one.longest for one in known)
    return tiles_covering(size, side, min(round(2 * usual), side // 2))


def _room(box: PixelBox, tile: PixelBox) -> int:
    """Pixels between an object and the nearest edge of a tile; negative where it is cut."""
    return min(box[0] - tile[0], box[1] - tile[1], tile[2] - box[2], tile[3] - box[3])


def _or_none(tile: PixelBox, size: tuple[int, int]) -> PixelBox | None:
    return None if tile == (0, 0, *size) else tile
