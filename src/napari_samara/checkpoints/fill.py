"""Put weights into a model, once it is known that they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from napari_samara.checkpoints.family import family_name
from napari_samara.checkpoints.state import RawState, find_sam, read_tensors, tensor_shapes
from napari_samara.errors import CheckpointError, ConfigError, KeyMismatchError
from napari_samara.model.sam import SamModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_samara.model.config import SamConfig


def filled_model(
    paths: tuple[Path, ...], choose: Callable[[RawState], SamConfig], name: str
) -> tuple[SamModel, RawState]:
    """Build a model and give it the weights of `paths`.

    The model is first built without memory and its shapes are compared with those in the files,
    so that neither a hostile configuration nor the wrong file takes any.

    Parameters
    ----------
    paths : tuple of Path
        One weights file, or several safetensors files.
    choose : callable
        Gives the sizes; it is passed the names and shapes (safetensors) or all of the weights.
    name : str
        Of the checkpoint, for errors.

    Returns
    -------
    model : SamModel
        In evaluation mode, on the CPU, float32.
    raw : RawState
        What was read, with the names left aside.

    Raises
    ------
    KeyMismatchError
        Parameters are missing, unknown or of another shape.
    CheckpointError
        The weights cannot be read or are no finite numbers, or no model of these sizes exists.
    """
    origin = str(paths[0] if len(paths) == 1 else paths[0].parent)
    safe = all(path.suffix == ".safetensors" for path in paths)
    if not safe and len(paths) > 1:
        raise CheckpointError(f"{origin}: weights in several files must be safetensors")
    content = _joined(paths, _outlines) if safe else read_tensors(paths[0])
    raw = find_sam(content, origin)
    model = _empty_model(choose(raw), origin)
    raw = _compared(model, raw, name, origin)
    if safe:
        raw = _compared(model, find_sam(_joined(paths, read_tensors), origin), name, origin)
    wanted = model.state_dict()
    state = {k: _stored(k, v, wanted[k], origin) for k, v in raw.tensors.items()}
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval(), raw


def _outlines(path: Path) -> dict[str, Any]:
    """Tensors without storage for each one in a safetensors file."""
    return {name: torch.empty(shape, device="meta") for name, shape in tensor_shapes(path).items()}


def _joined(paths: tuple[Path, ...], read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path in paths:
        for name, value in read(path).items():
            if name in result:
                raise CheckpointError(f"{path} repeats {name} of another file of its index")
            result[name] = value
    return result


def _empty_model(config: SamConfig, origin: str) -> SamModel:
    """Model whose parameters have shapes and no memory."""
    try:
        with torch.device("meta"):
            return SamModel(config)
    except (ConfigError, KeyError, ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(f"{origin}: no model of these sizes: {error}") from error


def _compared(model: SamModel, raw: RawState, name: str, origin: str) -> RawState:
    """Raw state with what is not SAM's set aside; raises where the rest does not fit."""
    wanted: Mapping[str, Tensor] = model.state_dict()
    parts = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
    outside = tuple(n for n in raw.tensors if n not in wanted and not n.startswith(parts))
    given = {n: t for n, t in raw.tensors.items() if n not in outside}
    misshaped = [
        f"{n} {tuple(given[n].shape)} for {tuple(t.shape)}"
        for n, t in wanted.items()
        if n in given and given[n].shape != t.shape
    ]
    missing = [n for n in wanted if n not in given]
    unexpected = [n for n in given if n not in wanted]
    if missing or unexpected or misshaped:
        raise KeyMismatchError(
            f"{origin} does not hold the weights of {name} as a {family_name(model.config)} model",
            missing,
            unexpected,
            misshaped,
        )
    return RawState(given, raw.extra + outside, raw.hugging_face)


def _stored(name: str, value: Tensor, wanted: Tensor, origin: str) -> Tensor:
    """Tensor of the type and layout that the model computes with."""
    if value.layout != torch.strided or value.is_quantized:
        raise CheckpointError(f"{origin}: {name} is stored in the layout {value.layout}")
    if value.is_floating_point() != wanted.is_floating_point() or value.is_complex():
        raise CheckpointError(f"{origin}: {name} is stored as {value.dtype}, not {wanted.dtype}")
    found = value.to(wanted.dtype).contiguous()
    if found.is_floating_point() and not found.isfinite().all():
        count = int((~found.isfinite()).sum())
        raise CheckpointError(
            f"{origin}: {count} of the {found.numel()} values of {name} are infinite or no "
            "numbers; the weights are damaged, or were stored in a type that cannot hold them"
        )
    return found
