"""What a 3D network that comes with the package sees of an object in the slices ahead of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file

from napari_samara.engine.volume_windows import Square, standardised
from napari_samara.masks import box_of
from napari_samara.model.propagation_net import BEHIND, DEPTH, SIDE, PropagationNet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float32]
    PixelsOf = Callable[[int], NDArray[np.uint8]]

WEIGHTS = Path(str(files("napari_samara.checkpoints"))) / "data/propagation-net/model.safetensors"
"""Of the network that comes with the package; its card lies beside it."""

_FAR, _OUTSIDE = 10, -8.0  # slices ahead that it is believed in; logit outside of its window


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

    def at(self, index: int, size: tuple[int, int]) -> Floats:
        """Return the logits of a slice (rows, cols)."""
        return self.square.pasted(self.logits[index], size, _OUTSIDE).clip(_OUTSIDE, -_OUTSIDE)


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
        Of ten slices, or as many as there are.
    """
    box = box_of(masks[index])
    if box is None:
        raise ValueError(f"there is nothing of the object in slice {index}")
    square = Square.around(box)
    places = index + way * (np.arange(DEPTH) - BEHIND)
    seen = square.pixels([pixels_of(place) for place in places.clip(0, count - 1).tolist()])
    known = torch.zeros(DEPTH, SIDE, SIDE)
    for at, place in enumerate(places[: BEHIND + 1].tolist()):
        if place in masks:
            known[at] = 2 * (square.inside([masks[place]])[0] > 0.5).float() - 1
    found = propagation_net()(torch.stack([standardised(seen), known])[None])[0]
    ahead = range(BEHIND + 1, BEHIND + 1 + _FAR)
    return Ahead(square, {int(places[at]): found[at] for at in ahead if 0 <= places[at] < count})


@cache
def propagation_net() -> PropagationNet:
    """Return the network that comes with the package, in 32 bits on the CPU.

    One window takes it a few hundredths of a second there.
    """
    state = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    net = PropagationNet()
    net.load_state_dict(state)
    return net.eval()
