"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_samara.engine.predictor import Predictor
    from napari_samara.model.sam import SamModel

REPOSITORY = Path(__file__).resolve().parent.parent


class Disks(NamedTuple):
    """Synthetic cells: the picture and the truth."""

    image: np.ndarray  # (rows, cols) uint8
    labels: np.ndarray  # (rows, cols) int32, 0 is background


def _place_disks(
    shape: tuple[int, int], count: int, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """(row, col, radius) of `count` disks that neither touch each other nor the border."""
    placed: list[tuple[float, float, float]] = []
    while len(placed) < count:
        radius = rng.uniform(6.0, 11.0)
        row, col = rng.uniform(radius + 2, np.subtract(shape, radius + 2))
        if all(np.hypot(row - r, col - c) > radius + other + 3 for r, c, other in placed):
            placed.append((row, col, radius))
    return placed


@pytest.fixture(scope="session")
def disks() -> Disks:
    """Twelve bright disks on a noisy background of 128 x 160 pixels; read-only arrays."""
    rng = np.random.default_rng(20)
    shape = (128, 160)
    rows, cols = np.indices(shape, dtype=float)
    labels = np.zeros(shape, np.int32)
    light = np.full(shape, 30.0)
    for label, (row, col, radius) in enumerate(_place_disks(shape, 12, rng), start=1):
        distance = np.hypot(rows - row, cols - col)
        labels[distance <= radius] = label
        # A soft edge of about two pixels, half-way up at the radius.
        light += rng.uniform(90, 170) / (1 + np.exp((distance - radius) / 0.6))
    image = np.clip(light + rng.normal(0, 4, shape), 0, 255).astype(np.uint8)
    image.flags.writeable = labels.flags.writeable = False
    return Disks(image, labels)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of evaluation images; the test is skipped where there is none."""
    root = Path(os.environ.get("SAMARA_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (root / "MANIFEST.tsv").is_file():
        pytest.skip(f"no evaluation images in {root}: set SAMARA_DATA to their folder")
    return root


@pytest.fixture(scope="session")
def tiny_sam() -> SamModel:
    """A whole SAM of the published layout in miniature, with seeded random weights.

    64-pixel input, 4 x 4 embedding, width 32, two blocks: embeds and decodes in milliseconds.
    Shared by the session: copy it before training or changing it.
    """
    import torch

    from napari_samara.model.config import SamConfig
    from napari_samara.model.sam import SamModel

    config = SamConfig.from_dict(
        {
            "vision_config": {
                "hidden_size": 32,
                "output_channels": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 64,
                "patch_size": 16,
                "window_size": 3,  # 4 is no multiple of it: windows are padded
                "global_attn_indexes": [1],
                "num_pos_feats": 16,
            },
            "prompt_encoder_config": {"hidden_size": 32, "image_size": 64},
            "mask_decoder_config": {
                "hidden_size": 32,
                "mlp_dim": 64,
                "num_attention_heads": 2,
                "iou_head_hidden_dim": 32,
            },
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SamModel(config).eval()


@pytest.fixture(scope="session")
def tiny_folder(tiny_sam: SamModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature SAM as a checkpoint folder; copy it before changing it."""
    from napari_samara.checkpoints.save import save_pretrained

    folder = tmp_path_factory.mktemp("checkpoints") / "miniature"
    save_pretrained(tiny_sam, folder)
    return folder


@pytest.fixture(scope="session")
def predictor(tiny_folder: Path) -> Predictor:
    """The miniature SAM on the CPU."""
    from napari_samara.api import load

    return load(tiny_folder, device="cpu")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests keep what they measure and download away from the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMARA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Same random numbers for every test, and one thread: sums in one order.

    Torch is left alone unless the test module has imported it, so that the tests of the
    torch-free layers stay quick.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(1)
