"""The two-way transformer of the mask decoder (SAM paper, appendix A, "Lightweight mask decoder").

Parameter names are those of ``segment_anything/modeling/transformer.py``. A prompt has some seven
tokens, an image embedding thousands of positions, so the attention between them is computed in a
rearranged, algebraically equal form: instead of projecting every position to queries, keys and
values, the few tokens are carried through the transposed projections and meet the positions as
they are. That saves more than half of the arithmetic and every per-prompt copy of the image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.layers import MLPBlock


class Attention(nn.Module):
    """Multi-head attention whose inner width may be narrower than its input."""

    def __init__(self, width: int, heads: int, downsample_rate: int = 1) -> None:
        super().__init__()
        inner = width // downsample_rate
        self.heads = heads
        self.head_width = inner // heads
        self.scale = self.head_width**-0.5
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from ``q`` to ``k``, ``v``; each (P, N, C), a P of 1 is shared.

        Returns
        -------
        Tensor
            (P, N of q, C).
        """
        q, k, v = (
            proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (P, heads, N, C // heads)
            for proj, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        count = max(q.shape[0], k.shape[0])
        q, k, v = (x.expand(count, -1, -1, -1) for x in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v, scale=self.scale)
        y: Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return y

    def from_tokens(self, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from few tokens (P, T, C) to many positions (P or 1, L, C).

        Returns
        -------
        Tensor
            (P, T, C).
        """
        count, n_tokens, width = tokens.shape
        if n_tokens > self.head_width:
            return self.forward(tokens, keys, values)
        weight_k = self.k_proj.weight.view(self.heads, self.head_width, width)
        weight_v = self.v_proj.weight.view(self.heads, self.head_width, width)
        q = self.q_proj(tokens).unflatten(-1, (self.heads, -1)) * self.scale
        q = torch.einsum("pthd,hdc->phtc", q, weight_k).flatten(1, 2)  # (P, heads * T, C)
        # the bias of k_proj adds the same to all positions of a row: softmax drops it
        probs = (_shared_matmul(q, keys.transpose(1, 2))).softmax(-1)  # (P, heads * T, L)
        context = _shared_matmul(probs, values).unflatten(1, (self.heads, n_tokens))
        out = torch.einsum("phtc,hdc->pthd", context, weight_v).reshape(count, n_tokens, -1)
        y: Tensor = self.out_proj(out + self.v_proj.bias)
        return y

    def to_tokens(
        self, positions: Tensor, token_keys: Tensor, token_values: Tensor, base: Tensor
    ) -> Tensor:
        """Attend from many positions (P or 1, L, C) to few tokens (P, T, C), added to a base.

        Returns
        -------
        Tensor
            (P, L, C): `base` (P or 1, L, C) and what the positions gather from the tokens.
        """
        count, n_tokens, width = token_keys.shape
        if n_tokens > self.head_width:
            return base + self.forward(positions, token_keys, token_values)
        weight_q = self.q_proj.weight.view(self.heads, self.head_width, width)
        weight_out = self.out_proj.weight.view(width, self.heads, self.head_width)
        k = self.k_proj(token_keys).unflatten(-1, (self.heads, -1)) * self.scale
        v = self.v_proj(token_values).unflatten(-1, (self.heads, -1))
        bias_q = self.q_proj.bias.view(self.heads, self.head_width)
        bias = torch.einsum("pthd,hd->pht", k, bias_q).reshape(count, -1, 1)
        k = torch.einsum("pthd,hdc->phtc", k, weight_q).flatten(1, 2)  # (P, heads * T, C)
        logits = _shared_matmul(k, positions.transpose(1, 2)) + bias  # (P, heads * T, L)
        probs = logits.unflatten(1, (self.heads, n_tokens)).softmax(2).flatten(1, 2)
        v = torch.einsum("pthd,chd->phtc", v, weight_out).flatten(1, 2)  # (P, heads * T, C)
        # the probabilities of each head add to one: so does a share of the bias in its values
        v = v + self.out_proj.bias / self.heads
        return torch.baddbmm(base.expand(count, -1, -1), probs.transpose(1, 2), v)


def _shared_matmul(rows: Tensor, shared: Tensor) -> Tensor:
    """Multiply (P, N, K) by (P or 1, K, M); one large product where the right side is shared."""
    if shared.shape[0] == 1:
        product = rows.reshape(-1, rows.shape[-1]) @ shared[0]
        unflattened: Tensor = product.unflatten(0, rows.shape[:2])
        return unflattened
    return torch.bmm(rows, shared)


class TwoWayAttentionBlock(nn.Module):
    """Tokens attend to each other and to the image, then the image attends to the tokens."""

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_dim: int,
        downsample_rate: int,
        first: bool,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width, eps)
        self.cross_attn_token_to_image = Attention(width, heads, downsample_rate)
        self.norm2 = nn.LayerNorm(width, eps)
        self.mlp = MLPBlock(width, mlp_dim, nn.ReLU)
        self.norm3 = nn.LayerNorm(width, eps)
        self.norm4 = nn.LayerNorm(width, eps)
        self.cross_attn_image_to_token = Attention(width, heads, downsample_rate)
        self.first = first

    def forward(
        self, tokens: Tensor, image: Tensor, token_pe: Tensor, keys: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens (P, T, C) and image positions (P, L, C) after one exchange.

        `keys` (P or 1, L, C) are the positions with their code added.
        """
        if self.first:  # the tokens are their own position code there
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        tokens = tokens + self.cross_attn_token_to_image.from_tokens(tokens + token_pe, keys, image)
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))
        attend = self.cross_attn_image_to_token
        return tokens, self.norm4(attend.to_tokens(keys, tokens + token_pe, tokens, image))


class TwoWayTransformer(nn.Module):
    """Decode prompt tokens and an image embedding against each other."""

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_dim: int,
        depth: int,
        downsample_rate: int = 2,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayAttentionBlock(width, heads, mlp_dim, downsample_rate, i == 0, eps)
            for i in range(depth)
        )
        self.final_attn_token_to_image = Attention(width, heads, downsample_rate)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(
        self, image: Tensor, image_pe: Tensor, tokens: Tensor, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run all blocks.

        Parameters
        ----------
        image : Tensor
            (P or 1, L, C) positions of the embedding; 1 where all prompts share it.
        image_pe : Tensor
            (1 or P, L, C) position code of the embedding.
        tokens : Tensor
            (P, T, C) output and prompt tokens.
        keys : Tensor, optional
            ``image + image_pe``, where the caller has it already.

        Returns
        -------
        tuple of Tensor
            Tokens (P, T, C) and image positions (P, L, C).
        """
        token_pe = tokens
        keys = image + image_pe if keys is None else keys
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_pe, keys)
            keys = image + image_pe
        out = self.final_attn_token_to_image.from_tokens(tokens + token_pe, keys, image)
        return self.norm_final_attn(tokens + out), image
