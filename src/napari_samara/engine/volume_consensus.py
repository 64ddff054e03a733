"""Objects looked for again across all axes of their volume, and the answers fused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_samara.engine.consistency import joined
from napari_samara.engine.upsample import whole
from napari_samara.engine.volume_prompts import next_prompt, pieces_of
from napari_samara.engine.volume_slices import FUSED, GIVEN, SliceMask, overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.volume import Decode
    from napari_samara.engine.volume_settings import PropagateSettings
    from napari_samara.engine.volume_slices import Slices

    Bools = NDArray[np.bool_]
    Objects = Mapping[int, Mapping[int, SliceMask]]

# Voxels around an object in which its answers are kept.
_PAD = 2

# Logits beyond which a single axis is not surer.
_SUREST = 6.0

# IoU between an axis and the slice there was, from which down there is some doubt and full doubt.
_SOME, _FULL = 0.8, 0.3


@dataclass(eq=False)
class _Votes:
    """Answers for one object in a box of the volume, axis by axis."""

    corner: NDArray[np.int_]
    mask: Bools
    logits: list[NDArray[np.float32]]


def fused(
    views: Sequence[Slices],
    objects: Objects,
    decode: Decode,
    settings: PropagateSettings,
    cancelled: Callable[[], bool] | None = None,
) -> dict[int, dict[int, SliceMask]] | None:
    """Decode objects along several axes and fuse the logits.

    In every slice across every axis, an object is prompted with what there is of it there.  The
    logits are averaged voxel by voxel; given slices stay as they are.

    Parameters
    ----------
    views : sequence of Slices
        Of one volume along two axes or three; the first is that of the objects.
    objects : mapping of int to mapping of int to SliceMask
        By object id and index.
    decode : callable
        As for `Propagation`.
    settings : PropagateSettings
        Which kinds of prompts.
    cancelled : callable, optional
        Asked before each slice.

    Returns
    -------
    dict of int to dict of int to SliceMask, or None
        With the doubt that comes of axes that disagree; None where it was cancelled.
    """
    axes = _axes(views[0])
    votes = {n: _box_of(masks, views[0], axes) for n, masks in objects.items() if masks}
    for view in views:
        at = axes.index(view.axis)
        for vote in votes.values():
            vote.logits.append(np.full(vote.mask.shape, -_SUREST, np.float32))
        for index in sorted({i for vote in votes.values() for i in _held(vote, at)}):
            if cancelled is not None and cancelled():
                return None
            _vote(view, at, index, list(votes.values()), decode, settings)
    return {
        number: _agreed(votes[number], axes.index(views[0].axis), masks) if masks else {}
        for number, masks in objects.items()
    }


def _axes(view: Slices) -> list[int]:
    return [axis for axis in range(len(view.shape)) if axis not in view.rest]


def _box_of(masks: Mapping[int, SliceMask], view: Slices, axes: list[int]) -> _Votes:
    """Put the slices of an object into a box of its own."""
    at, shape = axes.index(view.axis), np.array([view.shape[axis] for axis in axes])
    boxes = np.array([mask.box for mask in masks.values()])
    low = np.insert(boxes[:, :2].min(0), at, min(masks))
    high = np.insert(boxes[:, 2:].max(0), at, max(masks) + 1)
    low, high = np.maximum(low - _PAD, 0), np.minimum(high + _PAD, shape)
    inside = np.zeros(high - low, dtype=np.bool_)
    rows, cols = np.delete(low, at), np.delete(high, at)
    for index, mask in masks.items():
        part = mask.data[rows[0] : cols[0], rows[1] : cols[1]]
        inside[_at(at, index - low[at])] = part
    return _Votes(low, inside, [])


def _at(axis: int, index: int) -> tuple[slice | int, ...]:
    return (*[slice(None)] * axis, int(index))


def _held(vote: _Votes, at: int) -> list[int]:
    """Slices across an axis that an object is in."""
    others = tuple(axis for axis in range(3) if axis != at)
    return [int(index + vote.corner[at]) for index in np.flatnonzero(vote.mask.any(others))]


def _vote(
    view: Slices,
    at: int,
    index: int,
    votes: Sequence[_Votes],
    decode: Decode,
    settings: PropagateSettings,
) -> None:
    """Have all objects of one slice decoded, and keep their logits."""
    plane = view.plane(index)
    embedding = view.embedding_of(plane)
    prompts, owners = [], []
    for vote in votes:
        for piece in _sections(vote, at, index, view.size):
            prompts.append(next_prompt(piece, None, None, 0.0, settings))
            owners.append(vote)
    for vote, mask in zip(owners, decode(embedding, prompts), strict=True):
        if mask.logits is None:
            values = np.where(mask.data, _SUREST, -_SUREST).astype(np.float32)
        else:
            tensor = torch.from_numpy(np.array(mask.logits))[None]
            values = whole(tensor, embedding.frame)[0].numpy().clip(-_SUREST, _SUREST)
        row, col = np.delete(vote.corner, at)
        rows, cols = np.delete(vote.mask.shape, at)
        target = vote.logits[-1][_at(at, index - vote.corner[at])]
        np.maximum(target, values[row : row + rows, col : col + cols], out=target)


def _sections(vote: _Votes, at: int, index: int, size: tuple[int, int]) -> Iterator[Bools]:
    """Yield the pieces of an object in a slice, each in the whole of it."""
    local = index - vote.corner[at]
    if not 0 <= local < vote.mask.shape[at] or not vote.mask[_at(at, local)].any():
        return
    data = np.zeros(size, dtype=np.bool_)
    row, col = np.delete(vote.corner, at)
    section = vote.mask[_at(at, local)]
    data[row : row + section.shape[0], col : col + section.shape[1]] = section
    yield from pieces_of(data)


def _agreed(vote: _Votes, at: int, masks: Mapping[int, SliceMask]) -> dict[int, SliceMask]:
    """Fuse the votes for one object."""
    mean = np.mean(vote.logits, axis=0)
    row, col = np.delete(vote.corner, at)
    found: dict[int, SliceMask] = {}
    for index, old in masks.items():
        if old.origin == GIVEN:
            found[index] = old
            continue
        local = _at(at, index - vote.corner[at])
        before, section = vote.mask[local], mean[local] > 0
        data = np.zeros(old.size, dtype=np.bool_)
        data[row : row + section.shape[0], col : col + section.shape[1]] = section
        worst = min(overlap(one[local] > 0, before) for one in vote.logits[1:] or vote.logits)
        share = float(np.clip((_SOME - worst) / (_SOME - _FULL), 0, 1))
        doubt, reason = joined([(old.doubt, old.reason), (share, "the axes disagree")])
        made = SliceMask.of(data, old.score, FUSED)
        if made.area:
            found[index] = replace(made, doubt=doubt, reason=reason)
    return found
