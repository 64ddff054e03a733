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

CACHE_ROWS = 8
"""Rows of queries of one head that the CPU path handles together: their scores stay in its cache.

Measured on 2 cores for 64 x 64 tokens: 0.36 s with 8 rows, 0.53 s with 64, 0.89 s with SDPA.
"""

TOKEN_CHUNK = 1024
"""Tokens whose MLP is computed together when no gradient is needed."""


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
        """Return (B, N, C) of (B, side, side, 3, heads, d)."""
        q, k, v = qkv.permute(3, 0, 4, 1, 2, 5).unbind(0)  # (B, heads, side, side, d)
        if _by_hand(qkv):
            out = torch.stack(
                [self._image(*(t[i].contiguous() for t in (q, k, v))) for i in range(len(qkv))]
            )
        else:
            out = self._sdpa(q, k, v)
        return out.transpose(1, 2).flatten(2)

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
        x = x.permute(0, 1, 3, 5, 6, 2, 4, 7).flatten(0, 2)  # (windows, 3, heads, side, side, d)
        if _by_hand(qkv):
            out = qkv.new_empty(len(x), self.heads, side * side, x.shape[-1])
            scores = qkv.new_empty(self.heads, side * side, side * side)
            for window, target in zip(x, out, strict=True):
                q, k, v = window.contiguous().unbind(0)
                _attend(q, k.flatten(1, 2), v.flatten(1, 2), self._biases(q, 0), scores, target)
        else:
            out = self._sdpa(*x.unbind(1))
        out = out.view(batch, rows, cols, self.heads, side, side, -1)
        out = out.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, rows * side, cols * side, -1)
        return out[:, :height, :width]

    def _image(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return (heads, N, d) of (heads, side, side, d), a few rows of one head at a time."""
        side = self.side
        out = q.new_empty(self.heads, side * side, q.shape[-1])
        buffer = q.new_empty(1, min(CACHE_ROWS, side) * side, side * side)
        for head in range(self.heads):
            one = slice(head, head + 1)
            keys, values = k[one].flatten(1, 2), v[one].flatten(1, 2)
            for start in range(0, side, CACHE_ROWS):
                part = q[one, start : start + CACHE_ROWS]
                rows = part.shape[1] * side
                target = out[one, start * side : start * side + rows]
                _attend(part, keys, values, self._biases(part, start), buffer[:, :rows], target)
        return out

    def _sdpa(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return (B, heads, N, d) of (B, heads, side, side, d), chunk by chunk of queries."""
        k, v = k.flatten(2, 3), v.flatten(2, 3)
        rows = max(1, QUERY_CHUNK // self.side)
        parts = []
        for start in range(0, self.side, rows):
            part = q[:, :, start : start + rows]
            by_row, by_col = self._biases(part, start)
            bias = None
            if by_row is not None and by_col is not None:
                bias = (by_row[..., :, None] + by_col[..., None, :]).flatten(4).flatten(2, 3)
            parts.append(
                F.scaled_dot_product_attention(part.flatten(2, 3), k, v, bias, scale=self.scale)
            )
        return torch.cat(parts, dim=2)

    def _biases(self, q: Tensor, first_row: int) -> Biases:
        """Return what the key's row and column add to the scores of queries.

        Parameters
        ----------
        q : Tensor
            (..., rows, side, d), the first of them in line `first_row` of the square.
        first_row : int
            Its number.

        Returns
        -------
        tuple
            Two tensors (..., rows, side, side), or None twice without relative positions.
        """
        if not self.use_rel_pos:
            return None, None
        table_h = _relative(self.rel_pos_h, self.side, q.shape[-3], first_row)  # (rows, side, d)
        table_w = _relative(self.rel_pos_w, self.side, self.side, 0)
        by_row = q @ table_h.transpose(1, 2)
        by_col = (q.transpose(-3, -2) @ table_w.transpose(1, 2)).transpose(-3, -2)
        return by_row, by_col


Biases = tuple[Tensor | None, Tensor | None]


def _by_hand(x: Tensor) -> bool:
    """Tell whether attention is written out: on a CPU that is twice as fast as SDPA with a bias."""
    plain = x.dtype == torch.float32 and not torch.is_autocast_enabled(x.device.type)
    return x.device.type == "cpu" and plain and not torch.is_grad_enabled()


def _attend(
    q: Tensor, keys: Tensor, values: Tensor, biases: Biases, scores: Tensor, out: Tensor
) -> None:
    """Attend from q (B, rows, side, d) to keys and values (B, N, d), into `out` (B, queries, d).

    `scores` (B, queries, N) is written over, so that the same memory serves every call.
    """
    by_row, by_col = biases
    beta = 0.0
    if by_row is not None and by_col is not None:
        view = scores.view(*q.shape[:-1], by_row.shape[-1], by_col.shape[-1])
        torch.add(by_row[..., :, None], by_col[..., None, :], out=view)
        beta = 1.0
    queries, scale = q.flatten(1, 2), q.shape[-1] ** -0.5
    torch.baddbmm(scores, queries, keys.transpose(1, 2), beta=beta, alpha=scale, out=scores)
    torch.softmax(scores, -1, out=scores)
    torch.bmm(scores, values, out=out)


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
        if torch.is_grad_enabled():
            return x + self.mlp(self.norm2(x))
        for part in x.flatten(0, 2).split(TOKEN_CHUNK):  # the hidden layer is four times as wide
            part += self.mlp(self.norm2(part))
        return x


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
