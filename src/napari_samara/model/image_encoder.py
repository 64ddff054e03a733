"""ViT image encoder of SAM (SAM paper, appendix A; Li et al. 2022, "ViTDet").

Parameter names are those of ``segment_anything/modeling/image_encoder.py``. Two things are done
differently, with the same result: projections see only real tokens (the padding of windows has a
known value, the bias), and global attention runs over chunks of queries, so that no score matrix
of the whole image ever exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.layers import MLPBlock, neck

if TYPE_CHECKING:
    from napari_samara.model.config import SamVisionConfig

QUERY_CHUNK = 1024
"""Queries of global attention handled together: bounds the memory of scores and biases."""

CACHE_ROWS = 8
"""Rows of queries of one head that the CPU path handles together: their scores stay in its cache.

Measured on 2 cores for 64 x 64 tokens: 0.36 s with 8 rows, 0.53 s with 64, 0.89 s with SDPA.
"""

TOKEN_CHUNK = 1024
"""Tokens whose MLP is computed together when no gradient is needed."""


Tables = tuple[Tensor, Tensor] | None
Biases = tuple[Tensor | None, Tensor | None]


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
        self.qkv_bias = config.qkv_bias
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
            out = self._global(qkv.view(batch, side, side, 3, self.heads, -1), self._tables())
        else:
            out = self._windows(qkv, self._tables())
        y: Tensor = self.proj(out.reshape(batch, height, width, channels))
        return y

    def _global(self, qkv: Tensor, tables: Tables) -> Tensor:
        """Return (B, N, C) of (B, side, side, 3, heads, d)."""
        q, k, v = qkv.permute(3, 0, 4, 1, 2, 5).unbind(0)  # (B, heads, side, side, d)
        if _by_hand(qkv):
            each = zip(q, k, v, strict=True)
            out = torch.stack([self._image(a, b, c, tables) for a, b, c in each])
        else:
            out = self._sdpa(q, k, v, tables)
        return out.transpose(1, 2).flatten(2)

    def _windows(self, qkv: Tensor, tables: Tables) -> Tensor:
        """Return (B, h, w, C): attention inside windows of (B, h, w, 3 C)."""
        batch, height, width, channels = qkv.shape
        side = self.side
        if _by_hand(qkv):
            x = qkv.view(batch, height, width, 3, self.heads, -1)
            return torch.stack([self._windows_by_hand(image, tables) for image in x])
        padded = qkv.new_zeros(batch, height + -height % side, width + -width % side, channels)
        if self.qkv_bias:  # a padded token is zero before the projection
            padded = padded + self.qkv.bias
        padded[:, :height, :width] = qkv
        rows, cols = padded.shape[1] // side, padded.shape[2] // side
        x = padded.view(batch, rows, side, cols, side, 3, self.heads, -1)
        x = x.permute(5, 0, 1, 3, 6, 2, 4, 7).flatten(1, 3)  # (3, windows, heads, side, side, d)
        q, k, v = x.unbind(0)
        out = self._sdpa(q, k, v, tables).view(batch, rows, cols, self.heads, side, side, -1)
        out = out.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, rows * side, cols * side, -1)
        return out[:, :height, :width]

    def _windows_by_hand(self, qkv: Tensor, tables: Tables) -> Tensor:
        """Return (h, w, C) of (h, w, 3, heads, d), one window in the cache at a time."""
        height, width, _, heads, depth = qkv.shape
        side = self.side
        out = qkv.new_empty(height, width, heads, depth)
        scores = qkv.new_empty(heads, side * side, side * side)
        result = qkv.new_empty(heads, side * side, depth)
        window = qkv.new_empty(3, heads, side, side, depth)
        for top in range(0, height, side):
            for left in range(0, width, side):
                part = qkv[top : top + side, left : left + side]
                rows, cols = part.shape[:2]
                if rows < side or cols < side:
                    self._fill_padding(window)
                window[:, :, :rows, :cols] = part.permute(2, 3, 0, 1, 4)
                q, k, v = window.unbind(0)
                biases = self._biases(q, tables)
                _attend(q, k.flatten(1, 2), v.flatten(1, 2), biases, scores, result)
                kept = result.view(heads, side, side, depth)[:, :rows, :cols]
                out[top : top + side, left : left + side] = kept.permute(1, 2, 0, 3)
        return out.flatten(2)

    def _fill_padding(self, window: Tensor) -> None:
        """Set (3, heads, side, side, d) to what a padded token has after the projection."""
        if self.qkv_bias:
            window[:] = self.qkv.bias.view(3, self.heads, 1, 1, -1)
        else:
            window.zero_()

    def _image(self, q: Tensor, k: Tensor, v: Tensor, tables: Tables) -> Tensor:
        """Return (heads, N, d) of (heads, side, side, d), a few rows of one head at a time."""
        side = self.side
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        out = q.new_empty(self.heads, side * side, q.shape[-1])
        buffer = q.new_empty(1, min(CACHE_ROWS, side) * side, side * side)
        for head in range(self.heads):
            one = slice(head, head + 1)
            keys, values = k[one].flatten(1, 2), v[one].flatten(1, 2)
            for start in range(0, side, CACHE_ROWS):
                part = q[one, start : start + CACHE_ROWS]
                rows = part.shape[1] * side
                target = out[one, start * side : start * side + rows]
                biases = self._biases(part, tables, start)
                _attend(part, keys, values, biases, buffer[:, :rows], target)
        return out

    def _sdpa(self, q: Tensor, k: Tensor, v: Tensor, tables: Tables) -> Tensor:
        """Return (B, heads, N, d) of (B, heads, side, side, d), chunk by chunk of queries."""
        k, v = k.flatten(2, 3), v.flatten(2, 3)
        rows = max(1, QUERY_CHUNK // self.side)
        parts = []
        for start in range(0, self.side, rows):
            part = q[:, :, start : start + rows]
            by_row, by_col = self._biases(part, tables, start)
            bias = None
            if by_row is not None and by_col is not None:
                bias = (by_row[..., :, None] + by_col[..., None, :]).flatten(4).flatten(2, 3)
            parts.append(
                F.scaled_dot_product_attention(part.flatten(2, 3), k, v, bias, scale=self.scale)
            )
        return torch.cat(parts, dim=2)

    def _tables(self) -> Tables:
        """Return the relative codes of rows and of columns, or None without them."""
        if not self.use_rel_pos:
            return None
        return _relative(self.rel_pos_h, self.side), _relative(self.rel_pos_w, self.side)

    def _biases(self, q: Tensor, tables: Tables, first_row: int = 0) -> Biases:
        """Return what the key's row and column add to the scores of queries.

        Parameters
        ----------
        q : Tensor
            (..., rows, side, d), the first of them in line `first_row` of the square.
        tables : tuple of Tensor or None
            What `_tables` gives.
        first_row : int
            Its number.

        Returns
        -------
        tuple
            Two tensors (..., rows, side, side), or None twice without relative positions.
        """
        if tables is None:
            return None, None
        by_row = q @ tables[0][first_row : first_row + q.shape[-3]]
        by_col = (q.transpose(-3, -2) @ tables[1]).transpose(-3, -2)
        return by_row, by_col


def _by_hand(x: Tensor) -> bool:
    """Tell whether attention is written out: on a CPU that is twice as fast as SDPA with a bias."""
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return False
    return not torch.is_autocast_enabled("cpu") and not torch.is_grad_enabled()


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


def _relative(table: Tensor, side: int) -> Tensor:
    """Return (side, d, side): for each line of queries the code of every line of keys."""
    if table.shape[0] != 2 * side - 1:
        resized = F.interpolate(table.t()[None], size=2 * side - 1, mode="linear")
        table = resized[0].t()
    line = torch.arange(side, device=table.device)
    return table[line[:, None] - line[None, :] + side - 1].transpose(1, 2)


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
        x = torch.add(x, self.attn(self.norm1(x)))
        if torch.is_grad_enabled():
            return torch.add(x, self.mlp(self.norm2(x)))
        x = x.contiguous()  # so that what is added to the parts is added to the whole
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
