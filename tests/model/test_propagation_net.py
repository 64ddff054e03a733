"""Tests of the 3D U-Net that follows a mask."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from napari_samara.model.propagation_net import DEPTH, SIDE, PropagationNet


@pytest.fixture
def net():
    torch.manual_seed(0)
    return PropagationNet((4, 6, 8, 10)).eval()


def plain(net: PropagationNet, x: torch.Tensor) -> torch.Tensor:
    """The same in torch's own layers, one after the other."""

    def block(part, y: torch.Tensor) -> torch.Tensor:
        return F.relu(y + part.second(F.relu(part.first(y))))

    finest = block(net.there[0], F.relu(net.stem(x)))
    fine = block(net.there[1], F.relu(net.down[0](finest)))
    coarse = block(net.there[2], F.relu(net.down[1](fine)))
    deepest = F.relu(net.down[2](coarse))
    for part in net.deepest:
        deepest = block(part, deepest)
    double, wide = nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=(1, 2, 2))
    coarse = block(net.back[0], F.relu(coarse + double(net.up[0](deepest))))
    fine = block(net.back[1], F.relu(fine + double(net.up[1](coarse))))
    finest = block(net.back[2], F.relu(finest + wide(net.up[2](fine))))
    return net.head(finest)[:, 0]


def test_levels_are_joined_as_in_a_u_net(net):
    for module in net.modules():  # statistics that normalise by something
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    x = torch.randn(2, 2, 8, 24, 16)
    assert torch.allclose(net(x), plain(net, x), atol=1e-5)


def test_every_voxel_gets_a_logit(net):
    assert net(torch.zeros(3, 2, DEPTH, SIDE, SIDE)).shape == (3, DEPTH, SIDE, SIDE)
    assert net(torch.zeros(1, 2, 4, 8, 16)).shape == (1, 4, 8, 16)


def test_size_of_the_one_that_comes_with_the_package():
    counted = sum(value.numel() for value in PropagationNet().parameters())
    assert 1.1e6 < counted < 1.3e6
