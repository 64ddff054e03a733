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
from napari_samara.training.volume_fields import SHAPE
from napari_samara.training.volume_scenes import Scene, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    import numpy.typing as npt

    from napari_samara.masks import PixelBox

    Bools = npt.NDArray[np.bool_]
    Ids = npt.NDArray[np.int32]
    Span = tuple[slice, slice, slice]
    Random = np.random.Generator
    First = Callable[[npt.NDArray[np.uint8], Sequence[PixelBox]], list[Bools]]

# Longer side of an object in the slice that it is known in, in pixels.
_SIDES = 5, 100

# Pixels of an object there, in the volume and in the window; in other slices of the window.
_LEAST, _LEAST_SEEN, _GONE = 12, 6, 20

# Share of examples that begin behind the end of an object, and of those with other outlines.
_PAST, _OTHERWISE = 0.10, 0.25

# Share of examples whose known masks are too large or too small, and by how many pixels about.
_BIASED, _BIAS = 0.4, 1.0

# Share of scenes with first masks by a model, and of their examples that begin with one. They are
# asked for in so many slices, of so many objects each, and taken from this IoU with what is true.
_DECODED, _BEGUN = 0.6, 0.7
_SLICES, _OBJECTS, _FOUND = 2, 14, 0.45

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
    first : callable, optional
        Makes first masks of some scenes, as `FirstMasks` does.
    """

    SCENES, EACH = 10, 56
    """So many scenes at a time are mixed, and so many examples drawn from each."""

    def __init__(
        self,
        volumes: Sequence[Volume],
        batch: int,
        real: float = 0.06,
        seed: int = 0,
        first: First | None = None,
    ) -> None:
        self.volumes, self.batch, self.real, self.seed = volumes, batch, real, seed
        self.first = first
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
            first = self.first if rng.random() < _DECODED else None
            found += examples(rng, one, self.EACH, first)
        return [found[at] for at in rng.permutation(len(found))]


def examples(rng: Random, one: Scene, count: int, first: First | None = None) -> list[Example]:
    """Draw examples from a scene.

    Parameters
    ----------
    rng : Generator
        Decides them.
    one : Scene
        Where from.
    count : int
        At most; objects that are too small or too large give none.
    first : callable, optional
        Makes the first masks of most of them, as `FirstMasks` does; else they follow from what is
        true.
    """
    spans = ndimage.find_objects(one.labels)
    numbers = [n for n, s in enumerate(spans, 1) if s is not None and s[0].stop - s[0].start > 1]
    if not numbers:
        return []
    begun = [] if first is None else _begun(rng, one, dict.fromkeys(numbers), first)
    drawn = []
    for number in rng.choice(numbers, count).tolist():
        if begun and rng.random() < _BEGUN:
            number, index, mask = begun[int(rng.integers(len(begun)))]
            drawn.append(_example(rng, one, number, spans[number - 1], (index, mask)))
        else:
            drawn.append(_example(rng, one, number, spans[number - 1]))
    return [example for example in drawn if example is not None]


def _begun(
    rng: Random, one: Scene, wanted: Container[int], first: First
) -> list[tuple[int, int, Bools]]:
    """Find objects in a few slices by their boxes: ids, slices and masks."""
    begun: list[tuple[int, int, Bools]] = []
    for index in rng.choice(len(one.image), _SLICES, replace=False).tolist():
        plane = one.labels[index]
        boxes = {
            number: (span[0].start, span[1].start, span[0].stop, span[1].stop)
            for number, span in enumerate(ndimage.find_objects(plane), 1)
            if span is not None and number in wanted and (plane[span] == number).sum() >= _LEAST
        }
        asked = rng.permutation([*boxes])[:_OBJECTS].tolist()
        masks = first(one.image[index], [boxes[number] for number in asked]) if asked else []
        for number, mask in zip(asked, masks, strict=True):
            true = plane == number
            if (mask & true).sum() >= _FOUND * (mask | true).sum():
                begun.append((number, index, mask))
    return begun


def _example(
    rng: Random, one: Scene, number: int, span: Span, begun: tuple[int, Bools] | None = None
) -> Example | None:
    """Point at an object in a slice, or take it as it was begun; look along either way."""
    way, past = int(rng.choice((-1, 1))), begun is None and rng.random() < _PAST
    if begun is not None:
        index, mask = begun
    elif past:
        index, mask = _behind_its_end(rng, one.labels, number, span, way)
    else:
        index, mask = _pointed_at(rng, one.labels, number, span)
    box = box_of(mask)
    if box is None or mask.sum() < _LEAST or not 0 <= index < len(one.image):
        return None
    if not _SIDES[0] <= max(box[2] - box[0], box[3] - box[1]) <= _SIDES[1]:
        return None
    square = Square.around(box, float(np.exp(rng.normal(0, 0.12))), tuple(rng.normal(0, 0.05, 2)))
    places = index + way * (np.arange(DEPTH) - BEHIND)
    there = (places >= 0) & (places < len(one.image))
    clipped = places.clip(0, len(one.image) - 1)
    inside = square.inside([one.labels[place] == number for place in clipped])
    if begun is None and not past and rng.random() < _OTHERWISE:
        inside = _drawn_otherwise(rng, inside)
    inside *= torch.from_numpy(there)[:, None, None]
    shown = (square.inside([mask])[0] > 0.5).numpy()
    known = (
        _known(rng, inside, there, shown if past else None)
        if begun is None
        else _told(shown[None], BEHIND)
    )
    if known is None:
        return None
    window = torch.stack([_seen(rng, square.pixels([one.image[at] for at in clipped])), known])
    weight = torch.from_numpy(there.astype(np.float32))
    weight[:BEHIND] *= _BEHIND
    turn, mirrored = int(rng.integers(4)), rng.random() < 0.5
    parts = (torch.rot90(part, turn, (-2, -1)) for part in (window, inside))
    window, inside = (part.flip(-1) if mirrored else part for part in parts)
    return Example(window.half(), inside.half(), weight)


def _pointed_at(rng: Random, labels: Ids, number: int, span: Span) -> tuple[int, Bools]:
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


def _behind_its_end(
    rng: Random, labels: Ids, number: int, span: Span, way: int
) -> tuple[int, Bools]:
    """Choose a slice at the end of an object or behind it, and one of its last masks."""
    end = span[0].stop - 1 if way > 0 else span[0].start
    masks = [np.asarray(labels[at] == number) for at in range(end, end - 3 * way, -way)
             if span[0].start <= at < span[0].stop]  # fmt: skip
    large = (mask for mask in masks if mask.sum() >= _LEAST)
    return end + way * int(rng.integers(0, 3)), next(large, np.zeros_like(masks[0]))


def _drawn_otherwise(rng: Random, inside: Tensor) -> Tensor:
    """Move all outlines of an object in, or out, as far as somebody else might draw them."""
    further, masks = rng.uniform(-2.2, 2.2), (inside > 0.5).numpy()
    moved = [mask.any() & (_depth(mask) > further) for mask in masks]
    return torch.from_numpy(np.stack(moved)).float()


def _seen(rng: Random, pixels: Tensor) -> Tensor:
    """Grey levels as they are shown to the network."""
    if rng.random() < 0.3:
        noise = torch.from_numpy(rng.normal(size=tuple(pixels.shape)).astype(np.float32))
        pixels = pixels + rng.uniform(0, 14) * noise
    return standardised(255 - pixels if rng.random() < 0.1 else pixels)


def _known(rng: Random, inside: Tensor, there: Bools, left: Bools | None) -> Tensor | None:
    """Masks of the known slice, and of those behind it at times, as a decoder makes them.

    Where the object is not there any more, they are what is `left` of it: something has been found
    that is no object.
    """
    amount, first = 1.6 * rng.uniform(0, 1) ** 1.5, 0 if rng.random() < 0.4 else BEHIND
    masks = (inside[: BEHIND + 1] > 0.5).numpy()
    if left is None and masks[BEHIND].sum() < _LEAST_SEEN:
        return None
    if left is not None:
        deep = ndimage.distance_transform_edt(left)
        gone = masks.sum((1, 2)) < _GONE
        rest = [deep > deep.max() * rng.uniform(0, 0.75) for _ in masks]
        masks = np.where(gone[:, None, None], np.stack(rest), masks)
    bias = rng.normal(0, _BIAS) if left is None and rng.random() < _BIASED else 0.0
    moved = _moved(rng, masks, amount, bias)
    if not moved[BEHIND].any():
        if left is not None:
            return None
        moved[BEHIND] = masks[BEHIND]
    return _told(moved[first:], first) * torch.from_numpy(there)[:, None, None]


def _told(masks: Bools, first: int) -> Tensor:
    """Known masks as they are shown to the network, from the `first` slice of the window on."""
    known = torch.zeros(DEPTH, SIDE, SIDE)
    known[first : first + len(masks)] = 2.0 * torch.from_numpy(masks) - 1
    return known


def _moved(rng: Random, masks: Bools, amount: float, bias: float) -> Bools:
    """Move outlines by a smooth field of about `amount` pixels, much the same in all slices.

    A `bias` moves all of them out, or in where it is below 0.
    """
    side = int(rng.integers(3, 9))
    common, moved = rng.normal(size=(side, side)), masks.copy()
    for at, mask in enumerate(masks):
        own = torch.from_numpy(common + 0.4 * rng.normal(size=(side, side)))[None, None]
        field = F.interpolate(own, mask.shape, mode="bicubic", align_corners=False)[0, 0].numpy()
        if mask.any():
            moved[at] = _depth(mask) + bias + amount * (2.2 * field + rng.normal(0, 0.3)) > 0
    return moved


def _depth(mask: Bools) -> npt.NDArray[np.float64]:
    """Return how far inside of a mask each pixel lies; below 0 outside."""
    inner, outer = (ndimage.distance_transform_edt(side) for side in (mask, ~mask))
    return np.asarray(inner - outer)
