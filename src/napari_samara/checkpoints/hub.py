"""Model repositories of the Hugging Face hub."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from napari_samara.checkpoints.cache import CACHE_VARIABLE, cache_dir, offline
from napari_samara.checkpoints.hub_progress import Tally, bar_class, watched
from napari_samara.checkpoints.transfer import Reporter
from napari_samara.errors import CheckpointNotFoundError, DownloadError, OfflineError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")
_SAFE = (
    "config.json",
    "preprocessor_config.json",
    "README.md",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
)
_PICKLED = "pytorch_model.bin"


def is_hub_id(text: str) -> bool:
    """Tell whether a text has the form of a hub id.

    Parameters
    ----------
    text : str
        Such as ``facebook/sam-vit-base`` or, with a commit or branch, ``owner/name@main``.

    Returns
    -------
    bool
        True if so; whether it exists is not asked.
    """
    return _ID.fullmatch(text) is not None


def fetch_repository(hub_id: str, reporter: Reporter | None = None) -> tuple[Path, str]:
    """Return a local copy of the files of a repository that a model is read from.

    A copy in the cache that transformers uses is taken as it is; otherwise the files go there, or
    under ``$SAMARA_CACHE`` where that is set.

    Parameters
    ----------
    hub_id : str
        As in `is_hub_id`.
    reporter : Reporter, optional
        Told how far a download is; it may end it.

    Returns
    -------
    folder : Path
        Snapshot with ``config.json`` and weights.
    revision : str
        Commit of the snapshot.

    Raises
    ------
    OfflineError
        Not here, and the network is forbidden or cannot be reached.
    CheckpointNotFoundError
        No such repository or revision, no access to it, or no weights in it.
    DownloadError
        The hub failed otherwise.
    CancelledError
        The reporter asked to stop.
    """
    repository, _, revision = hub_id.partition("@")
    for cache in {None, _cache()}:
        folder = _snapshot(repository, revision, _SAFE, cache, local=True)
        if folder is not None and _has_weights(folder):
            return folder, folder.name
    if offline():
        raise OfflineError(
            f"{hub_id} is not in the cache and HF_HUB_OFFLINE forbids the network; copy the folder "
            "here by hand and give its path"
        )
    tally = Tally(reporter or Reporter())
    with watched(_blobs(repository), tally):
        folder = _download(repository, revision, tally)
    if folder is None or not _has_weights(folder):
        raise CheckpointNotFoundError(
            f"https://huggingface.co/{repository} holds neither model.safetensors nor {_PICKLED}"
        )
    return folder, folder.name


def _download(repository: str, revision: str, tally: Tally) -> Path | None:
    """Folder of a snapshot that is brought here as far as it is missing."""
    folder = _snapshot(repository, revision, _SAFE, _cache(), False, tally)
    if folder is None or not _has_weights(folder):  # weights as safetensors are preferred
        folder = _snapshot(repository, revision, [*_SAFE, _PICKLED], _cache(), False, tally)
    return folder


def _blobs(repository: str) -> Path:
    """Folder that the hub's client downloads the files of a repository into."""
    from huggingface_hub.constants import HF_HUB_CACHE

    name = "--".join(["models", *repository.split("/")])
    return (_cache() or Path(HF_HUB_CACHE)) / name / "blobs"


def _cache() -> Path | None:
    """Folder for hub downloads; None for the one huggingface_hub chooses."""
    return cache_dir() / "hub" if os.environ.get(CACHE_VARIABLE) else None


def _has_weights(folder: Path) -> bool:
    """Tell whether nothing is missing: an interrupted download leaves some of the files."""
    if not (folder / "config.json").exists():
        return False
    if any((folder / name).exists() for name in ("model.safetensors", _PICKLED)):
        return True
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError):
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return all((folder / str(name)).exists() for name in index["weight_map"].values())
    return False


def _snapshot(
    repository: str,
    revision: str,
    patterns: Sequence[str],
    cache: Path | None,
    local: bool,
    tally: Tally | None = None,
) -> Path | None:
    """Folder of a snapshot; None if only local files were asked for and there are none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision or None,
                allow_patterns=list(patterns),
                cache_dir=cache,
                local_files_only=local,
                tqdm_class=bar_class(tally) if tally is not None else None,
            )
        )
    except GatedRepoError as error:
        raise CheckpointNotFoundError(
            f"{repository} asks you to accept its terms at https://huggingface.co/{repository} "
            "and to log in (`hf auth login`)"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise CheckpointNotFoundError(
            f"no file or folder {repository!r} here, and none the hub shows under that name"
            + (f" and revision {revision!r}" if revision else "")
        ) from error
    except LocalEntryNotFoundError as error:
        if local:
            return None
        raise OfflineError(
            f"cannot reach https://huggingface.co/{repository}; copy its files into a folder by "
            "hand and give the path"
        ) from error
    except OSError as error:  # connection, http status and disk errors of the hub's client
        raise DownloadError(f"fetching {repository} from the hub failed: {error}") from error
