"""The file that a training run is continued from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_samara.checkpoints.torch_file import load_weights
from napari_samara.errors import CheckpointError, OutputError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILENAME, BEST = "state.pt", "best.pt"
"""The last state of a run, and the one whose averaged weights were judged best."""

ENTRIES = frozenset({"step", "model", "average", "optimiser"})
"""Steps done, weights, their moving average (the weights to use), optimiser."""


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state by rename, so that a kill or a full disk leaves the last one.

    Parameters
    ----------
    path : Path
        The file; its folder is made if missing.
    state : mapping
        The `ENTRIES`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            torch.save(dict(state), part)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
        raise OutputError(f"cannot write {path}; an earlier state stays: {error}") from error


def read_state(path: Path) -> dict[str, Any]:
    """Read what `write_state` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        The `ENTRIES`.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or no such state.
    """
    if not path.is_file():
        raise CheckpointError(f"no training run was saved as {path}")
    try:
        state = load_weights(path)
    except Exception as error:  # the unpickler meets a damaged file with about anything
        raise CheckpointError(
            f"{path} is not the state of a training run, or is damaged: {error}"
        ) from error
    if not isinstance(state, dict) or ENTRIES - state.keys():
        raise CheckpointError(
            f"{path} is not the state of a training run: it needs "
            f"the entries {', '.join(sorted(ENTRIES))}"
        )
    return state
