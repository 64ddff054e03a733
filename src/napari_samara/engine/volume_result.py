"""What became of the objects of a volume: labels, scores and doubts, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.volume_quality import flags_of, judged
from napari_samara.engine.volume_slices import GIVEN, SliceMask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from napari_samara.engine.volume import Propagation
    from napari_samara.engine.volume_quality import SliceFlag
    from napari_samara.engine.volume_slices import Slices


@dataclass(frozen=True, eq=False)
class VolumeSegmentation:
    """Labels of a volume, and how sure each slice of each object is.

    Attributes
    ----------
    labels : ndarray of int32, shape of the volume without channels
        The object ids; 0 is background.
    objects : mapping of int to mapping of int to SliceMask
        By object id and index on `axis`, after overlaps are settled.
    axis : int
        Along which the objects were followed.
    complete : bool
        False where it was cancelled; what was found by then is there.
    """

    labels: NDArray[Any]
    objects: Mapping[int, Mapping[int, SliceMask]]
    axis: int = 0
    complete: bool = True

    @property
    def scores(self) -> dict[int, dict[int, float]]:
        """IoU that the model predicts, by object id and slice; 1 for masks that were given."""
        return {n: {i: mask.score for i, mask in m.items()} for n, m in self.objects.items()}

    @property
    def doubts(self) -> dict[int, dict[int, float]]:
        """Doubt from 0 to 1, by object id and slice."""
        return {n: {i: mask.doubt for i, mask in m.items()} for n, m in self.objects.items()}

    @property
    def flags(self) -> tuple[SliceFlag, ...]:
        """All slices that were not given, sorted as `flags_of` sorts them."""
        return flags_of(self.objects)


def settled(run: Propagation) -> dict[int, dict[int, SliceMask]]:
    """Give each pixel to one object, and judge every slice.

    A pixel that several claim goes to a given mask, else to the one of least doubt.

    Parameters
    ----------
    run : Propagation
        At its end, or where it was cancelled.

    Returns
    -------
    dict of int to dict of int to SliceMask
        By object id and index; masks that lose every pixel are gone.
    """
    found = {number: dict(masks) for number, masks in run.found.items()}
    overlaps: dict[tuple[int, int], float] = {}
    for index in sorted({index for masks in found.values() for index in masks}):
        here = {number: masks[index] for number, masks in found.items() if index in masks}
        if len(here) > 1:
            for number, (mask, share) in _apart(here).items():
                overlaps[number, index] = share
                found[number][index] = mask
    kept = {n: {i: mask for i, mask in m.items() if mask.area} for n, m in found.items()}
    return judged(kept, run.known, overlaps, len(run.slices))


def painted(
    objects: Mapping[int, Mapping[int, SliceMask]], slices: Slices, labels: NDArray[Any]
) -> None:
    """Write objects into labels, in place; pixels that have a label keep it.

    Parameters
    ----------
    objects : mapping of int to mapping of int to SliceMask
        By label and index.
    slices : Slices
        Where the slices lie in the labels.
    labels : ndarray of int
        All axes of the image.
    """
    for label, masks in objects.items():
        for index, mask in masks.items():
            plane = slices.plane(index)
            part = plane.extract(labels, box=mask.box).copy()
            part[mask.crop & (part == 0)] = label
            plane.insert(labels, part, mask.box)


def _apart(here: Mapping[int, SliceMask]) -> dict[int, tuple[SliceMask, float]]:
    """Masks of one slice without the pixels of each other, and the share that was claimed."""
    size = next(iter(here.values())).size
    owner, crowd = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    order = sorted(here, key=lambda n: (here[n].origin == GIVEN, -here[n].doubt, here[n].score))
    for number in order:
        owner[here[number].window][here[number].crop] = number
        crowd[here[number].window] += here[number].crop
    found: dict[int, tuple[SliceMask, float]] = {}
    for number, mask in here.items():
        shared = np.count_nonzero(crowd[mask.window][mask.crop] > 1)
        crop = mask.crop & (owner[mask.window] == number)
        kept = mask
        if shared and not np.array_equal(crop, mask.crop):
            whole = np.zeros(size, np.bool_)
            whole[mask.window] = crop
            cut = SliceMask.of(whole, mask.score, mask.origin)
            kept = SliceMask(
                cut.box, cut.crop, size, mask.score, mask.origin, mask.doubt, mask.reason
            )
        found[number] = kept, float(shared / max(mask.area, 1))
    return found
