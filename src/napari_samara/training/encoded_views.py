"""Views of labelled planes as a model sees them, encoded once where its encoder stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

from napari_samara.engine.tiling import window_around, window_side
from napari_samara.geometry import Frame, resize_plane
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.model.preprocess import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import PixelBox
    from napari_samara.training.data import LabelledImage

PLAIN = Contrast("none")
"""Planes to train on are 8-bit already."""


@dataclass(frozen=True)
class View:
    """Which part of which plane, and how it is turned.

    Attributes
    ----------
    plane : int
        Number of the plane.
    window : tuple of int
        Half-open (row0, col0, row1, col1).
    flipped : bool
        Whether left and right are exchanged, before it is turned.
    turns : int
        Quarter turns.
    """

    plane: int
    window: PixelBox
    flipped: bool
    turns: int

    def of(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Cut this view out of an array of the plane."""
        row0, col0, row1, col1 = self.window
        part = array[row0:row1, col0:col1]
        return np.ascontiguousarray(np.rot90(part[:, ::-1] if self.flipped else part, self.turns))


def choose_views(planes: Sequence[LabelledImage], count: int, seed: int) -> list[View]:
    """Choose views: every plane as a whole first, then windows and turned ones in turn.

    Parameters
    ----------
    planes : sequence of LabelledImage
        To choose from.
    count : int
        How many.
    seed : int
        Decides windows and turns.

    Returns
    -------
    list of View
        No two alike; fewer where there are not so many.
    """
    rng = np.random.default_rng((seed, 1))
    wholes = [(0, 0, *plane.labels.shape) for plane in planes]
    views = dict.fromkeys(View(at, whole, False, 0) for at, whole in enumerate(wholes))
    boxes = [_boxes(plane.labels) for plane in planes]
    for attempt in range(count * 4):
        if len(views) >= count:
            break
        at = attempt % len(planes)
        window = wholes[at] if rng.random() < 0.5 else _window(planes[at], boxes[at], rng)
        views.setdefault(View(at, window, bool(rng.random() < 0.5), int(rng.integers(4))))
    return list(views)[:count]


def pixels_of(
    view: View, plane: LabelledImage, predictor: Predictor
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Return the model input of a view, and its labels at the same resolution.

    Parameters
    ----------
    view : View
        Of the plane.
    plane : LabelledImage
        Pixels and labels.
    predictor : Predictor
        Says how large the input is and how it is normalised.

    Returns
    -------
    pixels : ndarray of float32, shape (3, S, S)
        Normalised and padded.
    labels : ndarray of int32, shape (S, S)
        0 in the padding.
    """
    rgb = to_rgb(view.of(plane.image), PLAIN)
    size = predictor.input_size
    frame = Frame(rgb.shape[0], rgb.shape[1], size)
    rows, cols = frame.resized
    ids = Image.fromarray(view.of(plane.labels).astype(np.int32))
    small = ids.resize((cols, rows), Image.Resampling.NEAREST)
    labels = np.zeros((size, size), dtype=np.int32)
    labels[:rows, :cols] = np.asarray(small)
    return normalise(resize_plane(rgb, frame), predictor.preprocess), labels


def _boxes(labels: npt.NDArray[np.int32]) -> list[PixelBox]:
    found = (place for place in ndimage.find_objects(labels) if place is not None)
    return [(p[0].start, p[1].start, p[0].stop, p[1].stop) for p in found]


def _window(plane: LabelledImage, boxes: Sequence[PixelBox], rng: np.random.Generator) -> PixelBox:
    """Choose a window around one object, at its scale or one or two steps wider."""
    box = boxes[int(rng.integers(len(boxes)))]
    side = window_side(max(box[2] - box[0], box[3] - box[1])) << int(rng.integers(3))
    rows, cols = plane.labels.shape
    return window_around(box, (rows, cols), side)
