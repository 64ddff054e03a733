"""Folders of labelled images that a table describes: ``MANIFEST.tsv``."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from napari_samara.errors import FileFormatError
from napari_samara.images import read_image
from napari_samara.training.data import LabelledImage, as_uint8, read_labels, without_opacity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "MANIFEST.tsv"
COLUMNS = frozenset({"part", "dataset", "image", "labels"})


def read_manifest(root: Path, part: str, datasets: tuple[str, ...]) -> Iterator[LabelledImage]:
    """Yield the 2D images of a folder with a ``MANIFEST.tsv``.

    Parameters
    ----------
    root : Path
        The folder; its manifest has a row for each image with the columns part, dataset, image
        and labels: two paths inside the folder, the second of several files apart by ``;``.
    part : {"train", "val"}
        Which rows to take.
    datasets : tuple of str
        Names of the data sets to take.

    Yields
    ------
    LabelledImage
        An 8-bit image with its labels.

    Raises
    ------
    FileFormatError
        The manifest or a file that it names is missing or cannot be read, or no row fits.
    """
    found = False
    for row in _rows(root / MANIFEST):
        if row["dataset"] in datasets and row["part"] == part:
            found = True
            for number, labels in enumerate(row["labels"].split(";")):
                yield _pair(root, row, labels.strip(), number)
    if not found:
        raise FileFormatError(
            f"{root / MANIFEST} has no row of the part {part!r} for {', '.join(datasets)}"
        )


def manifest_datasets(root: Path, part: str) -> list[str]:
    """Return the names of the data sets that have rows of a part, in the order of the manifest.

    Parameters
    ----------
    root : Path
        The folder.
    part : {"train", "val"}
        Which rows to take.

    Returns
    -------
    list of str
        Each once.

    Raises
    ------
    FileFormatError
        The manifest cannot be read or has no row of the part.
    """
    names = [row["dataset"] for row in _rows(root / MANIFEST) if row["part"] == part]
    if not names:
        raise FileFormatError(f"{root / MANIFEST} has no row of the part {part!r}")
    return list(dict.fromkeys(names))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            rows, names = list(reader), set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(
            f"{path} cannot be read: {error}; a data folder needs this table with the columns "
            f"{', '.join(sorted(COLUMNS))}"
        ) from error
    if COLUMNS - names or any(row[name] is None for row in rows for name in COLUMNS):
        raise FileFormatError(
            f"{path} needs the columns {', '.join(sorted(COLUMNS))}, apart by tabs and filled in "
            f"every row; it has {', '.join(sorted(names)) or 'none'}"
        )
    return rows


def _pair(root: Path, row: dict[str, str], labels: str, number: int) -> LabelledImage:
    name = row["image"] if not number else f"{row['image']}#{number}"
    try:
        image, ids = read_image(root / row["image"]), read_labels(root / labels)
    except FileNotFoundError as error:
        raise FileFormatError(
            f"{error}, which {root / MANIFEST} names; is the data folder complete?"
        ) from error
    return LabelledImage(name, row["dataset"], as_uint8(without_opacity(image)), ids)
