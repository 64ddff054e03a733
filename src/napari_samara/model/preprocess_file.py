"""Read and write ``preprocessor_config.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from napari_samara.errors import CheckpointError, OutputError
from napari_samara.model.preprocess import FILENAME, PreprocessConfig


def read_preprocess(
    folder: str | os.PathLike[str], image_size: int | None = None
) -> PreprocessConfig | None:
    """Return what the file in a folder says.

    Parameters
    ----------
    folder : str or path
        Of a model, or of a processor alone.
    image_size : int, optional
        Side of the model input, where there is a model to ask.

    Returns
    -------
    PreprocessConfig or None
        None where there is no such file.

    Raises
    ------
    CheckpointError
        The file is no json, says nonsense, or is of a model of another size.
    """
    path = Path(folder).expanduser() / FILENAME
    try:
        if not path.is_file():
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no readable json: {error}") from error
    if not isinstance(values, Mapping):
        raise CheckpointError(f"{path} holds a {type(values).__name__}, expected named values")
    return PreprocessConfig.from_dict(values, image_size)


def write_preprocess(config: PreprocessConfig, folder: str | os.PathLike[str]) -> Path:
    """Write the file; it appears whole or not at all.

    Parameters
    ----------
    config : PreprocessConfig
        What is written.
    folder : str or path
        Made if missing.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    path = Path(folder).expanduser() / FILENAME
    temporary = path.with_name(f".{FILENAME}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error}") from error
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)
    return path
