"""What every pixel of a view should know before any prompt, and the loss of not knowing it."""

from __future__ import annotations

from dataclasses import dataclass
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
"""View pixels a side for one position of the maps."""

MOST_OBJECTS = 16
"""Objects of a view that are found from one pixel each."""


@dataclass(frozen=True, eq=False)
class InstanceTargets:
    """What is true of a view; s is a quarter of its side.

    Attributes
    ----------
    labels : Tensor
        (side, side) int32.
    edge : Tensor
        (side, side) bool, see `edges`.
    ids : numpy.ndarray
        (s, s) int32, label in the middle of each position.
    depth : numpy.ndarray
        (s, s) float32, distance from the edge as part of the largest in the object.
    centres : numpy.ndarray
        (s, s, 2) float32, centre of mass of the object, x then y, in view pixels.
    diameter : numpy.ndarray
        (s, s) float32, of a disk of the object's area; 1 outside.
    chosen : numpy.ndarray
        (N,) int32, labels of objects that are looked for from one pixel each.
    points : numpy.ndarray
        (N, 1, 2) float32, those pixels, x then y, in view pixels.
    """

    labels: Tensor
    edge: Tensor
    ids: npt.NDArray[np.int32]
    depth: npt.NDArray[np.float32]
    centres: npt.NDArray[np.float32]
    diameter: npt.NDArray[np.float32]
    chosen: npt.NDArray[np.int32]
    points: npt.NDArray[np.float32]


def instance_targets(labels: npt.NDArray[np.int32], rng: np.random.Generator) -> InstanceTargets:
    """Work out what is true of a view.

    Parameters
    ----------
    labels : numpy.ndarray
        (side, side) int32, its side a multiple of `STRIDE`.
    rng : numpy.random.Generator
        Decides from which pixels objects are looked for.

    Returns
    -------
    InstanceTargets
        At the resolution of the maps.
    """
    middle = slice(STRIDE // 2, None, STRIDE)
    kept, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + int(kept[0] != 0)  # 0 stays the background
    areas = np.bincount(dense.ravel())
    rows, cols = np.indices(labels.shape)
    sums = [np.bincount(dense.ravel(), weights=axis.ravel()) for axis in (cols, rows)]
    centres = np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None] + 0.5
    edge = edges(labels)
    distance = ndimage.distance_transform_edt((dense > 0) & ~edge)
    largest = np.maximum(ndimage.maximum(distance, dense, np.arange(len(areas))), 1.0)
    at = dense[middle, middle]
    diameter = np.where(at > 0, np.sqrt(areas[at] * (4 / np.pi)), 1.0)
    ids = labels[middle, middle]
    return InstanceTargets(
        torch.from_numpy(labels),
        torch.from_numpy(edge),
        ids,
        (distance[middle, middle] / largest[at]).astype(np.float32),
        centres[at].astype(np.float32),
        diameter.astype(np.float32),
        *_pointed_at(ids, rng),
    )


def _pointed_at(
    ids: npt.NDArray[np.int32], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Choose some objects, and a pixel of each."""
    chosen = np.unique(ids)
    chosen = rng.permutation(chosen[chosen > 0])[:MOST_OBJECTS]
    points = np.empty((len(chosen), 1, 2), np.float32)
    for i, label in enumerate(chosen):
        rows, cols = np.nonzero(ids == label)
        at = int(rng.integers(len(rows)))
        points[i, 0] = STRIDE * cols[at] + STRIDE // 2, STRIDE * rows[at] + STRIDE // 2
    return chosen, points


def edges(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Return the pixels one of whose eight neighbours has another label."""
    differs: npt.NDArray[np.bool_] = ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(
        labels, 3
    )
    return differs


def dense_loss(
    maps: InstanceMaps, targets: Sequence[InstanceTargets]
) -> tuple[Tensor, float | None]:
    """Return the loss of the maps of some views.

    Parameters
    ----------
    maps : InstanceMaps
        Of the views.
    targets : sequence of InstanceTargets
        What is true of each.

    Returns
    -------
    loss : Tensor
        Scalar.
    iou : float or None
        Mean IoU of the objects that pixels of theirs point out; None without objects.
    """
    device = maps.inside.device

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(one, name) for one in targets])).to(device)

    labels = torch.stack([one.labels for one in targets]).to(device)
    edge = torch.stack([one.edge for one in targets]).to(device)
    inside = F.avg_pool2d((labels > 0).float()[:, None], STRIDE)[:, 0]
    loss = F.binary_cross_entropy_with_logits(maps.inside, inside)
    loss = loss + F.binary_cross_entropy_with_logits(
        maps.boundary, F.avg_pool2d(edge.float()[:, None], STRIDE)[:, 0]
    )
    loss = loss + F.smooth_l1_loss(maps.depth, stacked("depth"), beta=0.1)
    centres, own = stacked("centres").permute(0, 3, 1, 2), stacked("ids") > 0
    off = ((maps.centres - centres) / stacked("diameter")[:, None]).abs().sum(1)
    loss = loss + (off * own).sum() / own.sum().clamp(min=1)
    ious = []
    for i, target in enumerate(targets):
        if len(target.chosen):
            one = InstanceMaps(*(m[i : i + 1] for m in maps))
            extra, iou = _pointed_out(one, labels[i], target)
            loss = loss + extra / len(targets)
            ious.append(iou)
    return loss, float(torch.cat(ious).mean()) if ious else None


def _pointed_out(
    maps: InstanceMaps, labels: Tensor, target: InstanceTargets
) -> tuple[Tensor, Tensor]:
    """Loss, and IoU (N,), of objects that are found from one pixel of theirs alone."""
    device, count = labels.device, len(target.chosen)
    points = torch.from_numpy(target.points).to(device)
    places = Places(count, points, torch.ones(count, 1, device=device))
    guess = guesses(maps, places, STRIDE)[:, 0]
    masks = labels == torch.from_numpy(target.chosen).to(device)[:, None, None]
    truth = F.avg_pool2d(masks.float()[:, None], STRIDE)[:, 0]
    near = neighbourhood(truth > 0).float()
    entropy = F.binary_cross_entropy(guess.clamp(1e-4, 1 - 1e-4), truth, reduction="none")
    by_area = (entropy * near).sum((1, 2)) / near.sum((1, 2)).clamp(min=1)
    overlap = (guess * truth).sum((1, 2))
    total = guess.square().sum((1, 2)) + truth.square().sum((1, 2))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return (by_area + dice).mean(), soft_iou(guess[:, None].detach() - 0.5, truth)[:, 0]
