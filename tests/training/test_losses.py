"""Tests of the losses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_samara.training.losses import mask_loss, prompt_loss, soft_iou

SIDE = 32
SURE = 20.0


def rectangle(r0: int, c0: int, r1: int, c1: int) -> Tensor:
    """(SIDE, SIDE) of 0 and 1."""
    mask = torch.zeros(SIDE, SIDE)
    mask[r0:r1, c0:c1] = 1
    return mask


TRUTHS = torch.stack(
    [
        rectangle(8, 8, 20, 24),
        rectangle(5, 5, 6, 6),
        rectangle(0, 0, SIDE, SIDE),
        rectangle(0, 0, 0, 0),
    ]
)
EVERYWHERE = torch.ones_like(TRUTHS, dtype=torch.bool)


def logits_of(masks: Tensor) -> Tensor:
    """Sure logits."""
    return (2 * masks - 1) * SURE


def test_perfect_masks_cost_nothing() -> None:
    found = mask_loss(logits_of(TRUTHS)[:, None], TRUTHS, EVERYWHERE)
    torch.testing.assert_close(found, torch.zeros(4, 1), atol=1e-4, rtol=0)
    assert soft_iou(logits_of(TRUTHS)[:, None], TRUTHS)[:3].flatten().tolist() == [1, 1, 1]


def test_worse_masks_cost_more() -> None:
    masks = [rectangle(8, 8, 20, 24), rectangle(8, 8, 20, 20), rectangle(8, 20, 20, 32)]
    masks.append(1 - masks[0])
    logits = torch.stack([logits_of(m) for m in masks])[None]
    found = mask_loss(logits, TRUTHS[:1], EVERYWHERE[:1])[0]
    assert (found.diff() > 0).all()


def test_error_far_from_the_object_counts_less() -> None:
    near = rectangle(2, 2, 26, 30).bool()[None]
    base = rectangle(8, 8, 20, 24)
    close, far = base.clone(), base.clone()
    close[20, 8:14] = 1
    far[30, 8:14] = 1
    logits = torch.stack([logits_of(close), logits_of(far)])[None]
    inside, outside = mask_loss(logits, TRUTHS[:1], near)[0]
    assert inside > outside > 0


@pytest.mark.parametrize(
    ("predicted", "truth", "expected"),
    [
        (rectangle(0, 0, 4, 4), rectangle(0, 0, 4, 8), 0.5),
        (rectangle(0, 0, 4, 4), rectangle(8, 8, 9, 9), 0.0),
        (rectangle(0, 0, 0, 0), rectangle(0, 0, 0, 0), 0.0),
        (rectangle(0, 0, 2, 2), 0.6 * rectangle(0, 0, 2, 2), 1.0),
        (rectangle(0, 0, 2, 2), 0.4 * rectangle(0, 0, 2, 2), 0.0),  # less than half covered
    ],
)
def test_iou_of_thresholded_masks(predicted: Tensor, truth: Tensor, expected: float) -> None:
    found = soft_iou(logits_of(predicted)[None, None], truth[None])
    assert found.item() == pytest.approx(expected)


GOOD, BAD = logits_of(TRUTHS[0]), logits_of(1 - TRUTHS[0])


def loss_of(masks: list[Tensor], iou: list[float], single: bool) -> tuple[float, float]:
    """Loss and shown IoU of one prompt for the first truth."""
    loss, reached = prompt_loss(
        torch.stack(masks)[None],
        torch.tensor([iou]),
        TRUTHS[:1],
        EVERYWHERE[:1],
        torch.tensor([single]),
    )
    return float(loss), float(reached)


def test_perfect_answer_costs_nothing() -> None:
    assert loss_of([GOOD] * 4, [1.0] * 4, True)[0] == pytest.approx(0, abs=1e-3)


def test_one_good_mask_of_three_is_enough() -> None:
    scores = [1.0, 0.0, 1.0, 0.0]
    one_good = loss_of([GOOD, BAD, GOOD, BAD], scores, True)[0]
    none_good = loss_of([GOOD, BAD, BAD, BAD], scores, True)[0]
    assert one_good < 0.2 * none_good


def test_three_masks_count_less_where_one_is_shown() -> None:
    masks, scores = [GOOD, BAD, BAD, BAD], [1.0, 0.0, 0.0, 0.0]
    assert loss_of(masks, scores, False)[0] < loss_of(masks, scores, True)[0]


@pytest.mark.parametrize("single", [True, False])
def test_wrong_score_costs(single: bool) -> None:
    masks = [GOOD, GOOD, BAD, BAD]
    right, wrong = [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]
    gap = loss_of(masks, wrong, single)[0] - loss_of(masks, right, single)[0]
    assert gap == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("scores", "single", "expected"),
    [
        ([0.0, 0.1, 0.9, 0.2], True, 1.0),
        ([1.0, 0.9, 0.1, 0.2], True, 0.0),
        ([0.0, 0.1, 0.9, 0.2], False, 0.0),  # the single mask is shown, whatever the others say
    ],
)
def test_iou_of_the_mask_that_is_shown(scores: list[float], single: bool, expected: float) -> None:
    assert loss_of([BAD, BAD, GOOD, BAD], scores, single)[1] == expected


def test_gradients_are_finite_for_extreme_logits() -> None:
    logits = (1e4 * torch.randn(4, 4, SIDE, SIDE)).requires_grad_()
    iou = torch.zeros(4, 4, requires_grad=True)
    loss, _ = prompt_loss(logits, iou, TRUTHS, EVERYWHERE, torch.tensor([True, False] * 2))
    loss.backward()
    assert torch.isfinite(loss)
    for tensor in (logits, iou):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
