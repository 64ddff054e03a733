"""Small layers that several parts of a SAM share."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.Module):
    """Normalise each pixel of a (B, C, H, W) map over its channels.

    As ``LayerNorm2d`` of ``segment_anything/modeling/common.py``.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map, (B, C, H, W)."""
        return self.channels_last(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def channels_last(self, x: Tensor) -> Tensor:
        """Return (..., C) normalised over the last axis."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class ConvNorm(nn.Module):
    """A convolution without bias and a batch normalisation.

    An odd kernel is padded to keep the place of each pixel, an even one of twice the stride to
    give one position for each `stride` pixels.
    """

    def __init__(self, a: int, b: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = kernel // 2 if kernel % 2 else (kernel - stride) // 2
        self.c = nn.Conv2d(a, b, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(b)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map; one convolution in evaluation mode."""
        if self.training:
            y: Tensor = self.bn(self.c(x))
            return y
        norm = self.bn
        if norm.running_mean is None or norm.running_var is None:
            raise RuntimeError("batch normalisation without running statistics cannot be folded")
        gain = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = self.c.weight * gain.view(-1, 1, 1, 1)
        bias = norm.bias - norm.running_mean * gain
        return F.conv2d(x, weight, bias, self.c.stride, self.c.padding, groups=self.c.groups)


class MLPBlock(nn.Module):
    """Two linear layers with an activation between them, as in each transformer block."""

    def __init__(self, width: int, hidden: int, activation: type[nn.Module] = nn.GELU) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)
        self.act = activation()

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., width)."""
        y: Tensor = self.lin2(self.act(self.lin1(x)))
        return y


class MLP(nn.Module):
    """Linear layers with ReLU between them: the heads of the mask decoder."""

    def __init__(self, width: int, hidden: int, out: int, depth: int) -> None:
        super().__init__()
        sizes = [width, *[hidden] * (depth - 1), out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., out)."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        y: Tensor = self.layers[-1](x)
        return y


def neck(channels: int, out: int) -> nn.Sequential:
    """Return the convolutions that bring encoder features to the width of the embedding."""
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel_size=1, bias=False),
        LayerNorm2d(out),
        nn.Conv2d(out, out, kernel_size=3, padding=1, bias=False),
        LayerNorm2d(out),
    )
