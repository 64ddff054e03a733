"""Saved sessions: what was done, step by step, so that the labels can be made again exactly."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara import __version__
from napari_samara.errors import FileFormatError, ImageError, SamaraError
from napari_samara.output import whole_file
from napari_samara.session.edits import decode_values
from napari_samara.session.held import Held
from napari_samara.session.steps import redone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_samara.session.change import Change
    from napari_samara.session.objects import ObjectRecord

FORMAT, VERSION = "samara-session", 1
"""What a session file calls itself, and the version that is written and read."""


@dataclass(frozen=True, eq=False)
class SavedSession:
    """Content of a session file.

    Attributes
    ----------
    about : dict
        Image, checkpoint, contrast, settings, mode: entries of the file that no label depends on.
    shape : tuple of int
        Of the labels.
    dtype : str
        Of the labels.
    start : dict or None
        Runs of the labels before the first step; None for zeros.
    steps : tuple of dict
        Plain forms of changes, in order.
    held : Held
        Prompts that were not accepted yet.
    sequence : int
        Number of the last line of the journal that is in it.
    """

    about: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: str
    start: Mapping[str, Any] | None = None
    steps: tuple[Mapping[str, Any], ...] = ()
    held: Held = field(default_factory=Held)
    sequence: int = 0

    def to_document(self) -> dict[str, Any]:
        """Plain form of the whole file.

        Returns
        -------
        dict
            Fit for JSON; `objects` in it repeats the last state of each object, for readers.
        """
        return {
            "format": FORMAT,
            "version": VERSION,
            "tool": {"name": "napari-samara", "version": __version__},
            **self.about,
            "labels": {"shape": list(self.shape), "dtype": self.dtype, "start": self.start},
            "objects": list(self.objects().values()),
            **self.held.entries(Held()),
            "steps": list(self.steps),
            "sequence": self.sequence,
        }

    @classmethod
    def from_document(cls, document: Any) -> SavedSession:
        """Return the saved session of its plain form.

        Parameters
        ----------
        document : dict
            As `to_document` gives it; entries that are not known are kept in `about`.

        Returns
        -------
        SavedSession
            Whose steps are looked at when they are replayed.

        Raises
        ------
        FileFormatError
            If it is something else, of another version, or an entry is missing.
        """
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise FileFormatError(f'not a session file: the entry "format" must be "{FORMAT}"')
        version = document.get("version")
        if version != VERSION or isinstance(version, bool):
            raise FileFormatError(
                f"session file of version {version!r}; this release reads version {VERSION}"
            )
        try:
            labels = document["labels"]
            dict(document["image"])  # must be there to tell which image this was
            dict(document["open"])
            return cls(
                {name: document[name] for name in document if name not in _OWN},
                tuple(int(size) for size in labels["shape"]),
                _label_type(labels["dtype"]),
                labels["start"],
                tuple(dict(step) for step in document["steps"]),
                Held().followed(document),
                int(document["sequence"]),
            )
        except (KeyError, TypeError, ValueError, SamaraError) as error:
            raise FileFormatError(f"an entry is missing or wrong: {error!r}") from error

    def objects(self) -> dict[int, dict[str, Any]]:
        """Plain forms of the records after the last step, by label in rising order."""
        found: dict[int, dict[str, Any]] = {}
        for step in self.steps:
            for label in step["removed"]:
                found.pop(label, None)
            for record in step["objects"]:
                found[record["label"]] = dict(record)
        return dict(sorted(found.items()))

    def labels_before(self) -> NDArray[Any]:
        """Labels before the first step.

        Returns
        -------
        ndarray
            A new array.

        Raises
        ------
        FileFormatError
            If the runs do not fill the shape or do not fit the type.
        """
        if self.start is None:
            return np.zeros(self.shape, self.dtype)
        return decode_values(self.start, self.shape).astype(self.dtype)

    def replayed(self, labels: Any) -> list[Change]:
        """Do all steps again.

        Parameters
        ----------
        labels : array of int
            As `labels_before` gives them; changed in place.

        Returns
        -------
        list of Change
            What was done.

        Raises
        ------
        FileFormatError
            If a step cannot be read or does not fit the labels.
        """
        records: dict[int, ObjectRecord] = {}
        changes = []
        for number, step in enumerate(self.steps):
            try:
                changes.append(redone(step, labels, records))
            except (KeyError, TypeError, ValueError) as error:
                raise FileFormatError(f"session file, step {number}: {error!r}") from error
        return changes


_OWN = ("format", "version", "tool", "labels", "objects", "open", "many", "steps", "sequence")


def write_session(path: str | os.PathLike[str], saved: SavedSession) -> None:
    """Write a session file; it appears whole or not at all, and is on the disk then.

    Parameters
    ----------
    path : path-like
        Where; replaced if it is there.
    saved : SavedSession
        What to write.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    text = json.dumps(saved.to_document(), allow_nan=False, separators=(",", ":"))
    with whole_file(path) as part, part.open("w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(Path(path).absolute().parent)


def read_session(path: str | os.PathLike[str]) -> SavedSession:
    """Content of a session file.

    Parameters
    ----------
    path : path-like
        As `write_session` wrote it.

    Returns
    -------
    SavedSession
        Not replayed yet.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is something else or damaged.
    """
    path = Path(path)
    try:
        return SavedSession.from_document(json.loads(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not a text file: {error}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileFormatError(f"{path} is not JSON: {error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error


def replay(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Labels of a session file, made again step by step.

    Parameters
    ----------
    path : path-like
        Session file.

    Returns
    -------
    ndarray of int, shape of the image without channels
        Equal to the labels when it was saved, on every machine: the steps hold pixels.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As for `read_session`.
    """
    saved = read_session(path)
    try:
        labels = saved.labels_before()
        saved.replayed(labels)
    except (FileFormatError, ImageError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    return labels


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot
        return
    finally:
        os.close(handle)


def _label_type(name: Any) -> str:
    found = np.dtype(str(name))
    if found.kind not in "iu":
        raise FileFormatError(f"labels of type {name!r}")
    return found.str
