"""Prompt files: the JSON of this package, and napari's own CSV of points and shapes."""

from __future__ import annotations

import csv
import io
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.errors import FileFormatError, OutputError, PromptError
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.prompt_set import PromptSet
from napari_samara.prompts.tables import table_prompts

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = "samara-prompts"
"""What a prompt file calls itself."""

VERSION = 1
"""Version that is written, and the only one that is read."""


def read_prompts(path: str | os.PathLike[str]) -> PromptSet:
    """Prompts of a file.

    Parameters
    ----------
    path : path-like
        ``.csv`` as napari saves a points or shapes layer, with optional columns ``object`` and
        ``positive``; any other suffix is read as JSON of this package.

    Returns
    -------
    PromptSet
        Objects in the order of the file; a CSV without the column ``object`` gives one for each
        point or shape, numbered from 1.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not what its name says, naming the file and the place in it.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a byte order mark first
        if path.suffix.lower() == ".csv":
            return _read_csv(text)
        return from_document(json.loads(text))
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not a text file: {error}") from error
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{path} is not JSON: {error}") from error
    except RecursionError as error:
        raise FileFormatError(f"{path} is nested too deep to be a prompt file") from error
    except (FileFormatError, PromptError) as error:
        raise FileFormatError(f"{path}: {error}") from error


def write_prompts(path: str | os.PathLike[str], prompts: PromptSet) -> None:
    """Write a prompt file; it appears whole or not at all.

    Parameters
    ----------
    path : path-like
        Where; replaced if it is there.  Prompts are grouped by object in it.
    prompts : PromptSet
        What to write.

    Raises
    ------
    OutputError
        If the file cannot be written, or its name says that it is a CSV.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        raise OutputError(f"prompts are written as JSON; give {path.with_suffix('.json')} instead")
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_text(json.dumps(to_document(prompts), allow_nan=False) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"cannot write prompts to {path}: {error.strerror}") from error


def to_document(prompts: PromptSet) -> dict[str, Any]:
    """Plain form of a whole prompt file.

    Parameters
    ----------
    prompts : PromptSet
        Of any number of objects.

    Returns
    -------
    dict
        Fit for JSON.
    """
    objects = [
        {"id": number, "prompts": [prompt.to_dict() for prompt in group]}
        for number, group in prompts.objects.items()
    ]
    return {"format": FORMAT, "version": VERSION, "objects": objects}


def from_document(document: Any) -> PromptSet:
    """Prompts of the plain form of a prompt file.

    Parameters
    ----------
    document : dict
        As `to_document` gives it.

    Returns
    -------
    PromptSet
        Object after object.

    Raises
    ------
    FileFormatError
        Naming the object and the prompt that cannot be read.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileFormatError(f'not a prompt file: the entry "format" must be "{FORMAT}"')
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise FileFormatError(
            f"prompt file of version {version!r}; this release reads version {VERSION}"
        )
    objects = document.get("objects")
    if not isinstance(objects, list):
        raise FileFormatError('the entry "objects" must be a list')
    return PromptSet.from_entries(
        entry for place, item in enumerate(objects) for entry in _object_entries(place, item)
    )


def _object_entries(place: int, item: Any) -> Iterator[tuple[int, Prompt]]:
    """(id, prompt) of one entry of the list of objects."""
    if not isinstance(item, dict) or not isinstance(item.get("prompts"), list):
        raise FileFormatError(f'object number {place} needs an "id" and a list of "prompts"')
    number = item.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise FileFormatError(f"object number {place} has the id {number!r}, not one from 1 up")
    for count, data in enumerate(item["prompts"]):
        if not isinstance(data, dict):
            raise FileFormatError(f"object {number}, prompt {count}: {data!r:.80} is no prompt")
        try:
            yield number, Prompt.from_dict(data)
        except (FileFormatError, PromptError) as error:
            raise FileFormatError(f"object {number}, prompt {count}: {error}") from error


def _read_csv(text: str) -> PromptSet:
    """Prompts of the text of a CSV file."""
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except (csv.Error, ValueError) as error:
        raise FileFormatError(f"not a table with a header: {error}") from error
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise FileFormatError(f"row {number} has {len(row)} cells, the header {len(header)}")
    names = [name.strip() for name in header]
    return table_prompts({name: [row[i] for row in rows] for i, name in enumerate(names)})
