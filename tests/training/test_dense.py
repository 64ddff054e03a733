"""What pixels should know before any prompt, and the loss of not knowing it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.model.instance_maps import InstanceMaps
from napari_samara.training.dense import (
    STRIDE,
    InstanceTargets,
    dense_loss,
    edges,
    instance_targets,
)

SIDE = 64
RNG = np.random.default_rng


def two(first: int = 1, second: int = 2) -> np.ndarray:
    """Two rectangles that touch."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    labels[8:40, 8:24] = first
    labels[8:40, 24:56] = second
    return labels


def perfect(labels: np.ndarray) -> InstanceMaps:
    """Maps that say what is true."""
    target = instance_targets(labels, RNG(0))
    sure = 20.0

    def logits(truth: np.ndarray) -> torch.Tensor:
        shares = truth.reshape(SIDE // STRIDE, STRIDE, SIDE // STRIDE, STRIDE).mean((1, 3))
        return torch.from_numpy(shares).float()[None].logit(1e-8).clamp(-sure, sure)

    centres = torch.where(target.ids[:, None] > 0, target.centres, -1000.0)
    return InstanceMaps(
        logits(labels > 0),
        logits(edges(labels)),
        target.depth,
        centres,
        torch.zeros(target.ids.shape),
    )


def test_targets_of_objects_that_touch() -> None:
    found = instance_targets(two(7, 3), RNG(0))
    assert found.ids.shape == found.depth.shape == (1, 16, 16)
    assert (found.ids[0, 4, 3], found.ids[0, 4, 8], found.ids[0, 0, 0]) == (7, 3, 0)
    assert found.centres[0, :, 4, 3].tolist() == [16, 24]
    assert found.centres[0, :, 9, 13].tolist() == [40, 24]
    assert found.diameter[0, 4, 3] == pytest.approx(np.sqrt(32 * 16 * 4 / np.pi))
    assert found.depth.max() <= 1
    assert found.depth[0, 4, 9] > found.depth[0, 2, 9]
    assert found.depth[found.ids == 0].max() == 0


def test_views_together_cost_the_mean_of_each_alone() -> None:
    labels, other = two(), two()[::-1].copy()
    parts = [instance_targets(one, RNG(0)) for one in (labels, other)]
    joined = InstanceTargets.of_views(parts)
    assert len(joined) == 2
    assert joined.views.tolist() == [0, 0, 1, 1]
    maps = [perfect(labels), perfect(labels)]  # wrong for the second
    both = InstanceMaps(*(torch.cat(pair) for pair in zip(*maps, strict=True)))
    loss, iou = dense_loss(both, joined)
    alone = [dense_loss(one, part) for one, part in zip(maps, parts, strict=True)]
    assert float(loss) == pytest.approx(float(sum(one for one, _ in alone)) / 2, rel=1e-4)
    assert iou is not None
    assert float(iou) == pytest.approx(float(sum(i for _, i in alone if i is not None)) / 2)


def test_edges_lie_on_both_sides_also_between_objects() -> None:
    found = edges(two())
    assert found[20, [7, 8, 23, 24, 55, 56]].all()
    assert not found[20, [6, 9, 22, 25, 54, 57]].any()


def test_knowing_everything_costs_least_and_points_out_every_object() -> None:
    labels = two()
    right, iou = dense_loss(perfect(labels), instance_targets(labels, RNG(0)))
    assert iou is not None
    assert iou > 0.9
    wrong = perfect(labels)
    for name, value in {
        "inside": -wrong.inside,
        "boundary": -wrong.boundary,
        "depth": 1 - wrong.depth,
        "centres": wrong.centres + 15,
        "log_width": wrong.log_width + 4,
    }.items():
        loss, _ = dense_loss(wrong._replace(**{name: value}), instance_targets(labels, RNG(0)))
        assert loss > right + 0.05, name


def test_one_centre_for_both_costs_and_points_out_neither() -> None:
    labels = two()
    right = perfect(labels)
    merged = right.centres.clone()
    inside = instance_targets(labels, RNG(0)).ids[0] > 0
    merged[:, :, inside] = torch.tensor([33.0, 24.0])[None, :, None]
    loss, iou = dense_loss(right._replace(centres=merged), instance_targets(labels, RNG(0)))
    best, best_iou = dense_loss(right, instance_targets(labels, RNG(0)))
    assert loss > best + 0.3
    assert iou is not None
    assert best_iou is not None
    assert iou < best_iou - 0.3


@pytest.mark.parametrize("value", [0, 5, 2**31 - 1])
def test_plain_views(value: int) -> None:
    labels = np.full((SIDE, SIDE), value, np.int32)
    maps = InstanceMaps(*(m.requires_grad_() for m in perfect(labels)))
    loss, iou = dense_loss(maps, instance_targets(labels, RNG(0)))
    loss.backward()
    assert torch.isfinite(loss)
    assert (iou is None) == (value == 0)
    assert all(m.grad is None or m.grad.isfinite().all() for m in maps)


def test_ids_do_not_matter() -> None:
    small, large = (instance_targets(two(*ids), RNG(0)) for ids in ((1, 2), (60000, 41)))
    assert torch.equal(small.depth, large.depth)


def test_edges_are_those_of_the_eight_neighbours() -> None:
    labels = RNG(0).integers(0, 3, (30, 21)).astype(np.int32) // 2 * 7
    padded = np.pad(labels, 1, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    assert np.array_equal(edges(labels), (around != labels[..., None, None]).any((2, 3)))
