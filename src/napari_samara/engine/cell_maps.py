"""What a U-Net that comes with the package says of the cells in an image, whatever decodes them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import ndimage

from napari_samara.engine.dense_maps import INSIDE, DenseMaps, dense_parts
from napari_samara.geometry import Frame, resize_plane
from napari_samara.model.cell_net import CellNet
from napari_samara.model.preprocess import PreprocessConfig, normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = Path(str(files("napari_samara.checkpoints"))) / "data" / "cell-net" / "model.safetensors"
"""Of the network that comes with the package; its card lies beside it."""

_STEEP, _LEAST, _OUTSIDE = 10.0, 0.5, -5.0
"""Logits of masks that are cut out: for a probability, at least, and outside."""

INPUT_SIZE = 512
"""Side of its input in pixels: objects have the size there that they have for samara-tiny."""


@torch.inference_mode()
def cell_maps(rgb: NDArray[np.uint8], device: torch.device) -> DenseMaps:
    """Return what the network that comes with the package says of an image.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (rows, cols, 3)
        The image, or a window of it.
    device : torch.device
        Where to compute.

    Returns
    -------
    DenseMaps
        With a position for two pixels of an input of 512 x 512.
    """
    frame = Frame(rgb.shape[0], rgb.shape[1], INPUT_SIZE)
    wanted = PreprocessConfig(INPUT_SIZE, INPUT_SIZE, per_image=True)
    pixels = torch.from_numpy(normalise(resize_plane(rgb, frame), wanted))[None]
    return DenseMaps.of(cell_net(device)(pixels.to(device)), CellNet.STRIDE, frame)


class CutMask(NamedTuple):
    """An object that maps show, without a decoder.

    Attributes
    ----------
    logits : ndarray of float32, shape (S, S)
        With a position for each of the maps and of the padding beside them: the surer that a pixel
        lies inside the higher.
    point : tuple of float
        (row, col) in the image, well inside.
    """

    logits: NDArray[np.float32]
    point: tuple[float, float]


def cut_masks(maps: DenseMaps) -> list[CutMask]:
    """Cut the objects out that maps show.

    Parameters
    ----------
    maps : DenseMaps
        Of an image, by `cell_maps`.

    Returns
    -------
    list of CutMask
        One of each of the `dense_parts`, without holes.
    """
    side = round(INPUT_SIZE / maps.stride)
    masks = []
    for part in dense_parts(maps):
        logits = np.full((side, side), _OUTSIDE, np.float32)
        sure = np.maximum(_STEEP * (maps.inside[part.window] - INSIDE), _LEAST)
        logits[part.window] = np.where(ndimage.binary_fill_holes(part.own), sure, _OUTSIDE)
        (point,) = maps.to_image(np.array([part.deepest(maps)], np.float64)).tolist()
        masks.append(CutMask(logits, (point[0], point[1])))
    return masks


@cache
def cell_net(device: torch.device) -> CellNet:
    """Return the network that comes with the package, in 32 bits.

    Parameters
    ----------
    device : torch.device
        Where its weights are to be.
    """
    state = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    net = CellNet()
    net.load_state_dict(state)
    return net.to(device).eval()
