"""Coarse features handed down to the finer maps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from napari_samara.model.feature_pyramid import FeaturePyramid, Residual, TopDown

CHANNELS = 8, 6, 4


def given(side: int = 8) -> tuple[Tensor, list[Tensor]]:
    """An embedding and two finer maps."""
    generator = torch.Generator().manual_seed(0)
    maps = [
        torch.randn(2, c, side << i, side << i, generator=generator) for i, c in enumerate(CHANNELS)
    ]
    return maps[0], maps[1:]


def pyramid() -> FeaturePyramid:
    """Seeded."""
    torch.manual_seed(0)
    return FeaturePyramid(CHANNELS).eval()


def test_every_map_keeps_its_size() -> None:
    embedding, maps = given()
    found = pyramid()(embedding, maps)
    assert [m.shape for m in found] == [m.shape for m in maps]


def test_without_gain_the_maps_stay_as_they_are() -> None:
    embedding, maps = given()
    model = pyramid()
    for module in model.steps:
        assert isinstance(module, TopDown)
        nn.init.zeros_(module.out.bn.weight)
    for before, after in zip(maps, model(embedding, maps), strict=True):
        assert torch.equal(before, after)


def test_the_embedding_reaches_its_own_place_in_the_finest_map() -> None:
    embedding, maps = given()
    model = pyramid()
    before = model(embedding, maps)[-1]
    embedding[:, :, 2, 5] += 3
    changed = (model(embedding, maps)[-1] - before).abs().amax((0, 1)) > 1e-6
    rows, cols = changed.nonzero().unbind(1)
    assert (rows.min(), rows.max()) == (5, 14)  # 8 to 11, and what two convolutions reach
    assert (cols.min(), cols.max()) == (17, 26)


def test_numbers_of_maps_must_fit() -> None:
    embedding, maps = given()
    with pytest.raises(ValueError, match="zip"):
        pyramid()(embedding, maps[:1])


def test_a_new_block_adds_nothing_and_then_looks_two_pixels_far() -> None:
    block = Residual(4).eval()
    x = given()[1][-1]
    assert torch.equal(block(x), x)
    nn.init.ones_(block.second.bn.weight)
    moved = x.clone()
    moved[:, :, 8, 8] += 3
    changed = (block(moved) - block(x)).abs().amax((0, 1)) > 1e-6
    rows, cols = changed.nonzero().unbind(1)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (6, 10, 6, 10)


def test_blocks_come_behind_each_map() -> None:
    model = FeaturePyramid(CHANNELS, blocks=2)
    widths = [m.first.c.in_channels for m in model.modules() if isinstance(m, Residual)]
    assert widths == [6, 6, 4, 4]
