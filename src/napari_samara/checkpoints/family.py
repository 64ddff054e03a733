"""Tell from names and shapes alone which SAM a state dict belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isqrt

from napari_samara.errors import CheckpointError
from napari_samara.model.config import (
    SamConfig,
    SamMaskDecoderConfig,
    SamPromptEncoderConfig,
    SamVisionConfig,
    TinyVitConfig,
)

Shapes = Mapping[str, tuple[int, ...]]

_META_DECODER_EPS = 1e-5
"""segment-anything keeps PyTorch's default in the two-way transformer, transformers takes 1e-6."""

_DECODER_HEADS = 8
_TINY_EMBEDDING = 64
_SINGLE_STRIDE_WIDTHS = frozenset({320, 448, 576})
"""Widths before which TinyViT for SAM keeps the resolution (rule of MobileSAM's code)."""

_GLOBAL_BLOCKS = {12: (2, 5, 8, 11), 24: (5, 11, 17, 23), 32: (7, 15, 23, 31)}


def family_name(config: SamConfig) -> str:
    """Name the family of a configuration.

    Parameters
    ----------
    config : SamConfig
        Sizes.

    Returns
    -------
    str
        ``vit_b``, ``vit_l``, ``vit_h``, ``vit``, ``tiny_vit`` or ``samara``.
    """
    if config.is_samara:
        return "samara"
    vision = config.vision_config
    if isinstance(vision, TinyVitConfig):
        return "tiny_vit"
    sizes = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}
    return sizes.get((vision.hidden_size, vision.num_hidden_layers), "vit")


def detect_config(shapes: Shapes, hugging_face: bool = False) -> SamConfig:
    """Work out the configuration that weights were made with.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        By Meta's names.
    hugging_face : bool
        Whether the weights come from transformers, which differs in one small constant.

    Returns
    -------
    SamConfig
        Heads of the two-way transformer leave no trace in the shapes: 8 as in all published SAMs.

    Raises
    ------
    CheckpointError
        No known encoder, or a parameter that tells a size is missing or of an odd shape.
    """
    if any(".skip_projections." in n or ".map_projection." in n for n in shapes):
        raise CheckpointError("weights of the samara family need the folder with their config.json")
    build = next((b for sign, b in _ENCODERS.items() if sign in shapes), None)
    if build is None:
        shown = ", ".join([n for n in shapes if n.startswith("image_encoder.")][:3])
        raise CheckpointError(f"unknown kind of image encoder ({shown}, ...)")
    vision = build(shapes)
    prompt = _prompt_encoder(shapes, vision.image_size, vision.patch_size)
    return SamConfig(vision, prompt, _mask_decoder(shapes, hugging_face))


