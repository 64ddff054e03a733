"""Tests of what is kept of a decoded object, and of the mask made of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.engine.candidates import Candidate, propose
from napari_samara.engine.upsample import whole
from napari_samara.geometry import Frame


def candidate(data, row=0, col=0, window=(0, 0, 40, 40)):
    data = np.array(data, bool)
    box = row, col, row + data.shape[0], col + data.shape[1]
    return Candidate(data, box, 0.9, 0.8, (1.0, 2.0), window)


def bumps(seed, sharp=30.0):
    """Logits (64, 64) of a few soft bumps."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices((64, 64))
    light = np.full((64, 64), -6.0)
    for _ in range(2):
        row, col = rng.uniform(5, 45, 2)
        light += sharp * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / rng.uniform(8, 150))
    return torch.tensor(light, dtype=torch.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(200, 256), (97, 61)])
def test_mask_and_stability_are_those_of_all_logits_at_full_size(seed, shape):
    logits, frame = bumps(seed), Frame(*shape, 256)
    window = 30, 20, 30 + shape[0], 20 + shape[1]
    kept = propose(logits, 0.7, (31.0, 22.0), window, offset=1.0)
    assert kept.logits.size < logits.numel()
    found = kept.candidate(256, 1.0)
    values = whole(logits[None], frame)[0].numpy()
    row0, col0, row1, col1 = found.box
    out = np.zeros((row1, col1), bool)
    out[row0:row1, col0:col1] = found.data
    expected = np.zeros((30 + shape[0], 20 + shape[1]), bool)
    expected[30:, 20:] = values > 0
    assert np.array_equal(out, expected[:row1, :col1])
    assert found.area == expected.sum()
    stability = np.count_nonzero(values > 1) / np.count_nonzero(values > -1)
    assert found.stability == pytest.approx(stability)
    assert (found.score, found.point, found.window) == (0.7, (31.0, 22.0), window)


def test_nothing_inside():
    kept = propose(torch.full((16, 16), -3.0), 0.9, (0.0, 0.0), (0, 0, 20, 20), 1.0)
    assert kept.area == 0
    assert not kept.may_pass(0.0, 0.0)
    assert kept.candidate(64, 1.0) is None


def test_only_what_cannot_pass_is_left_out_early():
    steep = propose(bumps(0, sharp=60), 0.7, (0.0, 0.0), (0, 0, 256, 256), 1.0)
    assert steep.area >= 400
    assert steep.may_pass(0.7, steep.stability + 0.09)
    assert not steep.may_pass(0.7, steep.stability + 0.11)
    assert not steep.may_pass(0.71, 0.0)
    small = propose(bumps(0)[::4, ::4], 0.7, (0.0, 0.0), (0, 0, 256, 256), 1.0)
    assert 0 < small.area < 400
    assert small.may_pass(0.7, 1.0)  # low resolution says too little of it


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((30, 10, 39, 19), False),
        ((22, 10, 39, 19), True),  # two from the upper border of the window
        ((23, 10, 39, 19), False),
        ((30, 10, 39, 29), True),  # its last column is two from the end
        ((30, 10, 39, 28), False),
        ((30, 0, 39, 19), False),  # the border of the image
        ((30, 10, 60, 19), False),
    ],
)
def test_cut_off_by_a_border_of_the_window_alone(box, cut):
    row0, col0, row1, col1 = box
    one = candidate(np.ones((row1 - row0, col1 - col0)), row0, col0, (20, 0, 60, 30))
    assert one.touches((60, 40), 2) is cut


def test_part_inside_the_image():
    one = candidate([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], 8, 6)
    assert one.inside((11, 10)) is one
    part = one.inside((10, 10))
    assert part.box == (8, 6, 10, 8)
    assert part.data.tolist() == [[True, True], [True, False]]
    assert one.inside((8, 10)) is None


RING = np.array(
    [
        [1, 1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0, 1],
        [1, 1, 1, 1, 0, 0],
    ]
)


def test_small_holes_are_filled_and_small_pieces_removed():
    ring = candidate(RING, 5, 5)
    assert ring.cleaned(1, (40, 40)) is ring
    found = ring.cleaned(3, (40, 40))
    assert found.box == (5, 5, 8, 9)
    assert found.data.all()
    assert ring.whole
    assert not found.whole


def test_of_nothing_but_small_pieces_the_largest_stays():
    found = candidate([[1, 0, 1, 1]], 5, 5).cleaned(9, (40, 40))
    assert found.box == (5, 7, 6, 9)


def test_the_border_of_the_image_closes_a_hole():
    corner = candidate([[0, 1, 1], [1, 1, 1]], 0, 0)
    assert corner.cleaned(2, (40, 40)).data.all()
    inner = candidate([[0, 1, 1], [1, 1, 1]], 5, 5)
    assert inner.cleaned(2, (40, 40)) is inner
