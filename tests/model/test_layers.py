"""Small layers."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from napari_samara.model.layers import MLP, LayerNorm2d, MLPBlock, neck


def test_layer_norm_over_channels():
    x = torch.randn(2, 5, 3, 4)
    layer = LayerNorm2d(5, eps=1e-3)
    layer.weight.data.uniform_(0.5, 2)
    layer.bias.data.normal_()
    mean, var = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
    expected = (x - mean) / (var + 1e-3).sqrt()
    expected = expected * layer.weight.view(1, -1, 1, 1) + layer.bias.view(1, -1, 1, 1)
    assert_close(layer(x), expected)
    assert_close(layer.channels_last(x.permute(0, 2, 3, 1)), expected.permute(0, 2, 3, 1))


def test_shapes():
    assert MLPBlock(4, 9)(torch.zeros(2, 3, 4)).shape == (2, 3, 4)
    assert MLP(4, 9, 5, depth=3)(torch.zeros(2, 4)).shape == (2, 5)
    assert neck(6, 8)(torch.zeros(1, 6, 3, 3)).shape == (1, 8, 3, 3)
