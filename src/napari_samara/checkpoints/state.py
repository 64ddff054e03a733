"""Read weights from one file, never running code, and find SAM's parameters in it."""

from __future__ import annotations

import contextlib
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from napari_samara.checkpoints.keys import is_hugging_face, to_meta
from napari_samara.checkpoints.torch_file import load_weights
from napari_samara.errors import CheckpointError, UnsafeCheckpointError

if TYPE_CHECKING:
    from pathlib import Path

TORCH_SUFFIXES = frozenset({".pth", ".pt", ".bin", ".ckpt"})
SUFFIXES = TORCH_SUFFIXES | {".safetensors"}

_WRAPPERS = ("model_state", "model_state_dict", "state_dict", "model", "sam")
_PREFIXES = ("module.", "_orig_mod.", "model.", "sam.")
_PARTS = ("image_encoder.", "vision_encoder.", "prompt_encoder.", "mask_decoder.")
_SIGNS_OF_CODE = ("unsupported global", "unsupported class", "trying to call", "torchscript")

# Written by the references but no part of the computation: MobileSAM's classification head, and
# constants that older versions stored.
_UNUSED = (
    "image_encoder.norm_head.",
    "image_encoder.head.",
    "pixel_mean",
    "pixel_std",
)
_UNUSED_ENDS = (".attention_bias_idxs", ".attn.ab")


@dataclass(frozen=True)
class RawState:
    """Tensors of one file.

    Attributes
    ----------
    tensors : dict of str to Tensor
        SAM's parameters by Meta's names.
    extra : tuple of str
        What else the file holds, by its own name; none of it is used.
    hugging_face : bool
        Whether the names were those of transformers.
    """

    tensors: dict[str, Tensor]
    extra: tuple[str, ...]
    hugging_face: bool


def read_tensors(path: Path) -> dict[str, Any]:
    """Read what a weights file holds.

    Parameters
    ----------
    path : Path
        A safetensors file or one that torch.save wrote.

    Returns
    -------
    dict
        Tensors by name; from torch files possibly nested, with plain values beside them.

    Raises
    ------
    UnsafeCheckpointError
        The file would have to run code to be read.
    CheckpointError
        The file is cut off or is no weights file.
    """
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except (SafetensorError, OSError, ValueError) as error:
            raise _unreadable(path, error) from error
    try:
        content = load_weights(path)
    except UnsafeCheckpointError:
        raise
    except (pickle.UnpicklingError, RuntimeError) as error:
        if _tells_of_code(path, str(error).lower()):
            raise UnsafeCheckpointError(
                f"{path} holds Python objects, not only weights, and reading it would run code: "
                "refused. Save its state dict (or for micro-sam the exported model) and load that"
            ) from error
        raise _unreadable(path, error) from error
    except (
        EOFError,
        OSError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
        AssertionError,
        UnicodeDecodeError,
        OverflowError,
        MemoryError,
        zipfile.BadZipFile,
    ) as error:
        raise _unreadable(path, error) from error  # the ways in which random bytes can end
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not named weights")
    return {str(k): v for k, v in content.items()}


def _tells_of_code(path: Path, message: str) -> bool:
    """Tell whether torch refused a file for what it would do, not for being damaged."""
    if any(sign in message for sign in _SIGNS_OF_CODE):
        return True
    with path.open("rb") as stream:
        head = stream.read(2)
    pickled = head == b"PK" or (len(head) == 2 and head[0] == 0x80)  # zip with a pickle, pickle
    return pickled and "unsupported operand" in message


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
    size = 0
    with contextlib.suppress(OSError):
        size = path.stat().st_size
    return CheckpointError(
        f"{path} ({size} bytes) is cut off or no weights file: {reason[0][:200]}; fetch it again"
    )


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read only names and shapes of a safetensors file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to tuple of int
        Shapes by name.

    Raises
    ------
    CheckpointError
        The file is cut off or is no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as content:
            return {k: tuple(content.get_slice(k).get_shape()) for k in content.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def find_sam(content: Mapping[str, Any], origin: str) -> RawState:
    """Find SAM's parameters in what a file holds.

    Wrappers (``{"model": ...}``, ``{"model_state": ..., "decoder_state": ...}``) and prefixes
    (``module.``, ``sam.``) are taken off, transformers' names become Meta's.

    Parameters
    ----------
    content : mapping
        What `read_tensors` gave.
    origin : str
        Named in errors.

    Returns
    -------
    RawState
        Parameters, and the names of all that was left aside.

    Raises
    ------
    CheckpointError
        Nothing in it looks like a SAM.
    """
    flat, extra = _unwrapped(content)
    tensors, others = _without_prefix(flat)
    extra += others
    if not any(name.startswith(_PARTS[:2]) for name in tensors):
        shown = ", ".join(list(flat)[:4]) or "nothing"
        raise CheckpointError(
            f"{origin} holds no SAM weights: no image_encoder.* or vision_encoder.* among "
            f"{len(flat)} names ({shown}, ...)"
        )
    if any(name.startswith("image_encoder.trunk.") for name in tensors):
        raise CheckpointError(f"{origin} is a SAM 2 checkpoint; only the first SAM is read here")
    hugging_face = is_hugging_face(tensors)
    if hugging_face:
        tensors = to_meta(tensors)
    unused = [name for name in tensors if is_unused(name)]
    for name in unused:
        del tensors[name]
    return RawState(tensors, tuple(extra + unused), hugging_face)


def is_unused(name: str) -> bool:
    """Tell whether the references write this name without using it.

    Parameters
    ----------
    name : str
        Parameter name, Meta's.

    Returns
    -------
    bool
        True for MobileSAM's classification head and stored constants.
    """
    return name.startswith(_UNUSED) or name.endswith(_UNUSED_ENDS)


def _unwrapped(content: Mapping[str, Any]) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors of the innermost state dict and the names of everything beside it."""
    extra: list[str] = []
    for _ in range(3):  # wrappers inside wrappers occur, endless ones do not
        inner = next(
            (n for n in _WRAPPERS if isinstance(content.get(n), Mapping) and content[n]), None
        )
        if inner is None:
            break
        extra += [n for k, v in content.items() if k != inner for n in _names(k, v)]
        content = content[inner]
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
    extra += [n for k, v in content.items() if str(k) not in tensors for n in _names(str(k), v)]
    return tensors, extra


def _names(name: str, value: Any) -> Iterable[str]:
    if isinstance(value, Mapping) and value:
        return [f"{name}.{k}" for k in value]
    return [name]


def _without_prefix(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    result, extra = dict(tensors), list[str]()
    while not any(name.startswith(_PARTS) for name in result):
        prefix = next((p for p in _PREFIXES if any(n.startswith(p) for n in result)), None)
        if prefix is None:
            break
        extra += [n for n in result if not n.startswith(prefix)]
        result = {n.removeprefix(prefix): t for n, t in result.items() if n.startswith(prefix)}
    return result, extra
