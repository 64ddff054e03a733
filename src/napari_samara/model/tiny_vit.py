"""TinyViT image encoder (Wu et al. 2022), as MobileSAM trained it for SAM.

Parameter names are those of MobileSAM's ``mobile_sam/modeling/tiny_vit_sam.py``, so its weights
load as they are (its classification head is not part of this module). Batch normalisation is
folded into the convolution before it whenever the module is in evaluation mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.feature_pyramid import FeaturePyramid
from napari_samara.model.layers import ConvNorm, neck

if TYPE_CHECKING:
    from napari_samara.model.config import TinyVitConfig


class MBConv(nn.Module):
    """Inverted bottleneck with a depth-wise convolution."""

    def __init__(self, width: int, expand_ratio: float) -> None:
        super().__init__()
        hidden = int(width * expand_ratio)
        self.conv1 = ConvNorm(width, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W)."""
        y = F.gelu(self.conv1(x))
        y = F.gelu(self.conv2(y))
        return F.gelu(x + self.conv3(y))


class PatchMerging(nn.Module):
    """Change the width between two stages and, with stride 2, halve the resolution."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, out)
        self.conv2 = ConvNorm(out, out, 3, stride, groups=out)
        self.conv3 = ConvNorm(out, out)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', H / stride, W / stride)."""
        y: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return y


class WindowAttention(nn.Module):
    """Attention inside windows, with a learned bias for each absolute offset."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.scale = (width // heads) ** -0.5
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, x: Tensor) -> Tensor:
        """Return (windows, N, C) for tokens (windows, N, C), N the square of the window."""
        index = _offset_index(self.window, x.device)
        bias = self.attention_biases[:, index]  # (heads, N, N)
        qkv = self.qkv(self.norm(x)).unflatten(-1, (self.heads, 3, -1))
        q, k, v = qkv.permute(3, 0, 2, 1, 4).unbind(0)  # (windows, heads, N, C // heads)
        if q.device.type == "cpu":  # written out: with a bias the fused one looks for rows of -inf
            out = (q @ (k * self.scale).transpose(-1, -2) + bias.to(q.dtype)).softmax(-1) @ v
        else:
            out = F.scaled_dot_product_attention(q, k, v, bias.to(q.dtype), scale=self.scale)
        y: Tensor = self.proj(out.transpose(1, 2).flatten(2))
        return y


def _offset_index(window: int, device: torch.device) -> Tensor:
    """Return (N, N) numbers of the absolute offsets between positions, row offset times side."""
    steps = torch.arange(window, device=device)
    gap = (steps[:, None] - steps).abs()
    rows, cols = gap[:, None, :, None], gap[None, :, None, :]
    return (rows * window + cols).view(window**2, window**2)


class TinyViTMlp(nn.Module):
    """Normalisation and two linear layers."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., C)."""
        y: Tensor = self.fc2(F.gelu(self.fc1(self.norm(x))))
        return y


class TinyViTBlock(nn.Module):
    """Window attention, a local depth-wise convolution and an MLP."""

    def __init__(self, width: int, heads: int, window: int, mlp_ratio: float) -> None:
        super().__init__()
        self.window = window
        self.attn = WindowAttention(width, heads, window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = TinyViTMlp(width, int(width * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W)."""
        x = x + self._attend(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.local_conv(x)
        y = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        out: Tensor = (y + self.mlp(y)).permute(0, 3, 1, 2)
        return out

    def _attend(self, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        size = self.window
        x = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
        rows, cols = x.shape[1] // size, x.shape[2] // size
        x = x.view(batch, rows, size, cols, size, channels).transpose(2, 3)
        x = self.attn(x.reshape(-1, size * size, channels))  # (windows, N, C)
        x = x.view(batch, rows, cols, size, size, channels).transpose(2, 3)
        return x.reshape(batch, rows * size, cols * size, channels)[:, :height, :width]


class Stage(nn.Module):
    """The blocks of one resolution and the merging behind them."""

    def __init__(self, blocks: list[nn.Module], downsample: PatchMerging | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample


class PatchEmbed(nn.Module):
    """Two convolutions: 3 x 3 of stride 2, or 1 x 1 where the whole has stride 1."""

    def __init__(self, channels: int, width: int, stride: int = 4) -> None:
        super().__init__()
        kernel, step = (3, 2) if stride == 4 else (1, 1)
        self.seq = nn.Sequential(
            ConvNorm(channels, width // 2, kernel, step),
            nn.GELU(),
            ConvNorm(width // 2, width, kernel, step),
        )


class TinyViT(nn.Module):
    """TinyViT with the neck of SAM.

    Parameters
    ----------
    config : TinyVitConfig
        Sizes.
    skips : int
        How many finer feature maps `forward_features` gives beside the embedding.
    """

    def __init__(self, config: TinyVitConfig, skips: int = 0) -> None:
        super().__init__()
        self.config, self.skips = config, skips
        dims = config.embed_dims
        self.patch_embed = PatchEmbed(config.num_channels, dims[0], config.stem_stride)
        self.layers = nn.ModuleList()
        for i, width in enumerate(dims):
            blocks: list[nn.Module] = [
                TinyViTBlock(width, config.num_heads[i], config.window_sizes[i], config.mlp_ratio)
                if i
                else MBConv(width, config.mbconv_expand_ratio)
                for _ in range(config.depths[i])
            ]
            last = i == len(dims) - 1
            down = None if last else PatchMerging(width, dims[i + 1], config.merge_strides[i])
            self.layers.append(Stage(blocks, down))
        self.neck = neck(dims[-1], config.output_channels)
        self.pyramid = None
        if config.feature_pyramid and skips:
            channels = config.output_channels, *config.skip_channels[:skips]
            self.pyramid = FeaturePyramid(channels, config.pyramid_blocks)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the embedding (B, C, h, w) of normalised pixels (B, 3, S, S)."""
        return self.forward_features(pixel_values)[0]

    def forward_features(self, pixel_values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the embedding and the `skips` finer maps, coarse (stride 8) to fine (stride 2)."""
        if pixel_values.device.type == "cpu":  # convolutions are a third faster so
            pixel_values = pixel_values.contiguous(memory_format=torch.channels_last)
        stem, act, second = self.patch_embed.seq
        x = act(stem(pixel_values))
        maps = [x]  # stride 2
        x = second(x)
        for i, module in enumerate(self.layers):
            stage = cast("Stage", module)
            for block in stage.blocks:
                x = block(x)
            if i < 2:
                maps.append(x)  # strides 4 and 8
            if stage.downsample is not None:
                x = stage.downsample(x)
        embedding: Tensor = self.neck(x)
        finer = tuple(maps[:0:-1] + maps[:1])[: self.skips]
        return embedding, finer if self.pyramid is None else self.pyramid(embedding, finer)
