"""From a name, file, folder or hub id to a model with its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_samara.checkpoints.catalog import (
    CheckpointInfo,
    fetch_checkpoint,
    find_checkpoint,
    list_checkpoints,
    verify_checkpoint,
)
from napari_samara.checkpoints.checkpoint import Checkpoint
from napari_samara.checkpoints.digest import file_digest, folder_digest
from napari_samara.checkpoints.family import detect_config, family_name
from napari_samara.checkpoints.fill import filled_model
from napari_samara.checkpoints.folder import CONFIG, ModelFolder, read_folder
from napari_samara.checkpoints.hub import fetch_repository, is_hub_id
from napari_samara.checkpoints.state import SUFFIXES, RawState
from napari_samara.errors import CheckpointError, CheckpointNotFoundError, ConfigError
from napari_samara.model.preprocess import PreprocessConfig

if TYPE_CHECKING:
    import os

    import torch

    from napari_samara.checkpoints.transfer import Reporter
    from napari_samara.model.config import SamConfig
    from napari_samara.model.sam import SamModel


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A model with weights, and what is known of them.

    Attributes
    ----------
    model : SamModel
        In evaluation mode, float32.
    checkpoint : Checkpoint
        Identity of the weights.
    preprocess : PreprocessConfig
        How its input is normalised.
    extra : tuple of str
        Names that the file holds and no SAM uses, such as micro-sam's ``decoder_state.*``.
    """

    model: SamModel
    checkpoint: Checkpoint
    preprocess: PreprocessConfig
    extra: tuple[str, ...] = ()


def load_checkpoint(
    source: str | os.PathLike[str],
    device: str | torch.device = "cpu",
    config: SamConfig | None = None,
    reporter: Reporter | None = None,
) -> LoadedCheckpoint:
    """Load a model.

    A path that exists is read without touching the network. No code in a file is ever run, and
    names and shapes are compared with the model before memory for it is taken.

    Parameters
    ----------
    source : str or path
        A catalog name; a ``.pth``, ``.pt``, ``.bin``, ``.ckpt`` or ``.safetensors`` file; a folder
        with ``config.json``; or a hub id such as ``facebook/sam-vit-base``, also ``id@revision``.
    device : str or torch.device
        Where the model goes.
    config : SamConfig or None
        Sizes, for a bare file whose names and shapes do not tell them all.
    reporter : Reporter or None
        Progress and cancellation of a download.

    Returns
    -------
    LoadedCheckpoint
        Model, identity, normalisation and the names left aside.

    Raises
    ------
    CheckpointNotFoundError
        Nothing of that name.
    UnsafeCheckpointError
        The file would run code when read.
    KeyMismatchError
        Parameters are missing, unknown or of another shape; the error lists them.
    CheckpointError
        The file is cut off, of another kind, or describes an impossible model.
    DownloadError
        It had to be fetched and could not be (`OfflineError`, `ChecksumError` among others).
    """
    path = _local_path(source)
    if path is not None:
        return _load_path(path, device, config)
    name = str(source)
    if is_hub_id(name):
        folder, revision = fetch_repository(name, reporter)
        return _load_folder(read_folder(folder), device, name.partition("@")[0], revision)
    fetch_checkpoint(name, reporter)
    verify_checkpoint(name)
    return _load_known(find_checkpoint(name), device, config)


def _local_path(source: str | os.PathLike[str]) -> Path | None:
    """Path of an existing file or model folder; None for a name or hub id."""
    path = Path(source).expanduser()
    if path.is_file() or (path / CONFIG).is_file():
        return path
    text = str(source)
    looks_like_path = (
        not isinstance(source, str)
        or path.suffix in SUFFIXES
        or path.is_absolute()
        or re.match(r"[.~]|.*\\", text) is not None
        or text.count("/") > 1
        or (path.is_dir() and "/" in text)
    )
    if not looks_like_path:
        return None
    if path.is_dir():
        read_folder(path)  # raises, saying what the folder lacks
    raise CheckpointNotFoundError(f"no file or folder {path}")


def _load_path(
    path: Path, device: str | torch.device, config: SamConfig | None
) -> LoadedCheckpoint:
    if path.is_dir():
        return _load_folder(read_folder(path), device, path.absolute().name)
    if path.name == "model.safetensors" and (path.parent / CONFIG).is_file() and config is None:
        return _load_folder(read_folder(path.parent), device, path.absolute().parent.name)
    return _load_file(path, device, config, path.stem)


def _load_known(
    info: CheckpointInfo, device: str | torch.device, config: SamConfig | None
) -> LoadedCheckpoint:
    if info.path is None:
        raise CheckpointNotFoundError(f"{info.name} vanished from {info.folder} while it was read")
    if info.path.is_dir():
        return _load_folder(read_folder(info.path), device, info.name, licence=info.licence)
    return _load_file(info.path, device, config, info.name, info)


def _load_file(
    path: Path,
    device: str | torch.device,
    config: SamConfig | None,
    name: str,
    info: CheckpointInfo | None = None,
) -> LoadedCheckpoint:
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path}: weights files end in {', '.join(sorted(SUFFIXES))}")
    model, raw = filled_model((path,), lambda raw: config or _detected(raw, path), name)
    family = family_name(model.config)
    info = info or _recognised(path, family)
    size = model.config.image_size
    unscaled = info is not None and info.unscaled
    preprocess = PreprocessConfig.unscaled(size) if unscaled else PreprocessConfig(size, size)
    licence = info.licence if info else None
    checkpoint = Checkpoint(name, path.absolute(), family, file_digest(path), licence)
    return LoadedCheckpoint(model.to(device), checkpoint, preprocess, raw.extra)


def _load_folder(
    folder: ModelFolder,
    device: str | torch.device,
    name: str,
    revision: str | None = None,
    licence: str | None = None,
) -> LoadedCheckpoint:
    model, raw = filled_model(folder.weights, lambda _: folder.config, name)
    checkpoint = Checkpoint(
        name,
        folder.path.absolute(),
        family_name(model.config),
        folder_digest(folder.path, folder.digested),
        folder.licence or licence,
        revision,
    )
    return LoadedCheckpoint(model.to(device), checkpoint, folder.preprocess, raw.extra)


def _detected(raw: RawState, path: Path) -> SamConfig:
    shapes = {k: tuple(v.shape) for k, v in raw.tensors.items()}
    try:
        return detect_config(shapes, raw.hugging_face)
    except (CheckpointError, ConfigError, ArithmeticError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _recognised(path: Path, family: str) -> CheckpointInfo | None:
    """Catalog entry whose published digest a local file has."""
    for info in list_checkpoints():
        for source in info.sources if info.family == family else ():
            if source.sha256 and source.sha256 == file_digest(path):
                return info
            if source.md5 and source.md5 == file_digest(path, "md5"):
                return info
    return None
