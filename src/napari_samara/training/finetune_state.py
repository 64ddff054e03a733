"""The file beside a new checkpoint that an interrupted fine-tuning run goes on from."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_samara.checkpoints.torch_file import load_weights
from napari_samara.errors import CheckpointError, SettingsError, TrainingError
from napari_samara.settings import FinetuneSettings
from napari_samara.training.finetune_files import HISTORY
from napari_samara.training.state import write_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_samara.engine.predictor import Predictor
    from napari_samara.training.examples import Split

FILENAME = "finetune-state.pt"

VERSION = 1

FREE = ("minutes", "steps", "patience")
"""Settings that may be others when a run goes on: they say only when it ends."""

_ENTRIES = frozenset({"version", "settings", "data", "checkpoint", "training"})


def write_run(
    folder: Path,
    training: Mapping[str, Any],
    settings: FinetuneSettings,
    identity: Mapping[str, str],
) -> None:
    """Write how far a run is, by rename.

    Parameters
    ----------
    folder : Path
        Of the new checkpoint.
    training : mapping
        As `Finetuner.state` gives it.
    settings : FinetuneSettings
        Of the run.
    identity : mapping of str to str
        As `identity_of` gives it.

    Raises
    ------
    OutputError
        If the disk is full or gone; what was written before stays.
    """
    state = {"version": VERSION, "settings": settings.to_dict(), **identity}
    write_state(folder / FILENAME, {**state, "training": dict(training)})


def read_run(folder: Path) -> dict[str, Any]:
    """Read what `write_run` wrote.

    Parameters
    ----------
    folder : Path
        Of the new checkpoint.

    Returns
    -------
    dict
        With ``settings``, ``data``, ``checkpoint`` and ``training``.

    Raises
    ------
    TrainingError
        If no run was interrupted there.
    CheckpointError
        If the file is damaged or something else.
    """
    path = folder / FILENAME
    if not path.is_file():
        raise TrainingError(_why_nothing(folder))
    try:
        state = load_weights(path)
    except Exception as error:  # the unpickler meets a damaged file with about anything
        raise CheckpointError(f"{path} is damaged: {error}; start again elsewhere") from error
    if not isinstance(state, dict) or state.keys() != _ENTRIES or state["version"] != VERSION:
        raise CheckpointError(f"{path} is no run of this version; start again elsewhere")
    return state


def can_resume(folder: Path) -> bool:
    """Whether an interrupted run is there to go on with; nothing is read."""
    return (folder / FILENAME).is_file()


def forget_run(folder: Path) -> None:
    """Remove the file of a run that has come to its end."""
    with contextlib.suppress(OSError):
        (folder / FILENAME).unlink(missing_ok=True)


def saved_settings(folder: Path) -> FinetuneSettings:
    """Return the settings of the interrupted run in a folder.

    Parameters
    ----------
    folder : Path
        Of the new checkpoint.

    Returns
    -------
    FinetuneSettings
        As the run was begun.

    Raises
    ------
    TrainingError, CheckpointError
        As for `read_run`.
    """
    return settings_of(read_run(folder))


def settings_of(state: Mapping[str, Any]) -> FinetuneSettings:
    """Return the settings of a state that was read.

    Parameters
    ----------
    state : mapping
        As `read_run` gives it.

    Returns
    -------
    FinetuneSettings
        As the run was begun.

    Raises
    ------
    CheckpointError
        If this version does not know them.
    """
    try:
        return FinetuneSettings.from_dict(state["settings"])
    except (SettingsError, TypeError) as error:
        raise CheckpointError(f"the interrupted run has other settings: {error}") from error


def identity_of(predictor: Predictor, split: Split) -> dict[str, str]:
    """Return what a run depends on beside its settings.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint to begin with.
    split : Split
        What is learned from.

    Returns
    -------
    dict of str to str
        SHA-256 of ``data`` (pixels and labels of all planes, in order; names do not matter) and of
        ``checkpoint`` (its weights).
    """
    data = hashlib.sha256()
    for part in (split.train, split.held_out):
        data.update(b"part")
        for plane in part:
            for array in (plane.image, plane.labels):
                data.update(f"{array.dtype.str}{array.shape}".encode())
                data.update(np.ascontiguousarray(array).data)
    weights = hashlib.sha256()
    for name, value in predictor.model.state_dict().items():
        weights.update(f"{name}{tuple(value.shape)}".encode())
        weights.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return {"data": data.hexdigest(), "checkpoint": weights.hexdigest()}


def check_same(
    state: Mapping[str, Any], settings: FinetuneSettings, identity: Mapping[str, str]
) -> None:
    """Refuse to go on with something else.

    Parameters
    ----------
    state : mapping
        As `read_run` gives it.
    settings : FinetuneSettings
        To go on with; those of `FREE` may differ.
    identity : mapping of str to str
        As `identity_of` gives it.

    Raises
    ------
    TrainingError
        If settings, data or checkpoint are not those of the run.
    """
    kept, wanted = settings_of(state).to_dict(), settings.to_dict()
    other = [
        f"{name} was {kept[name]!r} and is {wanted[name]!r}"
        for name in wanted
        if name not in FREE and kept[name] != wanted[name]
    ]
    if not other and state["data"] != identity["data"]:  # the settings decide what is held out
        other.append("images or labels are not the same")
    if state["checkpoint"] != identity["checkpoint"]:
        other.append("the checkpoint is another")
    if other:
        raise TrainingError(
            f"this is not the run that was interrupted: {'; '.join(other)}. Give what it was begun "
            "with, or begin another in a new folder"
        )


def _why_nothing(folder: Path) -> str:
    """Why there is nothing to go on with, in words."""
    try:
        ended = json.loads((folder / HISTORY).read_text(encoding="utf-8"))["stopped"]
    except (OSError, ValueError, KeyError, TypeError):
        ended = ""
    if ended:
        return (
            f"the run in {folder} has come to its end ({ended}): to train on, begin another in a "
            "new folder with this checkpoint"
        )
    return f"no interrupted run is in {folder}: begin one, without resuming"
