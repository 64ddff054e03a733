"""Prompts in whatever form a caller has them, as one prompt set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from napari_samara.errors import PromptError
from napari_samara.prompts.base import Prompt
from napari_samara.prompts.box import Box
from napari_samara.prompts.files import from_document, read_prompts
from napari_samara.prompts.point import Point
from napari_samara.prompts.prompt_set import PromptSet
from napari_samara.prompts.tables import table_prompts


def as_prompt_set(prompts: Any) -> PromptSet:
    """Prompt set of what a caller gives.

    Parameters
    ----------
    prompts : object
        - a `PromptSet`, or one `Prompt`;
        - a path of a prompt file, see `read_prompts`;
        - prompts in a list: all of one object; prompts in a list of lists: one object each;
        - a mapping of object id to prompts;
        - an array or nested list of numbers, one object a row: points (N, 2) as row, col or
          (N, 3) as z, row, col, or boxes (N, 4) as row0, col0, row1, col1;
        - a table with named columns (pandas or a mapping of columns), see `table_prompts`;
        - the content of a prompt file as a dict.

    Returns
    -------
    PromptSet
        With at least one prompt.

    Raises
    ------
    PromptError
        If there is no prompt in it or it is something else.
    FileFormatError
        If a file or table cannot be read.
    FileNotFoundError
        If there is no such file.
    """
    found = _set_of(prompts)
    if not found.entries:
        raise PromptError("no prompt was given; add a point, a box or another prompt")
    return found


def _set_of(prompts: Any) -> PromptSet:
    """Prompt set, perhaps empty."""
    if isinstance(prompts, PromptSet):
        return prompts
    if isinstance(prompts, Prompt):
        return PromptSet([prompts])
    if isinstance(prompts, str | os.PathLike):
        return read_prompts(prompts)
    if isinstance(prompts, Mapping):
        return _of_mapping(prompts)
    if hasattr(prompts, "columns"):
        return table_prompts({str(name): list(prompts[name]) for name in prompts.columns})
    if hasattr(prompts, "__array__"):
        return _of_array(np.asarray(prompts))
    if isinstance(prompts, Iterable):
        return _of_list(list(prompts))
    raise PromptError(
        f"{type(prompts).__name__} holds no prompts; give a PromptSet, a list of prompts, a path, "
        "an array of points (N, 2) or boxes (N, 4), or a table"
    )


def _of_mapping(prompts: Mapping[Any, Any]) -> PromptSet:
    """Prompts by object id, or the content of a prompt file, or columns by name."""
    if "format" in prompts:
        return from_document(dict(prompts))
    if prompts and all(isinstance(key, str) for key in prompts):
        return table_prompts({name: list(cells) for name, cells in prompts.items()})
    return PromptSet.from_objects({key: _group(group) for key, group in prompts.items()})


def _of_list(prompts: list[Any]) -> PromptSet:
    """Prompts of one object, groups of prompts of one object each, or rows of numbers."""
    if not prompts or all(isinstance(item, Prompt) for item in prompts):
        return PromptSet(prompts)
    rows = [item for item in prompts if not isinstance(item, Prompt)]
    if all(hasattr(row, "__len__") and all(isinstance(p, Prompt) for p in row) for row in rows):
        return PromptSet.from_objects(
            {number: _group(group) for number, group in enumerate(prompts, start=1)}
        )
    try:
        return _of_array(np.asarray(prompts))
    except ValueError as error:
        raise PromptError(f"neither prompts nor rows of numbers: {prompts!r:.120}") from error


def _of_array(array: Any) -> PromptSet:
    """One object for each row of numbers."""
    if array.ndim != 2 or array.shape[1] not in (2, 3, 4) or array.dtype.kind not in "iuf":
        raise PromptError(
            "an array of prompts holds numbers, points (N, 2) or (N, 3), or boxes (N, 4); got "
            f"shape {array.shape} of {array.dtype}"
        )
    kind = Box if array.shape[1] == 4 else Point
    return PromptSet.from_entries(
        (number, kind(tuple(row))) for number, row in enumerate(array.tolist(), start=1)
    )


def _group(prompts: Any) -> list[Prompt]:
    """Prompts of one object, of which there may be just one."""
    if isinstance(prompts, Prompt):
        return [prompts]
    if not isinstance(prompts, Iterable):
        raise PromptError(f"the prompts of an object come in a list, got {prompts!r:.80}")
    return list(prompts)
