"""What every pixel of a view should know before any prompt, and the loss of not knowing it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from napari_samara.model.instance_maps import InstanceMaps, guesses
from napari_samara.model.prompt_encoder import Places
from napari_samara.training.losses import neighbourhood, soft_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

STRIDE = 4
"""View pixels a side for one position of the maps of an encoder."""

MOST_OBJECTS = 16
"""Objects of a view that are found from one pixel each, by default."""


@dataclass(frozen=True, eq=False)
class InstanceTargets:
    """What is true of V views; s is their side by the stride.

    Attributes
    ----------
    labels : Tensor
        (V, side, side) int32.
    edge : Tensor
        (V, side, side) bool, see `edges`.
    ids : Tensor
        (V, s, s) int32, label in the middle of each position.
    depth : Tensor
        (V, s, s) float32, distance from the edge as part of the largest in the object.
    centres : Tensor
        (V, 2, s, s) float32, centre of mass of the object, x then y, in view pixels.
    diameter : Tensor
        (V, s, s) float32, of a disk of the object's area; 1 outside.
    chosen : Tensor
        (N,) int32, labels of objects that are looked for from one pixel each.
    points : Tensor
        (N, 1, 2) float32, those pixels, x then y, in view pixels.
    views : Tensor
        (N,) int64, number of the view that each lies in.
    """

    labels: Tensor
    edge: Tensor
    ids: Tensor
    depth: Tensor
    centres: Tensor
    diameter: Tensor
    chosen: Tensor
    points: Tensor
    views: Tensor

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.labels)

    @classmethod
    def of_views(cls, parts: Sequence[InstanceTargets]) -> InstanceTargets:
        """Join what is true of several views."""
        counts = np.cumsum([0, *(len(part) for part in parts)])
        values = {
            one.name: torch.cat([getattr(part, one.name) for part in parts])
            for one in fields(cls)
            if one.name != "views"
        }
        views = [part.views + int(first) for part, first in zip(parts, counts, strict=False)]
        return cls(**values, views=torch.cat(views))

    def to(self, device: torch.device) -> InstanceTargets:
        """Return them on a device."""
        values = (getattr(self, one.name).to(device, non_blocking=True) for one in fields(self))
        return InstanceTargets(*values)


def instance_targets(
    labels: npt.NDArray[np.int32],
    rng: np.random.Generator,
    stride: int = STRIDE,
    most: int = MOST_OBJECTS,
) -> InstanceTargets:
    """Work out what is true of a view.

    Parameters
    ----------
    labels : numpy.ndarray
        (side, side) int32, its side a multiple of the stride.
    rng : numpy.random.Generator
        Decides from which pixels objects are looked for.
    stride : int
        View pixels a side for one position of the maps.
    most : int
        Objects that are found from one pixel each.

    Returns
    -------
    InstanceTargets
        Of this one view, at the resolution of the maps.
    """
    middle = slice(stride // 2, None, stride)
    dense = _numbered(labels)
    flat = dense.ravel()
    areas = np.bincount(flat)
    rows, cols = np.indices(labels.shape)
    sums = [np.bincount(flat, weights=axis.ravel()) for axis in (cols, rows)]
    centres = np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None] + 0.5
    edge = edges(labels)
    distance = ndimage.distance_transform_edt((dense > 0) & ~edge)
    largest = np.ones(len(areas))
    np.maximum.at(largest, flat, distance.ravel())
    at = dense[middle, middle]
    diameter = np.where(at > 0, np.sqrt(areas[at] * (4 / np.pi)), 1.0)
    ids = labels[middle, middle]
    chosen, points = _pointed_at(ids, rng, stride, most)
    return InstanceTargets(
        torch.from_numpy(labels)[None],
        torch.from_numpy(edge)[None],
        torch.from_numpy(np.ascontiguousarray(ids))[None],
        torch.from_numpy((distance[middle, middle] / largest[at]).astype(np.float32))[None],
        torch.from_numpy(centres[at].astype(np.float32).transpose(2, 0, 1))[None],
        torch.from_numpy(diameter.astype(np.float32))[None],
        torch.from_numpy(chosen),
        torch.from_numpy(points),
        torch.zeros(len(chosen), dtype=torch.int64),
    )


def _numbered(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Return labels numbered from 1 without gaps; 0 stays 0."""
    if int(labels.max()) > labels.size:
        kept, dense = np.unique(labels, return_inverse=True)
        return np.asarray(dense.reshape(labels.shape) + int(kept[0] != 0))
    there = np.zeros(int(labels.max()) + 1, np.intp)
    there[labels] = 1  # much faster than to sort them
    there[0] = 0
    numbers: npt.NDArray[np.intp] = np.cumsum(there)[labels]
    return numbers


