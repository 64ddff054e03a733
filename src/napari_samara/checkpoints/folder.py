"""A folder with ``config.json`` and weights, as `save_pretrained` writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_samara.errors import CheckpointError, CheckpointNotFoundError, ConfigError
from napari_samara.model.config import SamConfig
from napari_samara.model.preprocess import FILENAME as PREPROCESSOR
from napari_samara.model.preprocess import PreprocessConfig

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"
MODEL_TYPES = ("sam", "samara_sam")

_ACTIVATIONS = {
    "vision_config": "gelu",
    "prompt_encoder_config": "gelu",
    "mask_decoder_config": "relu",
}
"""What every published SAM has; anything else would load and compute nonsense."""

_LARGEST_JSON = 4 << 20
_MOST_SHARDS = 1000


@dataclass(frozen=True)
class ModelFolder:
    """What a model folder says before any weights are read.

    Attributes
    ----------
    path : Path
        The folder.
    config : SamConfig
        From ``config.json``.
    preprocess : PreprocessConfig
        From ``preprocessor_config.json``, or SAM's values where there is none.
    weights : tuple of Path
        One file, or the shards of an index.
    licence : str or None
        From the head of ``README.md``.
    """

    path: Path
    config: SamConfig
    preprocess: PreprocessConfig
    weights: tuple[Path, ...]
    licence: str | None

    @property
    def digested(self) -> tuple[str, ...]:
        """Names of the files that make up the identity of the model."""
        given = [n for n in (PREPROCESSOR, INDEX) if (self.path / n).exists()]
        return (CONFIG, *given, *(p.name for p in self.weights))


def read_folder(path: Path) -> ModelFolder:
    """Read everything but the weights.

    Parameters
    ----------
    path : Path
        A folder.

    Returns
    -------
    ModelFolder
        Checked: sizes in bounds, every weights file inside the folder and present.

    Raises
    ------
    CheckpointNotFoundError
        ``config.json`` or weights are missing.
    CheckpointError
        A file is no json, is of another kind of model, or names files outside the folder.
    """
    if not (path / CONFIG).is_file():
        raise CheckpointNotFoundError(
            f"{path} has no {CONFIG}; give a folder as save_pretrained writes it, or one .pth, .pt "
            "or .safetensors file"
        )
    config = _config(path / CONFIG)
    preprocess = PreprocessConfig(config.image_size, config.image_size)
    if (path / PREPROCESSOR).is_file():
        values = _json(path / PREPROCESSOR)
        preprocess = PreprocessConfig.from_dict(values, config.image_size)
    return ModelFolder(path, config, preprocess, _weights(path), card_licence(path / "README.md"))


def card_licence(path: Path) -> str | None:
    """Return the licence that the head of a model card states.

    Parameters
    ----------
    path : Path
        A Markdown file that may start with YAML between lines of ``---``.

    Returns
    -------
    str or None
        The value of ``license``; None where the file or the field is missing.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            head = stream.read(1 << 16)
    except OSError:
        return None
    match = re.match(r"---\s*\n(.*?)\n---", head, re.DOTALL)
    field = re.search(r"^license:[ \t]*(\S+)[ \t]*$", match[1], re.MULTILINE) if match else None
    return field[1].strip("\"'") if field else None


def _json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise CheckpointError(f"{path} has {path.stat().st_size} bytes: no configuration")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is no readable json: {error}") from error
    if not isinstance(values, Mapping):
        raise CheckpointError(f"{path} holds a {type(values).__name__}, expected named values")
    return values


def _config(path: Path) -> SamConfig:
    values = _json(path)
    kind = values.get("model_type")
    if kind not in MODEL_TYPES:
        raise CheckpointError(
            f"{path} describes a {kind!r} model; read here: {' and '.join(MODEL_TYPES)}"
        )
    try:
        config = SamConfig.from_dict(values)
    except (ConfigError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    for part, expected in _ACTIVATIONS.items():
        given = getattr(getattr(config, part), "hidden_act", expected)
        if given != expected:
            raise CheckpointError(f"{path}: hidden_act {given!r} in {part}; only {expected!r}")
    return config


def _weights(path: Path) -> tuple[Path, ...]:
    if (path / WEIGHTS).is_file():
        return (path / WEIGHTS,)
    if (path / INDEX).is_file():
        return _shards(path)
    if (path / PICKLED).is_file():
        return (path / PICKLED,)
    raise CheckpointNotFoundError(f"{path} has none of {WEIGHTS}, {INDEX} and {PICKLED}")


def _shards(path: Path) -> tuple[Path, ...]:
    table = _json(path / INDEX).get("weight_map")
    if not isinstance(table, Mapping) or not table:
        raise CheckpointError(f"{path / INDEX} has no weight_map")
    names = set(table.values())
    for name in names:
        if not isinstance(name, str) or Path(name).suffix != ".safetensors":
            raise CheckpointError(f"{path / INDEX} names {name!r}, expected .safetensors files")
        if re.search(r"[/\\:\0]", name) or name.startswith(".."):
            raise CheckpointError(f"{path / INDEX} names {name!r}, which leads out of the folder")
    if len(names) > _MOST_SHARDS:
        raise CheckpointError(f"{path / INDEX} names {len(names)} files")
    missing = sorted(name for name in names if not (path / name).is_file())
    if missing:
        raise CheckpointNotFoundError(f"{path} lacks {', '.join(missing[:4])} named by its index")
    return tuple(path / name for name in sorted(names))
