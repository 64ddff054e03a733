"""Parameter names of Meta's segment-anything and of Hugging Face transformers, both ways.

`RENAMES` is the whole difference but for two things: the small MLP heads, whose first and last
layer transformers names apart, and the position code, which transformers may store twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from napari_samara.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

RENAMES: tuple[tuple[str, str], ...] = (
    ("image_encoder.patch_embed.proj", "vision_encoder.patch_embed.projection"),
    ("image_encoder.blocks.#.norm1", "vision_encoder.layers.#.layer_norm1"),
    ("image_encoder.blocks.#.norm2", "vision_encoder.layers.#.layer_norm2"),
    ("image_encoder.blocks", "vision_encoder.layers"),
    ("image_encoder.neck.0", "vision_encoder.neck.conv1"),
    ("image_encoder.neck.1", "vision_encoder.neck.layer_norm1"),
    ("image_encoder.neck.2", "vision_encoder.neck.conv2"),
    ("image_encoder.neck.3", "vision_encoder.neck.layer_norm2"),
    ("image_encoder", "vision_encoder"),
    (
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "shared_image_embedding.positional_embedding",
    ),
    ("prompt_encoder.point_embeddings", "prompt_encoder.point_embed"),
    ("prompt_encoder.mask_downscaling.0", "prompt_encoder.mask_embed.conv1"),
    ("prompt_encoder.mask_downscaling.1", "prompt_encoder.mask_embed.layer_norm1"),
    ("prompt_encoder.mask_downscaling.3", "prompt_encoder.mask_embed.conv2"),
    ("prompt_encoder.mask_downscaling.4", "prompt_encoder.mask_embed.layer_norm2"),
    ("prompt_encoder.mask_downscaling.6", "prompt_encoder.mask_embed.conv3"),
    ("mask_decoder.transformer.layers.#.norm1", "mask_decoder.transformer.layers.#.layer_norm1"),
    ("mask_decoder.transformer.layers.#.norm2", "mask_decoder.transformer.layers.#.layer_norm2"),
    ("mask_decoder.transformer.layers.#.norm3", "mask_decoder.transformer.layers.#.layer_norm3"),
    ("mask_decoder.transformer.layers.#.norm4", "mask_decoder.transformer.layers.#.layer_norm4"),
    ("mask_decoder.transformer.norm_final_attn", "mask_decoder.transformer.layer_norm_final_attn"),
    ("mask_decoder.output_upscaling.0", "mask_decoder.upscale_conv1"),
    ("mask_decoder.output_upscaling.1", "mask_decoder.upscale_layer_norm"),
    ("mask_decoder.output_upscaling.3", "mask_decoder.upscale_conv2"),
)
"""(Meta, transformers) beginnings of names; ``#`` is a number. The first row that fits is used."""

MLP_HEADS = ("mask_decoder.output_hypernetworks_mlps.#", "mask_decoder.iou_prediction_head")
"""Both name these alike; their layers are numbered by Meta, and first and last named by HF."""

_SECOND_CODE = "prompt_encoder.shared_embedding.positional_embedding"
_CODE = "shared_image_embedding.positional_embedding"


def is_hugging_face(names: Iterable[str]) -> bool:
    """Tell whether parameter names are those of transformers.

    Parameters
    ----------
    names : iterable of str
        Keys of a state dict.

    Returns
    -------
    bool
        True for transformers, False for Meta's names and anything else.
    """
    return any(name.startswith("vision_encoder.") for name in names)


def to_meta(state: Mapping[str, T]) -> dict[str, T]:
    """Rename from transformers to Meta.

    Parameters
    ----------
    state : mapping of str to any
        Keys as transformers writes them; values are passed on.

    Returns
    -------
    dict
        The same values; the second copy of the position code, if there is one, is dropped.
    """
    names = {name: value for name, value in state.items() if name != _SECOND_CODE}
    if _SECOND_CODE in state and _CODE not in state:
        names[_CODE] = state[_SECOND_CODE]
    depths = {k: v + 2 for k, v in _depths(names).items()}
    rows = [(b, a) for a, b in RENAMES] + [(b, a) for a, b in _mlp_rows(depths)]
    return _renamed(names, rows)


def to_hugging_face(state: Mapping[str, T]) -> dict[str, T]:
    """Rename from Meta to transformers.

    Parameters
    ----------
    state : mapping of str to any
        Keys as segment-anything names them; values are passed on.

    Returns
    -------
    dict
        The same values. The position code appears once: transformers ties its second copy.
    """
    return _renamed(state, [*RENAMES, *_mlp_rows(_depths(state))])


def _depths(names: Iterable[str]) -> dict[str, int]:
    """Numbered layers of each MLP head: all of them in Meta's names, all but two in HF's."""
    heads = "|".join(re.escape(h).replace(r"\#", r"\d+") for h in MLP_HEADS)
    found = re.compile(rf"({heads})\.(?:layers\.(\d+)\.|proj_in\.)")
    depths: dict[str, int] = {}
    for name in names:
        if match := found.match(name):
            count = int(match[2]) + 1 if match[2] else 0
            depths[match[1]] = max(depths.get(match[1], 0), count)
    return depths


def _mlp_rows(depths: Mapping[str, int]) -> list[tuple[str, str]]:
    rows = []
    for head, depth in depths.items():
        if depth < 2:
            raise CheckpointError(f"{head} has {depth} layer(s); SAM needs at least two")
        rows += [
            (f"{head}.layers.0", f"{head}.proj_in"),
            (f"{head}.layers.{depth - 1}", f"{head}.proj_out"),
            *((f"{head}.layers.{i}", f"{head}.layers.{i - 1}") for i in range(1, depth - 1)),
        ]
    return rows


def _renamed(state: Mapping[str, T], rows: Iterable[tuple[str, str]]) -> dict[str, T]:
    compiled = [
        (re.compile(re.escape(old).replace(r"\#", r"(\d+)") + r"(?=\.|$)"), new.replace("#", r"\1"))
        for old, new in rows
    ]
    result: dict[str, T] = {}
    for name, value in state.items():
        new = next((p.sub(to, name, count=1) for p, to in compiled if p.match(name)), name)
        if new in result:
            raise CheckpointError(f"two parameters would be called {new!r}; one is {name!r}")
        result[new] = value
    return result
