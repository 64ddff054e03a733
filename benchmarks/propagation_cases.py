"""Volumes with known objects that propagation is measured on, and where each is pointed at."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_samara.engine.volume_decoding import SlicePrompt, decode_prompts
from napari_samara.engine.volume_slices import SliceMask, Slices
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.settings import PredictSettings
from napari_samara.volume_contrast import volume_contrast
from napari_samara.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.planes import Plane
    from napari_samara.store.base import EmbeddingStore

DATA = Path(os.environ.get("SAMARA_DATA", "../shared/data"))

GROUPS = {
    "nuclei": ("gonuclear_mini", "stardist_3d", "plantseg_ovule"),
    "organs": ("totalseg_ct", "totalseg_mr", "msd_hippocampus", "sct_spine", "pyradiomics_mri"),
    "em": ("fibsem_medulla",),
    "generated": ("generated_nuclei", "generated_organs"),
}
"""Data sets of each kind of object; `em` is its validation part, z from 200 up."""

_LABELS = {
    "gonuclear_mini": "gonuclear_mini/*_labels.ome.tif",
    "stardist_3d": "stardist_3d/labels.ome.tif",
    "plantseg_ovule": "plantseg_ovule/cell_labels.ome.tif",
    "totalseg_ct": "totalseg_ct/ct_labels.nii.gz",
    "totalseg_mr": "totalseg_mr/mr_labels.nii.gz",
    "msd_hippocampus": "msd_hippocampus/*_labels.nii.gz",
    "sct_spine": "sct_spine/*_labels.nii.gz",
    "pyradiomics_mri": "pyradiomics_mri/b*_labels.nii.gz",
    "fibsem_medulla": "fibsem_medulla/neuron_labels.ome.tif",
    "generated_nuclei": "",
    "generated_organs": "",
}

_CONTRAST = {"totalseg_ct": "ct:soft-tissue"}

# Slices an object spans at least, its voxels, and those of its middle slice.
_SHORTEST, _SMALLEST, _THINNEST = 5, {"fibsem_medulla": 1000}, 12


@dataclass(eq=False)
class Case:
    """A volume with labels, cut along its first axis, and the embeddings of its slices.

    Attributes
    ----------
    name, group : str
        Of the file, and of its data set.
    pixels, labels : ndarray of uint8, ndarray of int32, shape (z, rows, cols)
        As the model sees it, and the truth.
    spacing : tuple of float or None
        Along each axis.
    predictor : Predictor
        The model.
    store : EmbeddingStore
        Keeps the embeddings.
    """

    name: str
    group: str
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32]
    spacing: tuple[float, ...] | None
    predictor: Predictor
    store: EmbeddingStore

    def embedding_of(self, plane: Plane) -> Embedding:
        """Encode a slice unless the store has it."""
        rgb = np.repeat(self.pixels_of(plane)[..., None], 3, -1)
        contrast = Contrast("none")
        found = self.store.get(self.predictor.key(rgb, contrast))
        if found is None:
            found = self.predictor.embed_rgb(rgb, contrast)
            self.store.put(found)
        return found

    def pixels_of(self, plane: Plane) -> NDArray[np.uint8]:
        """Cut out a slice."""
        ((axis, index),) = plane.fixed
        return self.pixels.take(index, axis)

    def slices(self, axis: int = 0) -> Slices:
        """Return what propagation looks at, along an axis."""
        return Slices(
            self.pixels.shape, axis, self.embedding_of, self.pixels_of, spacing=self.spacing
        )

    def decode(self, embedding: Embedding, prompts: Sequence[SlicePrompt]) -> Any:
        """Decode prompts of one slice."""
        return decode_prompts(self.predictor, embedding, prompts, PredictSettings())


@dataclass(frozen=True, eq=False)
class Target:
    """A known object, the slices it spans, and the one it is pointed at in."""

    number: int
    truth: NDArray[np.bool_]
    first: int
    end: int
    seed: int

    def mask(self, index: int) -> SliceMask:
        """Return its true mask in a slice."""
        return SliceMask.of(self.truth[index])


@dataclass(frozen=True)
class Draw:
    """Which objects are looked at: the same ones in every run.

    Attributes
    ----------
    count : int
        Of each data set, at most.
    part : str
        ``"dev"`` or ``"held"`` for one half of all objects, ``"all"`` for both.
    seed : int
        Another one draws others.
    """

    count: int
    part: str = "all"
    seed: int = 0

    def place(self, name: str, number: int = 0) -> int:
        """Return where an object or a volume stands in the order of the draw."""
        return zlib.crc32(f"{self.seed} {name} {number}".encode())

    def takes(self, name: str, number: int) -> bool:
        """Whether an object is in the part that is looked at."""
        half = zlib.crc32(f"half {self.seed} {name} {number}".encode()) % 2
        return self.part == "all" or half == (self.part == "held")


def drawn(
    group: str, draw: Draw, predictor: Predictor, store: EmbeddingStore
) -> Iterator[tuple[Case, list[Target]]]:
    """Yield the volumes of a data set with the objects that are drawn from them."""
    left = draw.count
    for name, read in sorted(_volumes(group), key=lambda one: draw.place(one[0])):
        if left <= 0:
            return
        data, ids, spacing = read()
        contrast = volume_contrast(data, Contrast(_CONTRAST.get(group, "auto")))
        grey = np.stack([to_rgb(plane, contrast)[..., 0] for plane in data])
        case = Case(name, group, grey, ids, spacing, predictor, store)
        found = [one for one in targets_of(case) if draw.takes(name, one.number)]
        found = sorted(found, key=lambda one: draw.place(name, one.number))[:left]
        if found:
            left -= len(found)
            yield case, found


def _volumes(group: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of each volume of a data set, and what reads it."""
    if group.startswith("generated"):
        yield group, lambda: generated(group)
        return
    paths = sorted(DATA.glob(_LABELS[group]))
    if not paths:
        print(f"{DATA / _LABELS[group]} is not there: left out")
    for path in paths:
        stem = path.name.replace("cell_labels", "labels").replace("neuron_labels", "labels")
        image = stem.replace("labels.nii", "image.nii").replace("labels.ome", "raw.ome")
        yield f"{group}/{image}", lambda path=path, image=image: _read(path, image, group)


