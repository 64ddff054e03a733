"""What dense maps of an image say of masks: facts that tell objects from mistakes.

The predicted IoU of a mask was learned from prompts on objects. Without a user points also fall on
what is none, or on the border of two, and the IoU predicted there is too high. The maps know that
better: whether the inside of the mask is inside of something and its surroundings are not, whether
its outline runs along edges, and whether the pixels that vote for its centre are its own. Those of
the checkpoint and those of `cell_maps` are asked both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from napari_samara.engine.dense_maps import VOTE_REACH
from napari_samara.masks import box_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.dense_maps import DenseMaps

MAP_FACTS = ("inside", "inside around", "inside rim", "edge", "edge within", "votes", "depth")
"""Numbers that `DenseOpinion.facts` gives of a mask."""

FACTS = ("score", "stability", "area", *MAP_FACTS, *(f"cells: {name}" for name in MAP_FACTS))
"""Numbers that `mask_facts` gives of a mask, with the maps of a checkpoint and with `cell_maps`."""

_AROUND = 2
"""Width of the ring around a mask, in positions."""

_EIGHT = np.ones((3, 3), np.bool_)


class DenseOpinion:
    """Maps of one image at the resolution of masks.

    Parameters
    ----------
    maps : DenseMaps
        Of the image.
    side : int
        S, positions a side of low-resolution masks.
    """

    def __init__(self, maps: DenseMaps, side: int) -> None:
        input_size = maps.frame.input_size
        finer = side * maps.stride / input_size
        places = np.moveaxis((maps.votes + 0.5) * finer - 0.5, 2, 0)
        flat = maps.inside, maps.boundary, maps.depth, maps.width * finer
        stack = torch.from_numpy(np.concatenate([np.stack(flat), places]).astype(np.float32))
        rows, cols = (round(length * finer) for length in maps.inside.shape)
        found = F.interpolate(stack[None], (rows, cols), mode="bilinear", align_corners=False)
        self.inside, self.boundary, self.depth, self.width, *votes = found[0].numpy()
        self.votes = np.stack(votes)
        self.unit = input_size / side

    def shown(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the part of a mask (S, S) that does not lie in the padding."""
        rows, cols = self.inside.shape
        shown: NDArray[np.bool_] = logits[:rows, :cols] > 0
        return shown

    def facts(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the maps say of a mask.

        Parameters
        ----------
        logits : ndarray of float32, shape (S, S)
            Of the mask.

        Returns
        -------
        ndarray of float32, shape (len(MAP_FACTS),)
            In the order of `MAP_FACTS`: mean probability of being inside, in the mask, in a ring
            around it and along its rim; mean probability of an edge, along rim and ring and within;
            IoU of the mask and what votes for its centre; largest depth. Zeros for an empty mask.
        """
        whole = self.shown(logits)
        box = box_of(whole)
        if box is None:
            return np.zeros(len(MAP_FACTS), np.float32)
        window = _around(box, whole.shape)
        mask, inside = whole[window], self.inside[window]
        ring = ndimage.binary_dilation(mask, _EIGHT, _AROUND) & ~mask
        within = ndimage.binary_erosion(mask, _EIGHT, border_value=0)
        rim = mask & ~within
        boundary = self.boundary[window]
        found = (
            _mean(inside, mask),
            _mean(inside, ring),
            _mean(inside, rim),
            _mean(boundary, rim | ring),
            _mean(boundary, within),
            self._agreement(mask, window),
            float(self.depth[window][mask].max()),
        )
        return np.array(found, np.float32)

    def _agreement(self, mask: NDArray[np.bool_], window: tuple[slice, slice]) -> float:
        """Soft IoU of a mask and of the pixels near it that vote for the same centre as it does."""
        weight, votes = self.inside[window], self.votes[:, *window]
        own = weight * mask
        centre = (own * votes).sum((1, 2)) / max(float(own.sum()), 1e-6)
        apart = ((votes - centre[:, None, None]) ** 2).sum(0)
        voting = weight * (apart < (VOTE_REACH * self.width[window]) ** 2)
        both = float(voting[mask].sum())
        return both / max(float(voting.sum()) + np.count_nonzero(mask) - both, 1e-6)


def mask_facts(
    logits: NDArray[np.float32], score: float, stability: float, opinions: Sequence[DenseOpinion]
) -> NDArray[np.float32]:
    """Return what tells whether a mask is an object.

    Parameters
    ----------
    logits : ndarray of float32, shape (S, S)
        Of the mask.
    score, stability : float
        What the model predicts, and how little the mask changes with the threshold.
    opinions : sequence of DenseOpinion
        Of the same image; those of the checkpoint first.

    Returns
    -------
    ndarray of float32, shape (len(FACTS),)
        In the order of `FACTS`: score and stability, logarithm of one and the area in pixels of the
        model input, and what each opinion says. Zeros for an empty mask.
    """
    first = opinions[0]
    area = np.count_nonzero(first.shown(logits))
    plain = (score, stability, np.log1p(area * first.unit**2)) if area else (0.0, 0.0, 0.0)
    said = [opinion.facts(logits) for opinion in opinions]
    return np.concatenate([np.array(plain, np.float32), *said])


def _around(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of the maps in which what votes for a mask of this box may lie."""
    row0, col0, row1, col1 = box
    room = _AROUND + max(row1 - row0, col1 - col0) // 2
    return (
        slice(max(row0 - room, 0), min(row1 + room, shape[0])),
        slice(max(col0 - room, 0), min(col1 + room, shape[1])),
    )


def _mean(values: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    return float(values[where].mean()) if where.any() else 0.0
