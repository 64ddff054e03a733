"""Write weights in the layouts that transformers, segment-anything and this package read."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from napari_samara.checkpoints.folder import CONFIG, WEIGHTS
from napari_samara.checkpoints.keys import to_hugging_face
from napari_samara.errors import CheckpointError, OutputError
from napari_samara.model.preprocess import FILENAME as PREPROCESSOR
from napari_samara.model.preprocess import PreprocessConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_samara.model.sam import SamModel


def save_pretrained(
    model: SamModel,
    folder: str | os.PathLike[str],
    preprocess: PreprocessConfig | None = None,
    dtype: torch.dtype | None = None,
    card: str | None = None,
) -> Path:
    """Write ``config.json``, ``preprocessor_config.json`` and ``model.safetensors``.

    A model with a ViT encoder is written with the names of transformers, whose
    ``SamModel.from_pretrained`` opens the folder; TinyViT and samara models, which transformers
    does not know, keep Meta's names. The files appear together or not at all; files of these
    names that are there are replaced, others stay.

    Parameters
    ----------
    model : SamModel
        On any device.
    folder : str or path
        Made if missing.
    preprocess : PreprocessConfig or None
        SAM's normalisation at the size of the model where it is left out.
    dtype : torch.dtype or None
        Type to store weights as, such as ``torch.float16``; integer buffers stay, and so do
        tensors with values that it cannot hold.
    card : str or None
        Text of a ``README.md``, the model card.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        The folder cannot be written, for instance because the disk is full.
    """
    target = Path(folder).expanduser()
    config = model.config.to_dict()
    state = {name: _plain(value, dtype) for name, value in model.state_dict().items()}
    if config["model_type"] == "sam":
        state = to_hugging_face(state)
    stored = dtype or next(v.dtype for v in state.values() if v.is_floating_point())
    config |= {"architectures": ["SamModel"], "torch_dtype": str(stored).removeprefix("torch.")}
    size = model.config.image_size
    preprocess = preprocess or PreprocessConfig(size, size)
    with _arriving(target) as temporary:
        _write_json(temporary / CONFIG, config)
        _write_json(temporary / PREPROCESSOR, preprocess.to_dict())
        if card is not None:
            (temporary / "README.md").write_text(card, encoding="utf-8")
        save_file(state, temporary / WEIGHTS, metadata={"format": "pt"})
        # safetensors makes files that only their owner may read: useless in a shared folder.
        os.chmod(temporary / WEIGHTS, (temporary / CONFIG).stat().st_mode)
    return target


def save_meta(model: SamModel, path: str | os.PathLike[str]) -> Path:
    """Write one ``.pth`` file with Meta's names.

    ``segment_anything.sam_model_registry`` reads it for the sizes B, L and H, MobileSAM's package
    for its TinyViT (all but the classification head, which it does not use).

    Parameters
    ----------
    model : SamModel
        On any device, not of the samara family.
    path : str or path
        The file; replaced if it exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CheckpointError
        The model is of the samara family, which no other program can read.
    OutputError
        The file cannot be written.
    """
    if model.config.is_samara:
        raise CheckpointError("a samara model has no Meta layout; use save_pretrained")
    target = Path(path).expanduser()
    state = {name: _plain(value, None) for name, value in model.state_dict().items()}
    with _arriving(target.parent) as temporary:
        torch.save(state, temporary / target.name)
    return target


def _plain(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Tensor on the CPU that owns its memory, in its own type where another cannot hold it."""
    wanted = dtype if dtype is not None and value.is_floating_point() else value.dtype
    if wanted != value.dtype and value.isfinite().ne(value.to(wanted).isfinite()).any():
        wanted = value.dtype  # the variance of a normalisation may be beyond half precision
    return value.detach().to("cpu", wanted).contiguous().clone()


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _arriving(folder: Path) -> Iterator[Path]:
    """Temporary folder whose files arrive in `folder` once all of them are written.

    A new folder arrives by one rename; into an existing one the files are moved one by one.
    """
    new = not folder.exists()
    temporary = (folder.parent if new else folder) / f".{folder.name}.part-{uuid4().hex}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if new:
            os.rename(temporary, folder)
        else:
            for file in sorted(temporary.iterdir()):
                os.replace(file, folder / file.name)
    except (OSError, SafetensorError, RuntimeError) as error:
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        reason = "no space left on the disk" if full else str(error)
        raise OutputError(f"cannot write into {folder}: {reason}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
