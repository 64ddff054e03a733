"""Tests of the U-Net that reads instance maps from pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from napari_samara.model.cell_net import CellNet
from napari_samara.model.instance_maps import VOTE_UNIT


@pytest.fixture
def net():
    torch.manual_seed(0)
    return CellNet((4, 6, 8)).eval()


def plain(net: CellNet, x: torch.Tensor) -> torch.Tensor:
    """The same in torch's own layers, one after the other, up to the head."""

    def both(part, y: torch.Tensor) -> torch.Tensor:
        return part.bn(part.c(y))

    def block(part, y: torch.Tensor) -> torch.Tensor:
        return F.relu(y + both(part.second, F.relu(both(part.first, y))))

    fine = block(net.there[0], F.relu(both(net.stem, x)))
    middle = block(net.there[1], F.relu(both(net.down[0], fine)))
    coarse = block(net.there[2], F.relu(both(net.down[1], middle)))
    double = nn.Upsample(scale_factor=2)
    middle = block(net.back[0], F.relu(middle + double(both(net.up[0], coarse))))
    return block(net.back[1], F.relu(fine + double(both(net.up[1], middle))))


def test_levels_are_joined_as_in_a_u_net(net):
    for module in net.modules():  # statistics that normalise by something
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    x = torch.randn(2, 3, 48, 32)
    wanted = net.head.maps(plain(net, x))
    found = net(x)
    assert torch.allclose(found.inside, wanted[:, 0], atol=1e-5)
    assert torch.allclose(found.boundary, wanted[:, 1], atol=1e-5)
    assert torch.allclose(found.depth, wanted[:, 2], atol=1e-5)


def test_a_position_for_two_pixels_and_votes_from_its_middle(net):
    nn.init.zeros_(net.head.maps.weight)
    nn.init.zeros_(net.head.maps.bias)
    maps = net(torch.randn(1, 3, 32, 48))
    assert maps.inside.shape == (1, 16, 24)
    assert maps.centres[0, :, 3, 5].tolist() == [11, 7]  # x, y of the middle of 10..12 and 6..8
    with torch.no_grad():
        net.head.maps.bias[3] = 1.0
    assert net(torch.zeros(1, 3, 32, 48)).centres[0, 0, 0, 0] == 1 + VOTE_UNIT


def test_sides_it_can_take(net):
    assert net.coarsest == 8
    net(torch.zeros(1, 3, 8, 16))
    assert CellNet().coarsest == 32
