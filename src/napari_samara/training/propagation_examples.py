"""Windows of volumes with one object, known in the first slices and to be found in the others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from skimage.measure import label as connected_pieces
from torch import Tensor
from torch.utils.data import Dataset

from napari_samara.engine.volume_windows import Square, standardised
from napari_samara.masks import box_of
from napari_samara.model.propagation_net import BEHIND, DEPTH, SIDE
from napari_samara.training.volume_scenes import SHAPE, Scene, scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]
    Random = np.random.Generator

# Longer side of an object in the slice that it is known in, in pixels.
_SIDES = 5, 100

# Pixels of an object there, in the volume and in the window.
_LEAST, _LEAST_SEEN = 12, 6

# Weight of slices behind the known one, which say little of what lies ahead.
_BEHIND = 0.3


class Volume(NamedTuple):
    """A real volume that scenes are cut from.

    Attributes
    ----------
    image : ndarray of uint8, shape (slices, rows, cols)
        In grey, its voxels as long as they are wide.
    labels : ndarray of int32, shape (slices, rows, cols)
        Ids of the objects; 0 outside.
    """

    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]

    def scene(self, rng: Random) -> Scene:
        """Cut out a scene, along any axis in half of all cases, and with slices left out."""
        wanted = np.minimum((SHAPE[0] + 4, SHAPE[1] + 32, SHAPE[2] + 32), self.image.shape)
        low = [
            int(rng.integers(0, n - k + 1)) for n, k in zip(self.image.shape, wanted, strict=True)
        ]
        window = tuple(slice(a, a + int(k)) for a, k in zip(low, wanted, strict=True))
        order = rng.permutation(3) if rng.random() < 0.5 else np.arange(3)
        step = int(rng.integers(2, 4)) if rng.random() < 0.5 else 1
        image = self.image[window].transpose(order)[::step].copy()
        ids = self.labels[window].transpose(order)[::step]
        pieces = connected_pieces(ids, connectivity=1, background=0)
        return Scene(image, pieces.astype(np.int32), float(step))


class Example(NamedTuple):
    """What the network is shown, and what is true.

    Attributes
    ----------
    window : Tensor of float16, shape (2, DEPTH, SIDE, SIDE)
        As `PropagationNet` takes it.
    inside : Tensor of float16, shape (DEPTH, SIDE, SIDE)
        Share of each pixel that lies in the object.
    weight : Tensor of float32, shape (DEPTH,)
        Of the slices; 0 beyond the volume.
    """

    window: Tensor
    inside: Tensor
    weight: Tensor


class PropagationExamples(Dataset[Example]):
    """Batches of a run, by number.

    Parameters
    ----------
    volumes : sequence of Volume
        Real ones.
    batch : int
        Examples of a step.
    real : float
        Share of the scenes that are cut from them.
    seed : int
        Decides everything.
    """

    SCENES, EACH = 10, 56
    """So many scenes at a time are mixed, and so many examples drawn from each."""

    def __init__(
        self, volumes: Sequence[Volume], batch: int, real: float = 0.06, seed: int = 0
    ) -> None:
        self.volumes, self.batch, self.real, self.seed = volumes, batch, real, seed
        self._mixed = lru_cache(maxsize=1)(self._mix)

    def __getitem__(self, step: int) -> Example:
        """Return the examples of a step, each part with an axis for them."""
        group, at = divmod(step, self.SCENES * self.EACH // self.batch)
        mixed = self._mixed(group)
        chosen = [mixed[(at * self.batch + n) % len(mixed)] for n in range(self.batch)]
        return Example(*(torch.stack(part) for part in zip(*chosen, strict=True)))

    def _mix(self, group: int) -> list[Example]:
        rng, found = np.random.default_rng((self.seed, group)), list[Example]()
        while len(found) < self.SCENES * self.EACH:
            real = bool(self.volumes) and rng.random() < self.real
            one = (
                self.volumes[int(rng.integers(len(self.volumes)))].scene(rng)
                if real
                else scene(rng)
            )
            found += examples(rng, one, self.EACH)
        return [found[at] for at in rng.permutation(len(found))]


def examples(rng: Random, one: Scene, count: int) -> list[Example]:
    """Draw examples from a scene.

    Parameters
    ----------
    rng : Generator
        Decides them.
    one : Scene
        Where from.
    count : int
        At most; objects that are too small or too large give none.
    """
    spans = ndimage.find_objects(one.labels)
    numbers = [n for n, s in enumerate(spans, 1) if s is not None and s[0].stop - s[0].start > 1]
    if not numbers:
        return []
    drawn = (_example(rng, one, int(n), spans[n - 1]) for n in rng.choice(numbers, count))
    return [example for example in drawn if example is not None]


def _example(
    rng: Random, one: Scene, number: int, span: tuple[slice, slice, slice]
) -> Example | None:
    """Point at an object in a slice, and look along either way from there."""
    index, mask = _pointed_at(rng, one.labels, number, span)
    box = box_of(mask)
    if box is None or not _SIDES[0] <= max(box[2] - box[0], box[3] - box[1]) <= _SIDES[1]:
        return None
    square = Square.around(box, float(np.exp(rng.normal(0, 0.12))), tuple(rng.normal(0, 0.05, 2)))
    places = index + rng.choice((-1, 1)) * (np.arange(DEPTH) - BEHIND)
    there = (places >= 0) & (places < len(one.image))
    clipped = places.clip(0, len(one.image) - 1)
    inside = square.inside([one.labels[place] == number for place in clipped])
    inside *= torch.from_numpy(there)[:, None, None]
    if np.count_nonzero(inside[BEHIND] > 0.5) < _LEAST_SEEN or mask.sum() < _LEAST:
        return None
    seen = square.pixels([one.image[place] for place in clipped])
    if rng.random() < 0.3:
        noise = torch.from_numpy(rng.normal(size=tuple(seen.shape)).astype(np.float32))
        seen = seen + rng.uniform(0, 14) * noise
    if rng.random() < 0.1:
        seen = 255 - seen
    window = torch.stack([standardised(seen), _known(rng, inside, there)])
    weight = torch.from_numpy(there.astype(np.float32))
    weight[:BEHIND] *= _BEHIND
    turn, mirrored = int(rng.integers(4)), rng.random() < 0.5
    parts = (torch.rot90(part, turn, (-2, -1)) for part in (window, inside))
    window, inside = (part.flip(-1) if mirrored else part for part in parts)
    return Example(window.half(), inside.half(), weight)


def _pointed_at(
    rng: Random, labels: npt.NDArray[np.int32], number: int, span: tuple[slice, slice, slice]
) -> tuple[int, Bools]:
    """Choose a slice, mostly the largest of the middle third, and the object or a piece in it."""
    areas = (labels[span] == number).sum((1, 2))
    third, count = len(areas) // 3, len(areas)
    at = third + int(areas[third : count - third].argmax())
    if rng.random() > 0.65:
        at = int(rng.integers(count))
    index = span[0].start + at
    mask = np.asarray(labels[index] == number)
    pieces, parts = ndimage.label(mask, np.ones((3, 3)))
    if parts > 1 and rng.random() < 0.8:
        mask = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    return index, mask


def _known(rng: Random, inside: Tensor, there: Bools) -> Tensor:
    """Masks of the known slice, and of those behind it at times, as a decoder makes them."""
    known, amount = torch.zeros(DEPTH, SIDE, SIDE), rng.uniform(0, 1.6)
    first = 0 if rng.random() < 0.4 else BEHIND
    true = (inside[first : BEHIND + 1] > 0.5).numpy()
    moved = torch.from_numpy(_moved(rng, true, amount))
    if not moved[-1].any():
        moved[-1] = torch.from_numpy(true[-1])
    known[first : BEHIND + 1] = 2.0 * moved - 1
    return known * torch.from_numpy(there)[:, None, None]


def _moved(rng: Random, masks: Bools, amount: float) -> Bools:
    """Move outlines by a smooth field of about `amount` pixels, much the same in all slices."""
    side = int(rng.integers(3, 9))
    common, moved = rng.normal(size=(side, side)), masks.copy()
    for at, mask in enumerate(masks):
        own = torch.from_numpy(common + 0.4 * rng.normal(size=(side, side)))[None, None]
        field = F.interpolate(own, mask.shape, mode="bicubic", align_corners=False)[0, 0].numpy()
        depth = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
        if mask.any():
            moved[at] = depth + amount * (2.2 * field + rng.normal(0, 0.3)) > 0
    return moved
