"""A samara model of a few thousand weights, and what it is trained on here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_samara.model.config import (
    SamConfig,
    SamMaskDecoderConfig,
    SamPromptEncoderConfig,
    TinyVitConfig,
)
from napari_samara.model.sam import SamModel
from napari_samara.training.data import LabelledImage
from napari_samara.training.loop import Trainer
from napari_samara.training.recipe import Recipe
from napari_samara.training.views import Source

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 64
SHORT = {
    "steps": 40,
    "batch": 2,
    "prompts": 4,
    "side": 32,
    "warmup": 3,
    "second_round": 0.7,
    "phantoms": 0.4,
    "learning_rate": 3e-3,
}


def make_config(**changes: Any) -> SamConfig:
    """64-pixel input, 4 x 4 embedding, masks of 32 x 32; the fields of the decoder may change."""
    width = 16
    vision = TinyVitConfig(
        embed_dims=(8, 16, 16, 16),
        depths=(1, 1, 1, 1),
        num_heads=(1, 1, 1, 1),
        window_sizes=(4, 4, 4, 4),
        image_size=SIZE,
        output_channels=width,
        num_pos_feats=width // 2,
        feature_pyramid=True,
        pyramid_blocks=1,
    )
    prompt = SamPromptEncoderConfig(hidden_size=width, image_size=SIZE, prompt_maps=True)
    decoder = {
        "hidden_size": width,
        "mlp_dim": 32,
        "num_attention_heads": 2,
        "iou_head_hidden_dim": width,
        "skip_channels": vision.skip_channels,
        "instance_maps": True,
        "mask_scores": True,
        "fine_maps": True,
    }
    return SamConfig(vision, prompt, SamMaskDecoderConfig(**decoder | changes))


def make_model(seed: int = 0) -> SamModel:
    """The miniature with seeded random weights."""
    torch.manual_seed(seed)
    return SamModel(make_config())


def square(side: int = 48, place: slice = slice(12, 36)) -> LabelledImage:
    """One bright square on dark ground."""
    labels = np.zeros((side, side), np.int32)
    labels[place, place] = 1
    noise = np.random.default_rng(0).integers(0, 30, labels.shape)
    return LabelledImage("square", "squares", (labels * 180 + noise).astype(np.uint8), labels)


def make_trainer(folder: Path, seed: int = 0, **changes: Any) -> Trainer:
    """A short run on one square and on phantoms."""
    recipe = Recipe(**SHORT | changes)
    return Trainer(make_model(seed), [Source([square()], 1.0)], recipe, folder)


def train_as_worker(rank: int, count: int, steps: int, folder: Path) -> None:
    """Train in one of several processes and leave the weights behind."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count
    )
    trainer = make_trainer(folder / f"run{rank}", seed=rank)  # every worker starts from others
    for _ in range(steps):
        trainer.train_step()
    trainer.save()
    weights = {k: v.detach().clone() for k, v in trainer.model.named_parameters()}
    torch.save(weights, folder / f"weights{rank}.pt")
    torch.distributed.destroy_process_group()
