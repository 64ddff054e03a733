"""The same seeded weights in this package, in transformers and in segment-anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reference.torchvision_shim import segment_anything

from napari_samara.checkpoints.keys import to_hugging_face
from napari_samara.model.config import SamConfig, SamVisionConfig
from napari_samara.model.sam import SamModel


def config(blocks: int = 12, image_size: int = 1024) -> SamConfig:
    """Return the sizes of ViT-B with fewer blocks where asked for: every third one is global."""
    prompt = SamConfig().prompt_encoder_config.replace(image_size=image_size)
    vision = SamVisionConfig(
        num_hidden_layers=blocks,
        image_size=image_size,
        global_attn_indexes=tuple(range(2, blocks, 3)),
    )
    return SamConfig(vision, prompt)


def seeded_state(sizes: SamConfig) -> dict[str, torch.Tensor]:
    """Return random weights under Meta's names, scaled so that activations stay ordinary."""
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in SamModel(sizes).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=generator)
        norm = name.endswith(".weight") and len(shape) == 1
        spread = 0.02 if len(shape) != 2 else shape[-1] ** -0.5
        plain = "gaussian" in name
        state[name] = 1 + 0.02 * value if norm else value if plain else spread * value
    return state


def ours(sizes: SamConfig, state: dict[str, torch.Tensor]) -> SamModel:
    """Return this package's model."""
    with torch.device("meta"):
        model = SamModel(sizes)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def hugging_face(sizes: SamConfig, state: dict[str, torch.Tensor]) -> Any:
    """Return transformers' model (sdpa attention, its default)."""
    import transformers

    values = sizes.to_dict()
    model = transformers.SamModel(
        transformers.SamConfig(
            values["vision_config"], values["prompt_encoder_config"], values["mask_decoder_config"]
        )
    )
    names = to_hugging_face(state)
    missing, unexpected = model.load_state_dict(names, strict=False)
    left = [m for m in missing if "shared_embedding" not in m]
    if left or unexpected:
        raise SystemExit(f"transformers: missing {left}, unexpected {unexpected}")
    code = model.prompt_encoder.shared_embedding
    code.positional_embedding.data.copy_(model.shared_image_embedding.positional_embedding)
    return model.eval().requires_grad_(False)


def meta(sizes: SamConfig, state: dict[str, torch.Tensor]) -> Any:
    """Return segment-anything's model."""
    package = segment_anything()
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    del package
    vision = sizes.vision_config
    side = vision.embedding_size
    model = Sam(
        image_encoder=ImageEncoderViT(
            depth=vision.num_hidden_layers,
            embed_dim=vision.hidden_size,
            img_size=vision.image_size,
            mlp_ratio=4,
            norm_layer=lambda n: torch.nn.LayerNorm(n, eps=1e-6),
            num_heads=vision.num_attention_heads,
            patch_size=16,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=vision.global_attn_indexes,
            window_size=14,
            out_chans=256,
        ),
        prompt_encoder=PromptEncoder(256, (side, side), (vision.image_size,) * 2, 16),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    model.load_state_dict(state, strict=False)
    return model.eval().requires_grad_(False)


MAKERS = {"ours": ours, "transformers": hugging_face, "segment-anything": meta}


def encoder_of(model: Any) -> Any:
    """Return a function from pixels (B, 3, S, S) to embeddings (B, C, h, w) of any of them."""
    if hasattr(model, "get_image_embeddings"):
        return model.get_image_embeddings
    return model.image_encoder
