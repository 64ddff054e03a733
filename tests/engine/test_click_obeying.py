"""Tests of masks that do what clicks ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara import api
from napari_samara.engine.click_obeying import SURE, obeyed
from napari_samara.engine.model_calls import decode

SIZE, STRIDE = 64, 2.0


def disk(radius: float) -> torch.Tensor:
    """Logits (1, 1, SIZE, SIZE), positive in a disk around the middle."""
    rows, cols = np.indices((SIZE, SIZE))
    away = radius - np.hypot(rows - 31.5, cols - 31.5)
    return torch.from_numpy(np.clip(away, -8, 8).astype(np.float32))[None, None]


def click(*places: tuple[float, float]) -> torch.Tensor:
    """Points (1, N, 2) in the model input of (row, col) in positions of the logits."""
    return torch.tensor([[((col + 0.5) * STRIDE - 0.5, (row + 0.5) * STRIDE - 0.5)
                          for row, col in places]])  # fmt: skip


def test_clicks_that_are_followed_change_nothing() -> None:
    logits = disk(12)
    found = obeyed(logits, click((31, 31), (5, 5)), torch.tensor([[1, 0]]), STRIDE)
    assert torch.equal(found, logits)


@pytest.mark.parametrize(("place", "sign"), [((31, 50), 1), ((31, 28), 0), ((0, 63), 1)])
def test_a_click_comes_to_its_side_and_what_is_far_away_stays(
    place: tuple[int, int], sign: int
) -> None:
    logits = disk(12)
    found = obeyed(logits, click(place), torch.tensor([[sign]]), STRIDE)
    side = 1 if sign else -1
    assert float(found[0, 0][place]) * side == pytest.approx(SURE, abs=1e-3)
    rows, cols = np.indices((SIZE, SIZE))
    far = torch.from_numpy(np.hypot(rows - place[0], cols - place[1]) > 20)
    assert torch.allclose(found[0, 0][far], logits[0, 0][far], atol=1e-3)


def test_between_positions_and_for_each_mask_by_itself() -> None:
    logits = torch.cat([disk(12), disk(25)], dim=1)
    points = click((31.4, 50.3))
    found = obeyed(logits, points, torch.tensor([[1]]), STRIDE)
    assert torch.equal(found[:, 1], logits[:, 1])  # is in the larger one already
    part = found[0, 0, 31:33, 50:52]
    weights = torch.tensor([[0.6 * 0.7, 0.6 * 0.3], [0.4 * 0.7, 0.4 * 0.3]])
    assert float((part * weights).sum()) == pytest.approx(SURE, abs=1e-3)


def test_what_is_no_click_is_left_out_and_the_last_of_two_counts() -> None:
    logits = disk(12)
    ignored = obeyed(logits, click((31, 50), (31, 50)), torch.tensor([[-1, -10]]), STRIDE)
    assert torch.equal(ignored, logits)
    for first, last in ((0, 1), (1, 0)):
        found = obeyed(logits, click((31, 31), (31, 31)), torch.tensor([[first, last]]), STRIDE)
        assert (float(found[0, 0, 31, 31]) > 0) == bool(last)


def test_the_last_click_counts_for_the_checkpoint_of_the_package(disks) -> None:
    """Two that contradict each other: in one of the two orders a decoder would not follow."""
    tiny = api.load("samara-tiny", device="cpu")
    embedding = tiny.embed(disks.image)
    row, col = np.argwhere(disks.labels == 1).mean(0).round().astype(int)
    for last in (True, False):
        signs = [not last, last]
        mask = tiny.predict(embedding, points=[(row, col)] * 2, positive=signs)[0]
        assert mask.data[row, col] == last


def test_points_that_nobody_set_and_single_ones_are_left_to_the_decoder(disks) -> None:
    tiny = api.load("samara-tiny", device="cpu")
    embedding = tiny.embed(disks.image)
    middle = np.argwhere(disks.labels == 1).mean(0)
    points = torch.from_numpy(embedding.frame.to_input([[middle, middle]]))
    stride = embedding.frame.input_size / tiny.model.config.mask_size
    changed = []
    for signs in (torch.tensor([[1, 0]]), torch.tensor([[0, 1]])):
        asked = points, signs, None, None
        guessed, _ = decode(tiny.model, embedding, asked, False, True, by_hand=False)
        found, _ = decode(tiny.model, embedding, asked, False, True)
        assert torch.allclose(found, obeyed(guessed, points, signs, stride), atol=1e-4)
        changed.append(not torch.equal(found, guessed))
    assert any(changed)
    one = points[:, :1], torch.tensor([[0]]), None, None
    alone, _ = decode(tiny.model, embedding, one, True, False)
    same, _ = decode(tiny.model, embedding, one, True, False, by_hand=False)
    assert torch.equal(alone, same)
