"""Prompts drawn as maps."""

from __future__ import annotations

import torch

from napari_samara.model.prompt_encoder import Places
from napari_samara.model.prompt_maps import draw_fine, draw_prompts

LIKE = torch.zeros(1)


def coarse(**given: torch.Tensor) -> torch.Tensor:
    """Maps of 64 x 64, four pixels of the input each."""
    return draw_prompts(Places(1, **given), 64, 64, 4.0, LIKE)


def test_points_are_drawn_by_their_sign_where_they_are():
    points = torch.tensor([[[101.5, 41.5], [200.0, 220.0], [9.0, 9.0]]])
    maps = coarse(points=points, labels=torch.tensor([[1, 0, -1]]))
    positive, negative, box = maps[0]
    assert divmod(int(positive.argmax()), 64) == (10, 25)
    assert divmod(int(negative.argmax()), 64) == (55, 50)
    assert positive[55, 50] < 1e-6
    assert not box.any()


def test_a_box_is_its_ellipse():
    maps = coarse(boxes=torch.tensor([[40.0, 80.0, 120.0, 200.0]]))
    inside = maps[0, 2] > 0.5
    rows, cols = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
    assert (int(rows[0]), int(rows[-1])) == (20, 49)
    assert (int(cols[0]), int(cols[-1])) == (10, 29)
    assert abs(inside.sum().item() - 3.1416 / 4 * 30 * 20) < 12
    assert not maps[0, :2].any()


def test_a_box_without_width_is_drawn_all_the_same():
    maps = coarse(boxes=torch.tensor([[40.0, 80.0, 40.0, 200.0]]))
    assert maps.isfinite().all()


def fine(**given: torch.Tensor) -> torch.Tensor:
    """Maps of 64 x 32, two pixels of the input each."""
    return draw_fine(Places(1, **given), 64, 32, 2.0, LIKE)[0]


def test_fine_points_are_small_and_have_their_sign():
    maps = fine(
        points=torch.tensor([[[20.5, 100.5], [50.5, 30.5], [9.0, 9.0]]]),
        labels=torch.tensor([[1, 0, -1]]),
    )
    for map_, (row, col) in zip(maps[:2], ((50, 10), (15, 25)), strict=True):
        assert map_[row, col] > 0.8
        rows, cols = (map_ > 0.5).nonzero().unbind(1)
        assert rows.min() >= row - 2
        assert rows.max() <= row + 2
        assert cols.min() >= col - 2
        assert cols.max() <= col + 2
    assert not maps[2:].any()


def test_a_fine_box_ends_where_the_box_ends():
    ellipse, rectangle = fine(boxes=torch.tensor([[10.0, 20.0, 50.0, 100.0]]))[2:]
    truth = torch.zeros(64, 32, dtype=torch.bool)
    truth[10:50, 5:25] = True
    assert torch.equal(rectangle > 0.5, truth)
    inside = ellipse > 0.5
    assert torch.equal(inside & ~truth, torch.zeros_like(truth))
    assert bool(inside[10:50].any(1).all())  # to the last row
    assert bool(inside[:, 5:25].any(0).all())
    assert abs(inside.sum().item() - 3.1416 / 4 * 40 * 20) < 12


def test_fine_maps_of_a_box_without_width_are_numbers():
    for box in ([40.0, 80.0, 40.0, 120.0], [0.0, 0.0, 0.0, 0.0]):
        assert fine(boxes=torch.tensor([box])).isfinite().all()


def test_nothing_given_draws_nothing():
    assert not fine().any()
