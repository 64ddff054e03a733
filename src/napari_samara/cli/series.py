"""A folder of images in, a folder of label images out; what is finished is not made again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from napari_samara.cli.report import say
from napari_samara.errors import FileFormatError, OutputError, SamaraError
from napari_samara.images import READABLE, suffix_of
from napari_samara.labels import write_labels
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_samara.engine.automatic_masks import AutomaticMasks

RECORD = "samara-auto.json"
"""File in the folder of the labels that says with what they were made."""


class Series:
    """The images of a folder, and where their labels go.

    Parameters
    ----------
    folder : Path
        Of the images; those in folders inside it are not taken.
    out : Path
        Of the labels, made if it is missing.

    Raises
    ------
    FileFormatError
        If there is no image in the folder.
    OutputError
        If labels of two images would have the same name, or both folders are the same.
    """

    def __init__(self, folder: Path, out: Path) -> None:
        self.out = out
        self.images = sorted(
            path for path in folder.iterdir() if path.is_file() and suffix_of(path) in READABLE
        )
        if not self.images:
            raise FileFormatError(f"{folder} has no image file ({', '.join(READABLE)})")
        if out.exists() and (not out.is_dir() or out.samefile(folder)):
            raise OutputError(f"labels of a folder go into another folder; {out} is not one")
        targets: dict[Path, Path] = {}
        for path in self.images:
            other = targets.setdefault(self.target(path), path)
            if other != path:
                raise OutputError(
                    f"labels of {other.name} and {path.name} would have the same name; rename one"
                )

    def target(self, image: Path) -> Path:
        """Return where the labels of an image go.

        Parameters
        ----------
        image : Path
            One of `images`.
        """
        return self.out / f"{image.name[: -len(suffix_of(image))]}.tif"

    def run(
        self, search: Callable[[Path], AutomaticMasks], made_with: dict[str, Any], redo: bool
    ) -> list[dict[str, Any]]:
        """Search all images that have no labels yet; labels appear one by one, each whole.

        Parameters
        ----------
        search : callable
            From the path of an image to what is found in it.
        made_with : dict
            Checkpoint and settings, fit for JSON.
        redo : bool
            Whether to make labels again that are there.

        Returns
        -------
        list of dict
            What became of each image.

        Raises
        ------
        OutputError
            If labels that are there were made with something else, or nothing can be written.
        """
        self._check(made_with, redo)
        entries = []
        for number, image in enumerate(self.images, start=1):
            target, start = self.target(image), time.perf_counter()
            entry: dict[str, Any] = {"image": str(image), "out": str(target), "error": None}
            entry["skipped"] = target.exists() and not redo
            entries.append(entry)
            if entry["skipped"]:
                continue
            say(f"image {number}/{len(self.images)}: {image.name}")
            try:
                found = search(image)
            except (SamaraError, OSError) as error:  # the others are searched all the same
                entry["error"] = " ".join(str(error).split())
                say(f"warning: {image.name}: {entry['error']}")
                continue
            write_labels(target, found.labels())
            entry["objects"] = len(found.candidates)
            entry["seconds"] = time.perf_counter() - start
        return entries

    def _check(self, made_with: dict[str, Any], redo: bool) -> None:
        """Write down what labels are made with, unless those there are made with something else."""
        record = self.out / RECORD
        there = [self.target(image) for image in self.images if self.target(image).exists()]
        before = _read(record)
        if there and not redo and before != made_with:
            what = "other settings, another checkpoint or version" if before else "something else"
            raise OutputError(
                f"{there[0]} was made with {what}; choose another folder, or --redo to replace it"
            )
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.out}: {error.strerror}") from error
        with whole_file(record) as part:
            part.write_text(json.dumps(made_with, indent=2) + "\n", encoding="utf-8")


def _read(record: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