def _read(labels: Path, image: str, group: str) -> tuple[Any, NDArray[np.int32], Any]:
    volume = read_volume(labels.with_name(image))
    ids = read_volume(labels).data.astype(np.int32)
    if group == "msd_hippocampus":  # its two parts are one object
        ids = (ids > 0).astype(np.int32)
    low = 200 if group == "fibsem_medulla" else 0
    return volume.data[low:], ids[low:], volume.spacing


def targets_of(case: Case) -> list[Target]:
    """Return the objects that span enough slices.

    Each is pointed at in its largest slice of its middle third.
    """
    found = []
    for number in np.unique(case.labels)[1:].tolist():
        truth = case.labels == number
        if truth.sum() < _SMALLEST.get(case.group, 100):
            continue
        first, end = _span(truth)
        third = (end - first) // 3
        middle = slice(first + third, end - third)
        areas = truth.sum((1, 2))
        at = middle.start + int(areas[middle].argmax())
        if case.group == "fibsem_medulla" and areas[at]:
            truth = _touched(truth, at)
            first, end = _span(truth)
        if areas[at] >= _THINNEST and end - first >= _SHORTEST:
            found.append(Target(number, truth, first, end, at))
    return found


def _span(truth: NDArray[np.bool_]) -> tuple[int, int]:
    held = np.flatnonzero(truth.any((1, 2)))
    return int(held[0]), int(held[-1]) + 1


def _touched(truth: NDArray[np.bool_], index: int) -> NDArray[np.bool_]:
    """Return the piece of an object that has most of it in a slice."""
    pieces, _ = ndimage.label(truth)
    here = np.bincount(pieces[index].ravel())
    here[0] = 0
    return np.asarray(pieces == here.argmax())


def generated(kind: str, seed: int = 3) -> tuple[Any, Any, tuple[float, float, float]]:
    """Make bright blurred ellipsoids that touch, or dim organs between others, with labels."""
    rng, nuclei = np.random.default_rng(seed), kind == "generated_nuclei"
    shape, count = ((40, 112, 112), 40) if nuclei else ((36, 128, 128), 14)
    spacing = (2.0, 1.0, 1.0) if nuclei else (3.0, 1.0, 1.0)
    ids = np.zeros(shape, np.int32)
    grid = np.indices(shape).astype(np.float32) * np.reshape(spacing, (3, 1, 1, 1))
    levels = np.zeros(count + 1)
    for number in range(1, count + 1):
        middle = rng.uniform(0.1, 0.9, 3) * np.array(shape) * spacing
        radii = rng.uniform(7, 13, 3) if nuclei else rng.uniform(12, 32, 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        away = np.tensordot(turn, grid - middle[:, None, None, None], 1)
        wave = 1 + 0.15 * np.sin(away[0] / 5 + number) * np.cos(away[1] / 6)
        inside = ((away / radii[:, None, None, None]) ** 2).sum(0) < wave
        ids[inside & (ids == 0)] = number
        levels[number] = rng.uniform(90, 200) if nuclei else rng.uniform(70, 180)
    levels[0] = 30 if nuclei else 110
    image = ndimage.gaussian_filter(levels[ids], (0.7, 1.2, 1.2))
    image += ndimage.gaussian_filter(rng.normal(0, 25, shape), 0.7) + rng.normal(0, 8, shape)
    return image.clip(0, 255).astype(np.uint8), ids, spacing