def _vit(shapes: Shapes) -> SamVisionConfig:
    width, channels, patch, _ = _shape(shapes, "image_encoder.patch_embed.proj.weight", 4)
    rows, cols = _shape(shapes, "image_encoder.pos_embed", 4)[1:3]
    if rows != cols:
        raise CheckpointError(f"pos_embed of {rows} x {cols}: only square inputs are read")
    depth = _count(shapes, r"image_encoder\.blocks\.(\d+)\.")
    block = "image_encoder.blocks.0"
    tables = {
        i: _shape(shapes, f"image_encoder.blocks.{i}.attn.rel_pos_h", 2)
        for i in range(depth)
        if f"image_encoder.blocks.{i}.attn.rel_pos_h" in shapes
    }
    window, global_blocks = _windows(tables, rows, depth)
    head_width = tables[0][1] if 0 in tables else 64
    return SamVisionConfig(
        hidden_size=width,
        output_channels=_shape(shapes, "image_encoder.neck.0.weight", 4)[0],
        num_hidden_layers=depth,
        num_attention_heads=max(width // head_width, 1),
        num_channels=channels,
        image_size=rows * patch,
        patch_size=patch,
        qkv_bias=f"{block}.attn.qkv.bias" in shapes,
        use_rel_pos=bool(tables),
        window_size=window,
        global_attn_indexes=global_blocks,
        num_pos_feats=_pos_feats(shapes),
        mlp_dim=_shape(shapes, f"{block}.mlp.lin1.weight", 2)[0],
    )


def _windows(
    tables: Mapping[int, tuple[int, ...]], side: int, depth: int
) -> tuple[int, tuple[int, ...]]:
    """Window size and global blocks from the lengths of the relative position tables."""
    if not tables:
        if depth not in _GLOBAL_BLOCKS:
            raise CheckpointError(
                f"{depth} blocks without relative positions: give the folder with config.json"
            )
        return 14, _GLOBAL_BLOCKS[depth]
    sizes = {(length + 1) // 2 for i, (length, _) in tables.items() if length != 2 * side - 1}
    if len(sizes) > 1 or len(tables) != depth:
        raise CheckpointError(f"relative position tables of several windows: {sorted(sizes)}")
    everywhere = tuple(i for i, (length, _) in tables.items() if length == 2 * side - 1)
    return (sizes.pop(), everywhere) if sizes else (0, everywhere)


def _tiny_vit(shapes: Shapes) -> TinyVitConfig:
    first = "image_encoder.patch_embed.seq.0.c.weight"
    _, channels, kernel, _ = _shape(shapes, first, 4)
    stages = _count(shapes, r"image_encoder\.layers\.(\d+)\.")
    widths = [_shape(shapes, "image_encoder.patch_embed.seq.2.c.weight", 4)[0]]
    heads, windows = [], []
    for i in range(1, stages):
        block = f"image_encoder.layers.{i}.blocks.0"
        widths.append(_shape(shapes, f"{block}.attn.qkv.weight", 2)[1])
        count, offsets = _shape(shapes, f"{block}.attn.attention_biases", 2)
        heads.append(count)
        windows.append(isqrt(offsets))
    # The convolutions of stage 0 have neither; the numbers written for them follow the pattern.
    heads.insert(0, max(heads[0] // 2, 1) if heads else 1)
    windows.insert(0, windows[0] if windows else 1)
    strides = tuple(1 if w in _SINGLE_STRIDE_WIDTHS else 2 for w in widths[1:])
    last = f"image_encoder.layers.{stages - 1}.blocks.0"
    expanded = _shape(shapes, "image_encoder.layers.0.blocks.0.conv1.c.weight", 4)[0]
    stem = 1 if kernel == 1 else 4  # LiteMedSAM looks at single pixels
    total = stem
    for stride in strides:
        total *= stride
    # The input size leaves no trace in the weights; all published ones make a 64 x 64 embedding.
    return TinyVitConfig(
        embed_dims=tuple(widths),
        depths=tuple(
            _count(shapes, rf"image_encoder\.layers\.{i}\.blocks\.(\d+)\.") for i in range(stages)
        ),
        num_heads=tuple(heads),
        window_sizes=tuple(windows),
        merge_strides=strides,
        stem_stride=stem,
        mlp_ratio=_shape(shapes, f"{last}.mlp.fc1.weight", 2)[0] / widths[-1],
        mbconv_expand_ratio=expanded / widths[0],
        num_channels=channels,
        image_size=_TINY_EMBEDDING * total,
        output_channels=_shape(shapes, "image_encoder.neck.0.weight", 4)[0],
        num_pos_feats=_pos_feats(shapes),
    )


def _prompt_encoder(shapes: Shapes, image_size: int, patch_size: int) -> SamPromptEncoderConfig:
    return SamPromptEncoderConfig(
        hidden_size=_shape(shapes, "prompt_encoder.no_mask_embed.weight", 2)[1],
        image_size=image_size,
        patch_size=patch_size,
        mask_input_channels=_shape(shapes, "prompt_encoder.mask_downscaling.3.weight", 4)[0],
        num_point_embeddings=_count(shapes, r"prompt_encoder\.point_embeddings\.(\d+)\."),
    )


def _mask_decoder(shapes: Shapes, hugging_face: bool) -> SamMaskDecoderConfig:
    layer = "mask_decoder.transformer.layers.0"
    width = _shape(shapes, "mask_decoder.iou_token.weight", 2)[1]
    inner = _shape(shapes, f"{layer}.cross_attn_token_to_image.q_proj.weight", 2)[0]
    return SamMaskDecoderConfig(
        hidden_size=width,
        mlp_dim=_shape(shapes, f"{layer}.mlp.lin1.weight", 2)[0],
        num_hidden_layers=_count(shapes, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        num_attention_heads=_DECODER_HEADS,
        attention_downsample_rate=max(width // max(inner, 1), 1),
        num_multimask_outputs=_shape(shapes, "mask_decoder.mask_tokens.weight", 2)[0] - 1,
        iou_head_depth=_count(shapes, r"mask_decoder\.iou_prediction_head\.layers\.(\d+)\."),
        iou_head_hidden_dim=_shape(shapes, "mask_decoder.iou_prediction_head.layers.0.weight", 2)[
            0
        ],
        layer_norm_eps=1e-6 if hugging_face else _META_DECODER_EPS,
    )


def _pos_feats(shapes: Shapes) -> int:
    return _shape(shapes, "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", 2)[1]


def _shape(shapes: Shapes, name: str, ndim: int) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None:
        raise CheckpointError(f"the weights lack {name}, which tells the size of the model")
    if len(shape) != ndim:
        raise CheckpointError(f"{name} has shape {shape}, expected {ndim} axes")
    return shape


def _count(shapes: Shapes, pattern: str) -> int:
    numbers = {int(m[1]) for name in shapes if (m := re.match(pattern, name))}
    return len(numbers)


_ENCODERS: dict[str, Callable[[Shapes], SamVisionConfig | TinyVitConfig]] = {
    "image_encoder.patch_embed.proj.weight": _vit,
    "image_encoder.patch_embed.seq.0.c.weight": _tiny_vit,
}
"""The family table: a parameter that only this encoder has, and how its sizes are read."""
