"""Automatic masks of a grid, end to end, against segment-anything's generator; same weights.

python benchmarks/automatic.py --threads 1 --blocks 12 --size 1024 --points 32

Random weights are sure of nothing and their masks are strewn over the image. So one channel of the
decoder's finest features pulls all logits down until only peaks pass, and the limits of score and
stability are the quantiles of a coarse grid that leave `--keep` of the masks at each.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from references import config, meta, ours, seeded_state
from timing import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reference.seeded import image
from reference.torchvision_shim import installed

from napari_samara.engine.automatic import Scene, automatic_masks
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.engine.device import choose_device
from napari_samara.engine.predictor import Predictor

if TYPE_CHECKING:
    from napari_samara.engine.automatic_masks import AutomaticMasks


def main() -> None:
    """Time both on one picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--size", type=int, default=1024, help="side of the model input")
    parser.add_argument("--points", type=int, default=32, help="per side")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=float, default=0.5, help="part that passes each limit")
    parser.add_argument("--cpu", action="store_true", help="CPU seconds: for a shared machine")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = config(options.blocks, options.size)
    state = peaked(seeded_state(sizes))
    predictor = Predictor(ours(sizes, state), choice=choose_device("cpu"))
    picture = image(options.size, options.size, seed=3)
    settings = limits(predictor, picture, options)
    print(f"limits: score {settings.score:.3f}, stability {settings.stability:.3f}")
    with installed():
        from segment_anything import SamAutomaticMaskGenerator

        generator = SamAutomaticMaskGenerator(
            meta(sizes, state),
            points_per_side=options.points,
            pred_iou_thresh=settings.score,
            stability_score_thresh=settings.stability,
            box_nms_thresh=settings.box_overlap,
        )
    results: dict[str, Any] = {}

    def own() -> None:
        results["ours"] = automatic_masks(predictor, Scene(picture), settings)
        assert results["ours"].candidates is not None  # made when first asked for

    def first() -> None:
        results["segment-anything"] = generator.generate(picture)

    jobs = {"ours": own, "segment-anything": first}
    clock = time.process_time if options.cpu else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(options.rounds):
        for name, job in jobs.items():
            start = clock()
            job()
            times[name].append(clock() - start)
    print(agreement(results["ours"], results["segment-anything"]))
    title = f"{options.points} x {options.points} points, {options.blocks} blocks"
    title += f", input {options.size}, {options.threads} thread(s)"
    report(f"{title}, {'CPU time' if options.cpu else 'wall time'}", times)


def peaked(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights whose masks are peaks, steep enough to be stable."""
    state["mask_decoder.output_upscaling.3.weight"][:, 0] = 0
    state["mask_decoder.output_upscaling.3.bias"][0] = 3
    for name in [n for n in state if "hypernetworks" in n and "layers.2" in n]:
        state[name] *= 100
        state[name][0] = -4 if name.endswith("bias") else 0
    state["mask_decoder.iou_prediction_head.layers.2.bias"] += 0.5
    return state


def limits(predictor: Predictor, picture: Any, options: Any) -> AutomaticSettings:
    """Return settings whose limits a part of the masks passes."""
    loose = AutomaticSettings.preset(
        "segment-anything", points_per_side=6, score=0.0, stability=0.0
    )
    found = automatic_masks(predictor, Scene(picture), loose).proposals
    score = float(np.quantile([p.score for p in found], 1 - options.keep))
    steady = [p.stability for p in found if p.score >= score]
    changes = {
        "score": min(max(score, 0.0), 1.0),
        "stability": float(np.quantile(steady, 1 - options.keep)),
        "points_per_side": options.points,
        "chunk": 64,
        "box_overlap": 1.0,  # all that pass are compared; tests compare the suppression
    }
    return AutomaticSettings.preset("segment-anything", **changes)


def agreement(found: AutomaticMasks, expected: list[dict[str, Any]]) -> str:
    """Say how well two sets of masks match."""
    worst = 1.0
    for record in expected:
        mask, best = record["segmentation"], 0.0
        for candidate in found.candidates:
            row0, col0, row1, col1 = candidate.box
            both = np.count_nonzero(mask[row0:row1, col0:col1] & candidate.data)
            best = max(best, both / (record["area"] + candidate.area - both))
        worst = min(worst, best)
    return (
        f"{len(found.candidates)} masks here, {len(expected)} there, "
        f"the worst of the best IoU {worst:.4f}"
    )


if __name__ == "__main__":
    main()
