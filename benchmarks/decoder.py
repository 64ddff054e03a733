"""Prompts to masks: one and 64 prompts at low resolution, and a click to a full-resolution mask.

python benchmarks/decoder.py --threads 1 --rounds 15
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from references import MAKERS, config, hugging_face, meta, ours, seeded_state
from timing import compare, report

from napari_samara.embedding import Embedding
from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor
from napari_samara.geometry import Frame
from napari_samara.model.sam import ImageFeatures

if TYPE_CHECKING:
    import numpy as np


def main() -> None:
    """Time all three on one random embedding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = config(blocks=1)  # the encoder is not run: an embedding is drawn instead
    state = seeded_state(sizes)
    models = {
        "ours": ours(sizes, state),
        "transformers": hugging_face(sizes, state),
        "segment-anything": meta(sizes, state),
    }
    assert list(models) == list(MAKERS)
    embedding = 0.5 * torch.randn(1, 256, 64, 64, generator=torch.manual_seed(1))
    with torch.inference_mode():
        for count, rounds in ((1, options.rounds), (64, max(options.rounds // 5, 2))):
            low_resolution(models, embedding, count, rounds, options.threads)
        for side in (1024, 2048):
            click(models, embedding, side, options.rounds, options.threads)


def low_resolution(
    models: dict[str, Any], embedding: torch.Tensor, count: int, rounds: int, threads: int
) -> None:
    """Compare three low-resolution masks of each of `count` single points."""
    points = 1024 * torch.rand(count, 1, 2, generator=torch.manual_seed(2))
    labels = torch.ones(count, 1, dtype=torch.int64)

    def own() -> torch.Tensor:
        code = models["ours"].prompt_encoder(points, labels)
        return models["ours"].decode(ImageFeatures(embedding), code)[0]

    def theirs() -> torch.Tensor:
        out = models["transformers"](
            image_embeddings=embedding, input_points=points[None], input_labels=labels[None]
        )
        return out.pred_masks[0]

    def first() -> torch.Tensor:
        return meta_masks(models["segment-anything"], embedding, points, labels)

    jobs = {"ours": own, "transformers": theirs, "segment-anything": first}
    for name, job in jobs.items():
        print(f"  {name:18s} largest difference {(job() - own()).abs().max().item():.1e}")
    report(f"{count} prompt(s), 3 masks, {threads} thread(s)", compare(jobs, rounds))


def meta_masks(
    model: Any, embedding: torch.Tensor, points: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Return segment-anything's low-resolution masks."""
    sparse, dense = model.prompt_encoder(points=(points, labels), boxes=None, masks=None)
    masks, _ = model.mask_decoder(
        image_embeddings=embedding,
        image_pe=model.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )
    return masks


def click(
    models: dict[str, Any], embedding: torch.Tensor, side: int, rounds: int, threads: int
) -> None:
    """Compare one click to the best mask of a square image of `side` pixels."""
    frame = Frame(side, side, 1024)
    predictor = Predictor(models["ours"], choice=choose_device("cpu"))
    held = Embedding({"image_embeddings": embedding[0].numpy()}, frame)
    row, col = 0.4 * side, 0.6 * side
    points = torch.tensor([[[col, row]]]) * 1024 / side
    labels = torch.ones(1, 1, dtype=torch.int64)

    def full(masks: torch.Tensor) -> torch.Tensor:
        large = F.interpolate(masks, (1024, 1024), mode="bilinear", align_corners=False)
        return F.interpolate(large, (side, side), mode="bilinear", align_corners=False) > 0

    def own() -> np.ndarray:
        return predictor.predict_many(held, points=[(row, col)])[0].data

    def theirs() -> np.ndarray:
        out = models["transformers"](
            image_embeddings=embedding, input_points=points[None], input_labels=labels[None]
        )
        return full(out.pred_masks[0])[0, out.iou_scores[0, 0].argmax()].numpy()

    def first() -> np.ndarray:
        model = models["segment-anything"]
        sparse, dense = model.prompt_encoder(points=(points, labels), boxes=None, masks=None)
        masks, iou = model.mask_decoder(
            embedding, model.prompt_encoder.get_dense_pe(), sparse, dense, multimask_output=True
        )
        return full(masks)[0, iou[0].argmax()].numpy()

    jobs = {"ours": own, "transformers": theirs, "segment-anything": first}
    for name, job in jobs.items():
        print(f"  {name:18s} {int((job() != own()).sum())} pixels differ")
    report(f"click to best mask at {side} x {side}, {threads} thread(s)", compare(jobs, rounds))


if __name__ == "__main__":
    main()
