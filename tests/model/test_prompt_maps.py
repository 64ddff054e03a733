"""Prompts drawn as maps."""

from __future__ import annotations

import torch

from napari_samara.model import SamPromptEncoderConfig
from napari_samara.model.prompt_maps import draw_prompts

CONFIG = SamPromptEncoderConfig(image_size=256)  # maps of 64 x 64, four pixels each
LIKE = torch.zeros(1)


def test_points_are_drawn_by_their_sign_where_they_are():
    points = torch.tensor([[[101.5, 41.5], [200.0, 220.0], [9.0, 9.0]]])
    maps = draw_prompts(points, torch.tensor([[1, 0, -1]]), None, 1, CONFIG, LIKE)
    positive, negative, box = maps[0]
    assert divmod(int(positive.argmax()), 64) == (10, 25)
    assert divmod(int(negative.argmax()), 64) == (55, 50)
    assert positive[55, 50] < 1e-6
    assert not box.any()


def test_a_box_is_its_ellipse():
    maps = draw_prompts(None, None, torch.tensor([[40.0, 80.0, 120.0, 200.0]]), 1, CONFIG, LIKE)
    inside = maps[0, 2] > 0.5
    rows, cols = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
    assert (int(rows[0]), int(rows[-1])) == (20, 49)
    assert (int(cols[0]), int(cols[-1])) == (10, 29)
    assert abs(inside.sum().item() - 3.1416 / 4 * 30 * 20) < 12
    assert not maps[0, :2].any()


def test_a_box_without_width_is_drawn_all_the_same():
    maps = draw_prompts(None, None, torch.tensor([[40.0, 80.0, 40.0, 200.0]]), 1, CONFIG, LIKE)
    assert maps.isfinite().all()
