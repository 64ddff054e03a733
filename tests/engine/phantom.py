"""Volumes with known objects, and a decoder that knows them but believes every box."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_samara.engine.volume_slices import SliceMask, Slices
from napari_samara.geometry import Frame
from napari_samara.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.engine.volume_decoding import SlicePrompt

SHAPE = (20, 48, 56)


def ellipsoid(
    middle: tuple[float, float, float], radii: tuple[float, float, float], shape: Any = SHAPE
) -> np.ndarray:
    """Voxels of an ellipsoid."""
    grid = np.indices(shape).astype(float)
    away = (grid - np.reshape(middle, (3, 1, 1, 1))) / np.reshape(radii, (3, 1, 1, 1))
    return np.asarray((away**2).sum(0) <= 1)


def branching() -> np.ndarray:
    """One trunk below slice 8 that goes on as two branches apart."""
    voxels = np.zeros(SHAPE, bool)
    for z in range(2, 18):
        apart = 0 if z < 8 else (z - 7) * 1.5
        for side in (-1, 1):
            rows, cols = np.indices(SHAPE[1:])
            voxels[z] |= np.hypot(rows - 24, cols - 28 - side * (3 + apart)) <= 5
    return voxels


class Phantom:
    """A volume of labels, seen as an image with a grey level for each."""

    def __init__(self, labels: np.ndarray, levels: dict[int, int] | None = None) -> None:
        self.labels = labels
        grey = np.zeros(labels.max() + 1)
        grey[1:] = 180
        for label, level in (levels or {}).items():
            grey[label] = level
        noise = np.random.default_rng(0).normal(40, 6, labels.shape)
        self.pixels = (grey[labels] + noise).clip(0, 255).astype(np.uint8)
        self.encoded: list[int] = []
        self.batches: list[int] = []

    def slices(self, axis: int = 0, **options: Any) -> Slices:
        """Along an axis; embeddings know their plane."""

        def embedding_of(plane: Any) -> Any:
            self.encoded.append(plane.index)
            truth = plane.extract(self.labels)
            return SimpleNamespace(truth=truth, features={}, frame=Frame(*truth.shape, 64))

        shape = self.labels.shape
        return Slices(shape, axis, embedding_of, lambda p: p.extract(self.pixels), **options)

    def decode(self, embedding: Any, prompts: Sequence[SlicePrompt]) -> list[Mask]:
        """Whatever fills most of the box; the inside of the box where nothing does."""
        self.batches.append(len(prompts))
        return [self._one(embedding.truth, prompt) for prompt in prompts]

    def _one(self, truth: np.ndarray, prompt: SlicePrompt) -> Mask:
        box = prompt.box
        assert box is not None
        row0, col0, row1, col1 = (round(value) for value in box)
        inside = np.zeros(truth.shape, bool)
        inside[row0:row1, col0:col1] = True
        counts = np.bincount(truth[inside], minlength=2)
        counts[0] = 0
        found = inside & (truth == counts.argmax()) if counts.any() else inside
        logits = np.where(found, 1, -1) * distance_transform_edt(np.ones(found.shape))
        return Mask(found, 0.95 if counts.any() else 0.4, logits.astype(np.float32))

    def given(self, label: int, *indices: int) -> dict[int, SliceMask]:
        """True masks of an object."""
        return {index: SliceMask.of(self.labels[index] == label) for index in indices}


def dice(found: dict[int, SliceMask], truth: np.ndarray) -> float:
    """Dice of an object over the volume."""
    whole = np.zeros(truth.shape, bool)
    for index, mask in found.items():
        whole[index] = mask.data
    return float(2 * (whole & truth).sum() / (whole.sum() + truth.sum()))