def _pointed_at(
    ids: npt.NDArray[np.int32], rng: np.random.Generator, stride: int, most: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Choose some objects, and a pixel of each."""
    chosen = np.unique(ids)
    chosen = rng.permutation(chosen[chosen > 0])[:most]
    points = np.empty((len(chosen), 1, 2), np.float32)
    for i, label in enumerate(chosen):
        rows, cols = np.nonzero(ids == label)
        at = int(rng.integers(len(rows)))
        points[i, 0] = stride * cols[at] + stride // 2, stride * rows[at] + stride // 2
    return chosen, points


def edges(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Return the pixels one of whose eight neighbours has another label."""
    differs: npt.NDArray[np.bool_] = _of_three(np.maximum, labels) != _of_three(np.minimum, labels)
    return differs


def _of_three(choose: np.ufunc, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the largest or smallest value of each pixel and its eight neighbours."""
    for _ in range(2):  # down the columns, then down those of the transpose
        found = values.copy()
        choose(found[1:], values[:-1], out=found[1:])
        choose(found[:-1], values[1:], out=found[:-1])
        values = found.T
    return values


def dense_loss(
    maps: InstanceMaps, targets: InstanceTargets, stride: int = STRIDE
) -> tuple[Tensor, Tensor | None]:
    """Return the loss of the maps of some views.

    Parameters
    ----------
    maps : InstanceMaps
        Of the views.
    targets : InstanceTargets
        What is true of them, on the same device.
    stride : int
        As of the targets.

    Returns
    -------
    loss : Tensor
        Scalar.
    iou : Tensor or None
        Mean IoU of the objects that pixels of theirs point out, scalar; None without objects.
    """
    inside = F.avg_pool2d((targets.labels > 0).float()[:, None], stride)[:, 0]
    loss = F.binary_cross_entropy_with_logits(maps.inside, inside)
    loss = loss + F.binary_cross_entropy_with_logits(
        maps.boundary, F.avg_pool2d(targets.edge.float()[:, None], stride)[:, 0]
    )
    loss = loss + F.smooth_l1_loss(maps.depth, targets.depth, beta=0.1)
    own = targets.ids > 0
    off = ((maps.centres - targets.centres) / targets.diameter[:, None]).abs().sum(1)
    loss = loss + (off * own).sum() / own.sum().clamp(min=1)
    if not len(targets.chosen):
        return loss, None
    extra, iou = _pointed_out(maps.of(targets.views), targets, stride)
    return loss + extra, iou.mean()


def _pointed_out(
    maps: InstanceMaps, targets: InstanceTargets, stride: int
) -> tuple[Tensor, Tensor]:
    """Loss, and IoU (N,), of objects that are found from one pixel of theirs alone."""
    count = len(targets.chosen)
    points = targets.points
    places = Places(count, points, torch.ones(count, 1, device=points.device))
    guess = guesses(maps, places, stride)[:, 0]
    masks = targets.labels[targets.views] == targets.chosen[:, None, None]
    truth = F.avg_pool2d(masks.float()[:, None], stride)[:, 0]
    near = neighbourhood(truth > 0).float()
    entropy = F.binary_cross_entropy(guess.clamp(1e-4, 1 - 1e-4), truth, reduction="none")
    by_area = (entropy * near).sum((1, 2)) / near.sum((1, 2)).clamp(min=1)
    overlap = (guess * truth).sum((1, 2))
    total = guess.square().sum((1, 2)) + truth.square().sum((1, 2))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return (by_area + dice).mean(), soft_iou(guess[:, None].detach() - 0.5, truth)[:, 0]
