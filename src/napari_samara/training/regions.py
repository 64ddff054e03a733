"""The part of an encoded view that a step of fine-tuning looks at: around one object.

A decoder costs as much as the positions it sees. Far from the prompted objects there is little to
learn, so that a step on a quarter of the view is as good as one on all of it, and four times as
fast; the features are those of the whole view, as they are when the checkpoint is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from napari_samara.model.sam import ImageFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

ROOM = 1.5
"""Times that the longer side of an object fits into the region around it, at least."""


@dataclass(frozen=True)
class Region:
    """A square of an encoded view, in positions of the embedding.

    Attributes
    ----------
    row, col : int
        Upper left corner.
    side : int
        Positions high and wide.
    """

    row: int
    col: int
    side: int

    def of_labels(self, labels: npt.NDArray[np.int32], patch: int) -> npt.NDArray[np.int32]:
        """Cut the region out of labels (side, side) with `patch` pixels for a position."""
        rows, cols = (slice(patch * at, patch * (at + self.side)) for at in (self.row, self.col))
        return np.ascontiguousarray(labels[rows, cols])

    def of_features(self, features: ImageFeatures) -> ImageFeatures:
        """Cut the region out of the embedding and the finer maps beside it."""
        maps = []
        for step, whole in enumerate((features.embedding, *features.skips)):
            rows, cols = (
                slice(at << step, (at + self.side) << step) for at in (self.row, self.col)
            )
            maps.append(whole[..., rows, cols])
        return ImageFeatures(maps[0], tuple(maps[1:]))


def joined_features(
    features: ImageFeatures, views: Sequence[int], regions: Sequence[Region]
) -> ImageFeatures:
    """Cut regions of one size out of views, and put them in a batch.

    Parameters
    ----------
    features : ImageFeatures
        Of V views.
    views : sequence of int
        Number of the view of each of R regions.
    regions : sequence of Region
        What is cut out.

    Returns
    -------
    ImageFeatures
        Of R views.
    """
    device, side = features.embedding.device, regions[0].side
    corners = torch.tensor([(one.row, one.col) for one in regions], device=device)
    view = torch.tensor(views, device=device)[:, None, None]
    maps = []
    for step, whole in enumerate((features.embedding, *features.skips)):
        span = torch.arange(side << step, device=device)
        rows, cols = ((corners[:, axis, None] << step) + span for axis in (0, 1))  # (R, side)
        cut = whole.permute(0, 2, 3, 1)[view, rows[:, :, None], cols[:, None, :]]
        maps.append(cut.permute(0, 3, 1, 2))
    return ImageFeatures(maps[0], tuple(maps[1:]))


def region_of(
    labels: npt.NDArray[np.int32], patch: int, smallest: int, rng: np.random.Generator
) -> Region:
    """Choose a region that holds one of the objects: half the view, or all for a large object.

    Parameters
    ----------
    labels : numpy.ndarray
        (side, side) int32 of a view; the side is a multiple of `patch`.
    patch : int
        Pixels for a position of the embedding.
    smallest : int
        Objects with fewer pixels are not chosen.
    rng : numpy.random.Generator
        Decides which object, and where in the region it lies.

    Returns
    -------
    Region
        The whole view where there is no object.
    """
    whole = labels.shape[0] // patch
    half = whole // 2
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    ids = np.flatnonzero(sizes >= smallest)
    if not len(ids) or not half:
        return Region(0, 0, whole)
    chosen = int(rng.choice(ids))
    place = ndimage.find_objects(labels, max_label=chosen)[chosen - 1]
    if ROOM * max(span.stop - span.start for span in place) > half * patch:
        return Region(0, 0, whole)
    row, col = (_start(span.start, span.stop, patch, (half, whole), rng) for span in place)
    return Region(row, col, half)


def _start(
    first: int, end: int, patch: int, sides: tuple[int, int], rng: np.random.Generator
) -> int:
    """Where a span of positions begins that holds some pixels: anywhere that it may."""
    side, whole = sides
    least = max(0, -(-end // patch) - side)
    most = min(first // patch, whole - side)
    return int(rng.integers(min(least, most), most + 1))
