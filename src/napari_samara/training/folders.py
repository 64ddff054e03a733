"""Images and label images that lie in folders, matched by their names."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from napari_samara.errors import FileFormatError
from napari_samara.formats.nifti import SUFFIXES as NIFTI
from napari_samara.images import suffix_of
from napari_samara.training.manifest import MANIFEST, manifest_datasets, read_manifest
from napari_samara.training.slices import Pair, Reading, planes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_samara.training.data import LabelledImage

IMAGES, LABELS = "images", ("labels", "masks")
"""Names of the two folders that hold files of the same names."""

SUFFIXES = ("_labels", "_label", "_masks", "_mask", "_seg")
"""What a label image has behind the name of its image where both lie in one folder."""

FORMATS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", *NIFTI)

# The longest first: what is left of a.ome.tif is a.
_ENDS = tuple(f".ome{end}" for end in (".tif", ".tiff")) + tuple(sorted(FORMATS, key=len))[::-1]


def read_folder(
    root: Path,
    part: str = "val",
    datasets: Sequence[str] | None = None,
    reading: Reading | None = None,
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
        Of a folder with a manifest; all that can be read of the part where left out.
    reading : Reading, optional
        How many files of each data set, which planes of a volume, and how intensities become
        8 bits.

    Yields
    ------
    LabelledImage
        As `planes_of` makes them.

    Raises
    ------
    FileFormatError
        Nothing is there to read, a file cannot be read, or image and labels differ in shape.
    MissingExtraError
        There is NIfTI and nibabel is not installed.
    """
    reading = reading or Reading()
    if (root / MANIFEST).is_file():
        chosen = tuple(datasets or manifest_datasets(root, part))
        yield from read_manifest(root, part, chosen, reading)
        return
    pairs = list(pairs_of(root))
    if not pairs:
        raise FileFormatError(
            f"{root} has no pairs of images and labels: put files of the same names into its "
            f"folders {IMAGES} and {LABELS[0]}, or NAME.tif beside NAME{SUFFIXES[0]}.tif"
        )
    for image, labels in islice(pairs, reading.files):
        yield from planes_of(Pair(image, labels, image.name, root.name), reading)


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
            _stem(path): path
            for name in reversed(LABELS)
            for path in _files(root / name)  # the first folder wins
        }
        for path in _files(images):
            stem = _stem(path)
            names = [stem + end for end in ("", *SUFFIXES) if stem + end in known]
            found = known[names[0]] if names else None
            if found is not None:
                yield path, found
        return
    files = {_stem(path): path for path in _files(root)}
    for stem, path in files.items():
        found = next((files[stem + end] for end in SUFFIXES if stem + end in files), None)
        if found is not None:
            yield path, found


def _stem(path: Path) -> str:
    """Name of a file without what says its format."""
    end = next(end for end in _ENDS if path.name.lower().endswith(end))
    return path.name[: -len(end)]


def _files(folder: Path) -> list[Path]:
    """Image files of a folder, by name; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if suffix_of(path) in FORMATS)
