"""Images and label images that lie in folders, matched by their names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from napari_samara.errors import FileFormatError
from napari_samara.images import read_image
from napari_samara.training.data import (
    LabelledImage,
    as_uint8,
    read_labels,
    volume_slices,
    without_opacity,
)
from napari_samara.training.manifest import MANIFEST, manifest_datasets, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

IMAGES, LABELS = "images", ("labels", "masks")
"""Names of the two folders that hold files of the same names."""

SUFFIXES = ("_labels", "_label", "_masks", "_mask", "_seg")
"""What a label image has behind the name of its image where both lie in one folder."""

FORMATS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy")

SLICES = 25
"""Planes taken of a volume along each axis, evenly spaced."""


def read_folder(
    root: Path, part: str = "val", datasets: Sequence[str] | None = None
) -> Iterator[LabelledImage]:
    """Yield the labelled planes of a folder.

    Parameters
    ----------
    root : Path
        With a ``MANIFEST.tsv`` (see `read_manifest`), with the folders ``images`` and ``labels``
        (or ``masks``), or with ``NAME.tif`` beside ``NAME_labels.tif`` (``_masks``, ``_seg``).
    part : str
        Of a folder with a manifest.
    datasets : sequence of str, optional
        Of a folder with a manifest; all 2D ones of the part where left out.

    Yields
    ------
    LabelledImage
        Of a volume some planes across each axis, every connected piece an object of its own.

    Raises
    ------
    FileFormatError
        Nothing is there to read, a file cannot be read, or image and labels differ in shape.
    """
    if (root / MANIFEST).is_file():
        yield from read_manifest(root, part, tuple(datasets or manifest_datasets(root, part)))
        return
    pairs = list(pairs_of(root))
    if not pairs:
        raise FileFormatError(
            f"{root} has no pairs of images and labels: put files of the same names into its "
            f"folders {IMAGES} and {LABELS[0]}, or NAME.tif beside NAME{SUFFIXES[0]}.tif"
        )
    for image, labels in pairs:
        yield from planes_of(image, labels, root.name)


def first_of_each(planes: Iterable[LabelledImage], count: int | None = None) -> list[LabelledImage]:
    """Return the first planes of each data set.

    Parameters
    ----------
    planes : iterable of LabelledImage
        Of any number of data sets.
    count : int, optional
        How many of each; all if left out.

    Returns
    -------
    list of LabelledImage
        In their order.
    """
    seen: Counter[str] = Counter()
    kept = []
    for plane in planes:
        seen[plane.dataset] += 1
        if count is None or seen[plane.dataset] <= count:
            kept.append(plane)
    return kept


def pairs_of(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the image files of a folder with the label files that belong to them.

    Parameters
    ----------
    root : Path
        As for `read_folder`, without a manifest.

    Yields
    ------
    tuple of Path
        Image and labels, in the order of names; images without labels are passed over.
    """
    images = root / IMAGES
    if images.is_dir():
        known = {
            path.stem: path
            for name in reversed(LABELS)
            for path in _files(root / name)  # the first folder wins
        }
        for path in _files(images):
            found = known.get(path.stem) or next(
                (known[path.stem + end] for end in SUFFIXES if path.stem + end in known), None
            )
            if found is not None:
                yield path, found
        return
    files = {path.stem: path for path in _files(root)}
    for stem, path in files.items():
        found = next((files[stem + end] for end in SUFFIXES if stem + end in files), None)
        if found is not None:
            yield path, found


def planes_of(image: Path, labels: Path, dataset: str) -> Iterator[LabelledImage]:
    """Yield the planes of one image with its labels.

    Parameters
    ----------
    image, labels : Path
        (rows, cols), (rows, cols, channels) or (planes, rows, cols), the labels without channels.
    dataset : str
        Name for the planes.

    Yields
    ------
    LabelledImage
        One for a 2D image.

    Raises
    ------
    FileFormatError
        They cannot be read or differ in shape.
    """
    pixels, ids = without_opacity(read_image(image)), read_labels(labels)
    if ids.ndim == 2:
        yield LabelledImage(image.name, dataset, as_uint8(pixels), ids)
        return
    if ids.ndim != 3 or pixels.shape != ids.shape:
        raise FileFormatError(
            f"{image} has the shape {pixels.shape}, {labels} {ids.shape}: they must be equal, of "
            "two axes or three"
        )
    grey = as_uint8(pixels)
    step = max(1, max(ids.shape) // SLICES)
    axes = tuple(axis for axis in range(3) if ids.shape[axis] > 1)
    yield from volume_slices(grey, ids, dataset, step, axes if min(ids.shape) > 8 else axes[:1])


def _files(folder: Path) -> list[Path]:
    """Image files of a folder, by name; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in FORMATS)
