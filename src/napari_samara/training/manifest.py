"""Folders of labelled images that a table describes: ``MANIFEST.tsv``."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import TYPE_CHECKING

from napari_samara.errors import FileFormatError
from napari_samara.training.slices import Pair, Reading, planes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_samara.training.data import LabelledImage

    Row = dict[str, str]

MANIFEST = "MANIFEST.tsv"
COLUMNS = frozenset({"part", "dataset", "image", "labels"})

# One of the parts that a row belongs to, perhaps with the planes of its volume that do.
_PART = re.compile(r"(\w+)(?:\s+z\s*(<|>=)\s*(\d+))?")

_NOT_TRUTH = "not manual"


def read_manifest(
    root: Path, part: str, datasets: tuple[str, ...], reading: Reading | None = None
) -> Iterator[LabelledImage]:
    """Yield the labelled planes of a folder with a ``MANIFEST.tsv``.

    Parameters
    ----------
    root : Path
        The folder; its manifest has a row for each image with the columns part, dataset, image
        and labels: two paths inside the folder, the second of several files apart by ``;``.  A
        part may be of some planes only: ``train z<200, val z>=200``.  Two columns may be left out:
        ``modality``, which begins with ``CT`` where intensities are Hounsfield units, and
        ``note``, which says ``not manual`` where the labels are the output of another method.
    part : str
        Which rows to take: ``train``, ``val``, ``test``.
    datasets : tuple of str
        Names of the data sets to take.
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
        The manifest or a file that it names is missing or cannot be read, or no row fits.
    MissingExtraError
        A file is NIfTI and nibabel is not installed.
    """
    reading, seen = reading or Reading(), Counter[str]()
    pairs = [
        pair
        for row in _rows(root / MANIFEST)
        if row["dataset"] in datasets
        for pair in _pairs(root, row, part)
    ]
    if not pairs:
        raise FileFormatError(
            f"{root / MANIFEST} has no row of the part {part!r} for {', '.join(datasets)}"
        )
    for pair in pairs:
        seen[pair.dataset] += 1
        if reading.files is not None and seen[pair.dataset] > reading.files:
            continue
        try:
            yield from planes_of(pair, reading)
        except FileNotFoundError as error:
            raise FileFormatError(
                f"{error}, which {root / MANIFEST} names; is the data folder complete?"
            ) from error


def manifest_datasets(root: Path, part: str) -> list[str]:
    """Return the names of the data sets of a part that can be read, in the order of the manifest.

    Parameters
    ----------
    root : Path
        The folder.
    part : str
        Which rows to take.

    Returns
    -------
    list of str
        Each once; without those of `left_out`.

    Raises
    ------
    FileFormatError
        The manifest cannot be read or has no such row of the part.
    """
    unread = left_out(root, part)
    names = [
        row["dataset"]
        for row in _rows(root / MANIFEST)
        if part in _parts(root, row) and row["dataset"] not in unread
    ]
    if not names:
        raise FileFormatError(f"{root / MANIFEST} has no row of the part {part!r} to read")
    return list(dict.fromkeys(names))


def left_out(root: Path, part: str) -> dict[str, str]:
    """Return why data sets of a part are not read unless they are asked for.

    Parameters
    ----------
    root : Path
        The folder.
    part : str
        Which rows to take.

    Returns
    -------
    dict
        Reasons by data set.

    Raises
    ------
    FileFormatError
        The manifest cannot be read.
    """
    found = {}
    for row in _rows(root / MANIFEST):
        if part not in _parts(root, row):
            continue
        if not row["labels"].strip():
            found[row["dataset"]] = "has no labels"
        elif (root / row["image"]).is_dir():
            found[row["dataset"]] = "is a series of files, which is not read"
    return found


def _rows(path: Path) -> list[Row]:
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


def _parts(root: Path, row: Row) -> dict[str, tuple[int, int | None]]:
    """Parts that a row belongs to, with the planes of a volume that do."""
    found: dict[str, tuple[int, int | None]] = {}
    for text in row["part"].split(","):
        match = _PART.fullmatch(text.strip())
        if match is None:
            raise FileFormatError(
                f"{root / MANIFEST} has the part {row['part']!r} for {row['image']}; write a word "
                "such as val, or some with planes: train z<200, val z>=200"
            )
        name, sign, bound = match.groups()
        at = int(bound or 0)
        found[name] = (0, at) if sign == "<" else (at, None)
    return found


def _pairs(root: Path, row: Row, part: str) -> Iterator[Pair]:
    """Image and label files of a row; none where it is of other parts."""
    planes = _parts(root, row).get(part)
    if planes is None:
        return
    modality, note = row.get("modality") or "", row.get("note") or ""
    for number, labels in enumerate(row["labels"].split(";")):
        yield Pair(
            root / row["image"],
            root / labels.strip(),
            f"{row['image']}#{number}" if number else row["image"],
            row["dataset"],
            modality.split()[0] == "CT" if modality.strip() else None,
            planes,
            _NOT_TRUTH in note,
        )
