"""Images with instance labels to train on and to judge by."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from scipy import ndimage

from napari_samara.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class LabelledImage:
    """One image and its objects.

    Attributes
    ----------
    name : str
        Where it came from.
    dataset : str
        Name of its data set.
    image : numpy.ndarray
        (rows, cols) or (rows, cols, 3), uint8.
    labels : numpy.ndarray
        (rows, cols) int32, 0 is background.
    """

    name: str
    dataset: str
    image: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.image.shape[:2] != self.labels.shape:
            raise FileFormatError(
                f"{self.name}: image {self.image.shape} and labels {self.labels.shape} differ"
            )


def read_array(path: Path) -> npt.NDArray[np.generic]:
    """Return the pixels of a TIFF, PNG, JPEG or NPY file."""
    if path.suffix.lower() in {".tif", ".tiff"}:
        return np.asarray(tifffile.imread(path))
    if path.suffix.lower() == ".npy":
        array: npt.NDArray[np.generic] = np.load(path, allow_pickle=False)
        return array
    with Image.open(path) as image:
        return np.asarray(image)


def read_manifest(root: Path, part: str, datasets: tuple[str, ...]) -> Iterator[LabelledImage]:
    """Yield the 2D images of a folder with a ``MANIFEST.tsv``.

    Parameters
    ----------
    root : Path
        The folder; its manifest has a row a pair with the columns part, dataset, image, labels.
    part : {"train", "val"}
        Which rows to take.
    datasets : tuple of str
        Names of the data sets to take.

    Yields
    ------
    LabelledImage
        An 8-bit image with its labels.
    """
    with (root / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        if row["dataset"] in datasets and row["part"] == part:
            for number, labels in enumerate(row["labels"].split(";")):
                yield _pair(root, row, labels.strip(), number)


def _pair(root: Path, row: dict[str, str], labels: str, number: int) -> LabelledImage:
    image = read_array(root / row["image"])
    if image.ndim == 3 and image.shape[2] == 4:
        image = image[..., :3]
    name = row["image"] if not number else f"{row['image']}#{number}"
    return LabelledImage(
        name, row["dataset"], as_uint8(image), as_labels(read_array(root / labels))
    )


def as_uint8(image: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return 8-bit pixels; wider types are stretched between their 0.1 and 99.9 percentiles."""
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    values = image.astype(np.float32)
    low, high = np.percentile(values, (0.1, 99.9))
    scaled = (values - low) * (255.0 / max(float(high - low), 1e-6))
    return np.asarray(np.clip(scaled, 0, 255), dtype=np.uint8)


def as_labels(labels: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
    """Return labels as int32 (rows, cols)."""
    return np.ascontiguousarray(labels, dtype=np.int32)


def volume_slices(
    image: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int32],
    name: str,
    step: int = 1,
    axes: tuple[int, ...] = (0, 1, 2),
) -> Iterator[LabelledImage]:
    """Yield every `step`-th slice along each axis, each connected piece of a label an object."""
    for axis in axes:
        for index in range(0, image.shape[axis], step):
            plane = np.ascontiguousarray(np.take(labels, index, axis))
            yield LabelledImage(
                f"{name}[{axis}:{index}]",
                name,
                np.ascontiguousarray(np.take(image, index, axis)),
                split_pieces(plane),
            )


def split_pieces(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return labels in which each connected piece of each label has an id of its own."""
    out = np.zeros_like(labels)
    next_id = 1
    for value, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        pieces, count = ndimage.label(labels[box] == value)
        out[box][pieces > 0] = pieces[pieces > 0] + (next_id - 1)
        next_id += count
    return out
