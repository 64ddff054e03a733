"""ViT image encoder of SAM (SAM paper, appendix A; Li et al. 2022, "ViTDet").

Parameter names are those of ``segment_anything/modeling/image_encoder.py``. Two things are done
differently, with the same result: projections see only real tokens (the padding of windows has a
known value, the bias), and global attention runs over chunks of queries, so that no score matrix
of the whole image ever exists.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.config import SamVisionConfig
from napari_samara.model.layers import MLPBlock, neck

QUERY_CHUNK = 1024
"""Queries of global attention handled together: bounds the memory of scores and biases."""

WINDOW_CHUNK = 5
"""Windows handled together when no gradient is needed."""


class PatchEmbed(nn.Module):
    """Cut the image into patches and project each."""

    def __init__(self, config: SamVisionConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(
            config.num_channels, config.hidden_size, config.patch_size, config.patch_size
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, h, w, C) of pixels (B, 3, S, S)."""
        y: Tensor = self.proj(x)
        return y.permute(0, 2, 3, 1)


class RelativeAttention(nn.Module):
    """Self-attention with decomposed relative positions.

    Parameters
    ----------
    config : SamVisionConfig
        Sizes.
    side : int
        Side of the square of tokens that attend to each other.
    """

    def __init__(self, config: SamVisionConfig, side: int) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        head_width = width // self.heads
        self.side = side
        self.scale = head_width**-0.5
        self.qkv = nn.Linear(width, 3 * width, bias=config.qkv_bias)
        self.proj = nn.Linear(width, width)
        self.use_rel_pos = config.use_rel_pos
        if config.use_rel_pos:
            self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, head_width))
            self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, head_width))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, h, w, C) for tokens (B, h, w, C); h and w may be multiples of windows."""
        batch, height, width, channels = x.shape
        side = self.side
        qkv = self.qkv(x)  # (B, h, w, 3 C)
        if height == width == side:
            out = self._global(qkv.view(batch, side, side, 3, self.heads, -1))
        else:
            out = self._windows(qkv)
        y: Tensor = self.proj(out.reshape(batch, height, width, channels))
        return y

    def _global(self, qkv: Tensor) -> Tensor:
        """Return (B, N, heads, d) of (B, side, side, 3, heads, d), chunk by chunk of queries."""
        side, batch = self.side, qkv.shape[0]
        q, k, v = qkv.permute(3, 0, 4, 1, 2, 5).unbind(0)  # (B, heads, side, side, d)
        k, v = k.flatten(2, 3).contiguous(), v.flatten(2, 3).contiguous()
        rows = max(1, QUERY_CHUNK // side)
        out = []
        for start in range(0, side, rows):
            part = q[:, :, start : start + rows]
            bias = self._bias(part, start) if self.use_rel_pos else None
            out.append(
                F.scaled_dot_product_attention(part.flatten(2, 3), k, v, bias, scale=self.scale)
            )
        return torch.cat(out, dim=2).transpose(1, 2).reshape(batch, side * side, -1)

    def _windows(self, qkv: Tensor) -> Tensor:
        """Return (B, h, w, C): attention inside windows of (B, h, w, 3 C)."""
        batch, height, width, _ = qkv.shape
        side = self.side
        down, across = -height % side, -width % side
        if down or across:  # a padded token is zero before the projection: its bias after it
            padded = qkv.new_zeros(batch, height + down, width + across, qkv.shape[-1])
            if self.qkv.bias is not None:
                padded += self.qkv.bias
            padded[:, :height, :width] = qkv
            qkv = padded
        rows, cols = qkv.shape[1] // side, qkv.shape[2] // side
        x = qkv.view(batch, rows, side, cols, side, 3, self.heads, -1)
        x = x.permute(5, 0, 1, 3, 6, 2, 4, 7).flatten(1, 3)  # (3, windows, heads, side, side, d)
        chunk = x.shape[1] if torch.is_grad_enabled() else WINDOW_CHUNK
        out = torch.cat([self._attend(*part.unbind(0)) for part in x.split(chunk, dim=1)])
        out = out.view(batch, rows, cols, self.heads, side, side, -1)
        out = out.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, rows * side, cols * side, -1)
        return out[:, :height, :width]

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        bias = self._bias(q, 0) if self.use_rel_pos else None
        q, k, v = (t.flatten(2, 3) for t in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, bias, scale=self.scale)

    def _bias(self, q: Tensor, first_row: int) -> Tensor:
        """Return the position bias (B, heads, queries, N) of queries (B, heads, rows, side, d)."""
        side, rows = self.side, q.shape[2]
        table_h = _relative(self.rel_pos_h, side, rows, first_row)  # (rows, side, d)
        table_w = _relative(self.rel_pos_w, side, side, 0)
        by_row = torch.einsum("bnhwd,hkd->bnhwk", q, table_h)
        by_col = torch.einsum("bnhwd,wkd->bnhwk", q, table_w)
        return (by_row[..., :, None] + by_col[..., None, :]).flatten(4).flatten(2, 3)


def _relative(table: Tensor, side: int, queries: int, first: int) -> Tensor:
    """Return (queries, side, d): the code of each query line relative to each key line."""
    if table.shape[0] != 2 * side - 1:
        resized = F.interpolate(table.t()[None], size=2 * side - 1, mode="linear")
        table = resized[0].t()
    q = torch.arange(first, first + queries, device=table.device)
    k = torch.arange(side, device=table.device)
    return table[q[:, None] - k[None, :] + side - 1]


class Block(nn.Module):
    """Attention (windowed or global) and MLP, each on normalised tokens, each added."""

    def __init__(self, config: SamVisionConfig, window: int) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.norm1 = nn.LayerNorm(width, eps)
        self.attn = RelativeAttention(config, window or config.embedding_size)
        self.norm2 = nn.LayerNorm(width, eps)
        self.mlp = MLPBlock(width, config.mlp_dim or 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, h, w, C)."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ImageEncoderViT(nn.Module):
    """The image encoder.

    Parameters
    ----------
    config : SamVisionConfig
        Sizes.
    """

    def __init__(self, config: SamVisionConfig) -> None:
        super().__init__()
        self.config = config
        side, width = config.embedding_size, config.hidden_size
        self.patch_embed = PatchEmbed(config)
        self.pos_embed = (
            nn.Parameter(torch.zeros(1, side, side, width)) if config.use_abs_pos else None
        )
        self.blocks = nn.ModuleList(
            Block(config, 0 if i in config.global_attn_indexes else config.window_size)
            for i in range(config.num_hidden_layers)
        )
        self.neck = neck(width, config.output_channels)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the embedding (B, C, h, w) of normalised pixels (B, 3, S, S)."""
        x = self.patch_embed(pixel_values)
        if self.pos_embed is not None:
            x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.neck(x.permute(0, 3, 1, 2))
        return y
