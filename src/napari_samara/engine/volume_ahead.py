"""What a 3D network that comes with the package sees of an object in the slices ahead of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file

from napari_samara.engine.volume_fronts import connected
from napari_samara.engine.volume_windows import Square, standardised
from napari_samara.masks import box_of
from napari_samara.model.propagation_net import BEHIND, DEPTH, SIDE, PropagationNet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.volume_fronts import Front

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]
    PixelsOf = Callable[[int], NDArray[np.uint8]]

WEIGHTS = Path(str(files("napari_samara.checkpoints"))) / "data/propagation-net/model.safetensors"
"""Of the network that comes with the package; its card lies beside it."""

_OUTSIDE = -8.0  # logit of what lies outside of its window

# Expected IoU below which an object counts as gone, pixels of it that are too few, and pixels that
# it may have moved by from one slice to the next.
_HARDLY, _LEAST, _NEAR = 0.5, 3, 2


class Seen(NamedTuple):
    """What is seen of an object in one slice.

    Attributes
    ----------
    logits : ndarray of float32, shape (rows, cols)
        Above 0 inside.
    iou : float
        Of the mask that they make, as far as they can be believed: 1 where they are sure of all
        pixels, 0 where no pixel is inside.
    """

    logits: Floats
    iou: float

    def is_gone(self, last: Bools) -> bool:
        """Whether hardly anything is seen of an object near where it was `last`."""
        near = connected(self.logits > 0, last, _NEAR)
        return self.iou < _HARDLY or int(np.count_nonzero(near)) < _LEAST


@dataclass(frozen=True, eq=False)
class Ahead:
    """What is seen of one object in the slices ahead.

    Attributes
    ----------
    square : Square
        Where it was looked for.
    logits : dict of int to Tensor, shape (SIDE, SIDE)
        By index of the slice.
    """

    square: Square
    logits: Mapping[int, torch.Tensor]

    def covers(self, index: int, last: Bools) -> bool:
        """Whether it says where an object is in a slice that was in `last` in the one before."""
        box = box_of(last)
        return index in self.logits and box is not None and self.square.holds(box)

    def at(self, index: int, size: tuple[int, int]) -> Seen:
        """Return what is seen in a slice of so many rows and columns."""
        logits = self.logits[index]
        whole = self.square.pasted(logits, size, _OUTSIDE).clip(_OUTSIDE, -_OUTSIDE)
        return Seen(whole, expected_iou(logits))


def seen_of(front: Front, index: int, pixels_of: PixelsOf, slices: tuple[int, int, int]) -> Seen:
    """Return what is seen of an object in the next slice; look where nobody has yet.

    Parameters
    ----------
    front : Front
        The object on its way; its `ahead` is renewed.
    index : int
        That slice.
    pixels_of : callable
        As for `look_ahead`.
    slices : tuple of int
        Count, rows and columns of the slices.
    """
    count, last = slices[0], index - front.way
    ahead = front.ahead
    if ahead is None or not ahead.covers(index, front.last):
        ahead = look_ahead(pixels_of, front.trail, last, front.way, count)
    front.ahead = ahead
    return ahead.at(index, slices[1:])


@torch.inference_mode()
def look_ahead(
    pixels_of: PixelsOf, masks: Mapping[int, Bools], index: int, way: int, count: int
) -> Ahead:
    """Look for an object in the slices ahead.

    Parameters
    ----------
    pixels_of : callable
        Returns a slice in grey as a model sees it, uint8 (rows, cols).
    masks : mapping of int to ndarray of bool, shape (rows, cols)
        The object where it is known, by index: `index`, where it is not empty, and as many as
        there are of the `BEHIND` slices before it.
    index, way : int
        The last slice that it is known in, and 1 or -1.
    count : int
        Slices of the volume.

    Returns
    -------
    Ahead
        Of thirteen slices, or as many as there are.
    """
    box = box_of(masks[index])
    if box is None:
        raise ValueError(f"there is nothing of the object in slice {index}")
    square = Square.around(box)
    places = index + way * (np.arange(DEPTH) - BEHIND)
    seen = square.pixels(_read(pixels_of, places.clip(0, count - 1).tolist()))
    known = torch.zeros(DEPTH, SIDE, SIDE)
    for at, place in enumerate(places[: BEHIND + 1].tolist()):
        if place in masks:
            known[at] = 2 * (square.inside([masks[place]])[0] > 0.5).float() - 1
    found = propagation_net()(torch.stack([standardised(seen), known])[None])[0]
    ahead = range(BEHIND + 1, DEPTH)
    return Ahead(square, {int(places[at]): found[at] for at in ahead if 0 <= places[at] < count})


def expected_iou(logits: torch.Tensor) -> float:
    """Return the IoU that the mask of some logits would have if their probabilities were right.

    What is expected of the intersection and of the union, one divided by the other.
    """
    likely = logits.sigmoid()
    inside = logits > 0
    union = inside.sum() + likely[~inside].sum()
    return float(likely[inside].sum() / union.clamp(min=1))


def _read(pixels_of: PixelsOf, places: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Read slices; one that cannot be read, or shows nothing, counts as like one beside it.

    Who comes to it is told: the object may end before.
    """
    known, ahead = places[BEHIND], places[BEHIND + 1 :]
    here = pixels_of(known)
    before = _beside(pixels_of, places[:BEHIND][::-1], here)[::-1]
    return [*before, here, *_beside(pixels_of, ahead, here)]


def _beside(
    pixels_of: PixelsOf, places: Sequence[int], last: NDArray[np.uint8]
) -> list[NDArray[np.uint8]]:
    """Read slices from one that can be read onwards."""
    slices = []
    for place in places:
        try:
            grey = pixels_of(place)
        except Exception:  # whatever the reader of a file raises
            grey = last
        last = grey if grey.min() < grey.max() else last
        slices.append(last)
    return slices


@cache
def propagation_net() -> PropagationNet:
    """Return the network that comes with the package, in 32 bits on the CPU.

    One window takes it a few hundredths of a second there.
    """
    state = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    net = PropagationNet()
    net.load_state_dict(state)
    return net.eval()
