"""Windows of volumes with one object, known in the first slices and to be found in the others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.utils.data import Dataset

from napari_samara.engine.volume_windows import Square, standardised
from napari_samara.masks import box_of
from napari_samara.model.propagation_net import BEHIND, DEPTH
from napari_samara.training.known_masks import drawn_otherwise, known, told
from napari_samara.training.volume_scenes import Scene, Volume, scene

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    import numpy.typing as npt

    from napari_samara.training.first_masks import First

    Bools = npt.NDArray[np.bool_]
    Ids = npt.NDArray[np.int32]
    Span = tuple[slice, slice, slice]
    Random = np.random.Generator

# Longer side of an object in the slice that it is known in, in pixels.
_SIDES = 5, 100

# Pixels of an object there.
_LEAST = 12

# Share of examples that begin behind the end of an object, and of those with other outlines.
_PAST, _OTHERWISE = 0.10, 0.25

# Share of scenes with first masks by a model, and of their examples that begin with one. They are
# asked for in so many slices, of so many objects each, and taken from this IoU with what is true.
_DECODED, _BEGUN = 0.6, 0.7
_SLICES, _OBJECTS, _FOUND = 2, 14, 0.45

# Weight of slices behind the known one, which say little of what lies ahead.
_BEHIND = 0.3


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
    begun = [] if first is None else _begun(rng, one, set(numbers), first)
    drawn = []
    for number in rng.choice(numbers, count).tolist():
        if begun and rng.random() < _BEGUN:
            other, index, mask = begun[int(rng.integers(len(begun)))]
            drawn.append(_example(rng, one, other, spans[other - 1], (index, mask)))
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
        inside = drawn_otherwise(rng, inside)
    inside *= torch.from_numpy(there)[:, None, None]
    shown = (square.inside([mask])[0] > 0.5).numpy()
    masks = (
        known(rng, inside, there, shown if past else None)
        if begun is None
        else told(shown[None], BEHIND)
    )
    if masks is None:
        return None
    window = torch.stack([_seen(rng, square.pixels([one.image[at] for at in clipped])), masks])
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


def _seen(rng: Random, pixels: Tensor) -> Tensor:
    """Grey levels as they are shown to the network."""
    if rng.random() < 0.3:
        noise = torch.from_numpy(rng.normal(size=tuple(pixels.shape)).astype(np.float32))
        pixels = pixels + rng.uniform(0, 14) * noise
    return standardised(255 - pixels if rng.random() < 0.1 else pixels)
