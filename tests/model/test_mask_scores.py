"""Predicted IoU from the mask itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_samara.model.instance_maps import N_GUESSES, InstanceMaps
from napari_samara.model.mask_scores import N_FACTS, MaskScores, mask_facts
from napari_samara.model.prompt_maps import N_MAPS

PIXELS = 400
NAMES = (
    *("sure", "around", "stable", "ellipse", "point", "box"),
    *("filled", "crossed", "size", "larger"),
)


def row(start: int, stop: int) -> Tensor:
    """(PIXELS,) of 0 and 1."""
    out = torch.zeros(PIXELS)
    out[start:stop] = 1
    return out


def facts(logits: Tensor) -> dict[str, list[float]]:
    """By name, of masks (M, PIXELS) of one prompt whose object lies from 100 to 200."""
    maps = torch.zeros(1, 1 + N_MAPS + N_GUESSES, PIXELS)
    maps[0, N_MAPS], maps[0, N_MAPS + 1], maps[0, N_MAPS + 3] = row(100, 200), row(100, 150), 0
    zeros = torch.zeros(1, 1, PIXELS)
    inside, boundary = (40 * row(*span)[None, None] - 20 for span in ((100, 250), (195, 205)))
    known = InstanceMaps(inside, boundary, zeros, zeros, zeros)
    found = mask_facts(logits[None], maps, known)
    assert found.shape == (1, len(logits), N_FACTS)
    assert found.isfinite().all()
    return dict(zip(NAMES, found[0].t().tolist(), strict=True))


def test_facts_of_masks() -> None:
    right, merged = 40 * row(100, 200) - 20, 40 * row(100, 300) - 20
    found = facts(torch.stack([right, merged, torch.full((PIXELS,), -20.0)]))
    expected = {
        "sure": [1, 1, 0],
        "around": [0, 0, 0],
        "stable": [1, 1, 0],
        "ellipse": [1, 0.5, 0],
        "point": [0.5, 0.25, 0],
        "box": [0, 0, 0],
        "filled": [1, 0.75, 0],
        "crossed": [0.05, 0.05, 0],
        "larger": [2 / 3, 0.8, 0],
    }
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-4), name
    assert found["size"][0] < found["size"][1]


def test_a_hazy_mask_is_told_from_a_clear_one() -> None:
    hazy = row(100, 200) * 1.6 - 0.8
    found = facts(torch.stack([40 * row(100, 200) - 20, hazy]))
    assert found["sure"][1] < 0.7 < found["sure"][0]
    assert found["stable"][1] == 0
    assert found["around"][1] > 0.5


def test_scores_lie_between_0_and_1_and_see_the_facts() -> None:
    torch.manual_seed(0)
    scores = MaskScores(16, 8)
    tokens, ids = torch.randn(3, 5, 16), torch.tensor([[1, 2]] * 3)
    first = scores(tokens, ids, torch.zeros(3, 2, N_FACTS))
    second = scores(tokens, ids, torch.ones(3, 2, N_FACTS))
    assert first.shape == (3, 2)
    assert ((first > 0) & (first < 1)).all()
    assert (first - second).abs().min() > 1e-4
    swapped = scores(tokens, ids.flip(1), torch.zeros(3, 2, N_FACTS))
    torch.testing.assert_close(swapped, first.flip(1))


def test_masks_do_not_learn_to_look_sure() -> None:
    logits = torch.randn(1, 2, PIXELS, requires_grad=True)
    maps = torch.zeros(1, 1 + N_MAPS + N_GUESSES, PIXELS)
    zeros = torch.zeros(1, 1, PIXELS)
    assert not mask_facts(logits, maps, InstanceMaps(*[zeros] * 5)).requires_grad
