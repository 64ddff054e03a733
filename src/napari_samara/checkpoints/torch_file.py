"""Files of torch.save, read without running what they hold."""

from __future__ import annotations

import contextlib
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import torch

from napari_samara.errors import UnsafeCheckpointError

if TYPE_CHECKING:
    from pathlib import Path

_ZIP = b"PK\3\4"


def load_weights(path: Path) -> Any:
    """Read tensors and plain values onto the host.

    Before version 2.6 torch was not held to weights by ``weights_only`` where a file is TorchScript
    or a tar archive (CVE-2025-32434), so that these are refused here, whatever the version.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    object
        What was saved.

    Raises
    ------
    UnsafeCheckpointError
        If it is TorchScript or a tar archive.
    Exception
        About anything, where the file is damaged; pickle.UnpicklingError where it holds objects.
    """
    if _is_program(path):
        raise UnsafeCheckpointError(
            f"{path} is TorchScript or an archive of a very old torch, not only weights, and "
            "reading it may run code: refused. Save its state dict and load that"
        )
    with warnings.catch_warnings():  # what torch warns of here ends in an error
        warnings.simplefilter("ignore", UserWarning)
        return torch.load(path, map_location="cpu", weights_only=True)


def _is_program(path: Path) -> bool:
    with path.open("rb") as stream:
        zipped = stream.read(len(_ZIP)) == _ZIP
    if zipped:
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == "constants.pkl" for name in archive.namelist())
    with contextlib.suppress(tarfile.TarError), tarfile.open(path, "r:") as archive:
        return archive.next() is not None
    return False
