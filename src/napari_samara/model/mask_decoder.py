"""From embeddings to mask logits and predicted IoU (SAM paper, appendix A).

Parameter names are those of ``segment_anything/modeling/mask_decoder.py``. The transposed
convolutions have a stride equal to their kernel, so each is one matrix product per pixel whose
outputs stay grouped by their origin ("blocks") until the masks, which are small, are put in order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_samara.model.instance_maps import N_GUESSES, InstanceHead, InstanceMaps, guesses
from napari_samara.model.layers import MLP, LayerNorm2d
from napari_samara.model.mask_scores import MaskScores, mask_facts
from napari_samara.model.pixel_blocks import flat_blocks, from_blocks, project_blocks, to_blocks
from napari_samara.model.prompt_maps import N_FINE_MAPS, N_MAPS, draw_fine
from napari_samara.model.transformer import TwoWayTransformer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.model.config import SamMaskDecoderConfig
    from napari_samara.model.prompt_encoder import PromptCode

CACHE_BYTES = 8 << 20
"""Finest features of the prompts that a CPU decodes together: more fall out of its caches."""

MAP_STEP = 2
"""The up-sampling step at which drawn prompts, four times the embedding, have the same size."""


class MaskDecoder(nn.Module):
    """Predict masks of prompts on one image.

    Parameters
    ----------
    config : SamMaskDecoderConfig
        Sizes; with `skip_channels` the up-sampling steps receive encoder features.
    prompt_maps : bool
        Whether the drawn prompts are seen at the up-sampling step of their resolution.
    patch_size : int
        Input pixels a side for one position of the embedding.
    """

    def __init__(
        self, config: SamMaskDecoderConfig, prompt_maps: bool = False, patch_size: int = 16
    ) -> None:
        super().__init__()
        width = config.hidden_size
        self.num_mask_tokens = config.num_multimask_outputs + 1
        self.transformer = TwoWayTransformer(
            width,
            config.num_attention_heads,
            config.mlp_dim,
            config.num_hidden_layers,
            config.attention_downsample_rate,
            config.layer_norm_eps,
        )
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(self.num_mask_tokens, width)
        steps = config.upscaling_steps
        widths = [width, *(max(width >> (4 - steps + i), 1) for i in range(steps))]
        self.steps, self.finest_width = steps, widths[-1]
        self.output_upscaling = nn.Sequential(*_upscaling(widths))
        self.skip_projections = nn.ModuleList(
            nn.Conv2d(c, w, kernel_size=1)
            for c, w in zip(config.skip_channels, widths[1:], strict=False)
        )
        drawn = 1 + N_MAPS if prompt_maps and steps >= MAP_STEP else 0
        self.map_stride = patch_size / 2**MAP_STEP
        self.instance_head = self.guess_projection = None
        if drawn and config.instance_maps:
            drawn += N_GUESSES
            self.instance_head = InstanceHead(config.skip_channels[MAP_STEP - 1])
            self.guess_projection = nn.Conv2d(N_GUESSES, width, 2**MAP_STEP, 2**MAP_STEP)
        self.map_projection = nn.Conv2d(drawn, widths[MAP_STEP], 1) if drawn else None
        self.fine_projection = None
        if config.fine_maps:
            self.fine_projection = nn.Conv2d(N_FINE_MAPS, widths[-1], 1)
            for parameter in self.fine_projection.parameters():
                nn.init.zeros_(parameter)  # as new it changes nothing
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(width, width, widths[-1], 3) for _ in range(self.num_mask_tokens)
        )
        hidden = config.iou_head_hidden_dim
        self.mask_scores = MaskScores(width, hidden) if drawn and config.mask_scores else None
        self.iou_prediction_head = (
            MLP(width, hidden, self.num_mask_tokens, config.iou_head_depth)
            if self.mask_scores is None
            else None
        )

    def forward(
        self,
        image: Tensor,
        image_pe: Tensor,
        code: PromptCode,
        multimask_output: bool = True,
        skips: Sequence[Tensor] = (),
        best_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Decode P prompts on one image.

        Parameters
        ----------
        image : Tensor
            (1, C, h, w) embedding; of several images where the code says which is whose.
        image_pe : Tensor
            (1 or P, C, h, w) position code of the embedding.
        code : PromptCode
            The encoded prompts.
        multimask_output : bool
            Whether to offer several masks (for an ambiguous prompt) in place of the single one.
        skips : sequence of Tensor
            Encoder features of the images, (C', h 2^i, w 2^i) each, i = 1, 2, ...; only where the
            family has them.
        best_only : bool
            Compute just the mask of highest predicted IoU of each prompt.

        Returns
        -------
        masks : Tensor
            (P, M, S, S) logits, M the number of masks asked for.
        iou : Tensor
            (P, M) predicted IoU.
        """
        return self._decode(image, image_pe, code, skips, (multimask_output, best_only))

    def _decode(
        self,
        image: Tensor,
        image_pe: Tensor,
        code: PromptCode,
        skips: Sequence[Tensor],
        choice: tuple[bool | None, bool],
        least: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode in chunks; with `least`, masks of prompts whose scores are all lower are zero."""
        count, (height, width) = code.sparse.shape[0], image.shape[-2:]
        shared = image.flatten(2).transpose(1, 2).contiguous()  # (1, L, C), or an image a prompt
        pe = image_pe.flatten(2).transpose(1, 2).contiguous()
        blocks = [
            project_blocks(cast("nn.Conv2d", project), to_blocks(skip, i + 1))
            for i, (project, skip) in enumerate(zip(self.skip_projections, skips, strict=True))
        ]
        known = self.instance_maps(skips)
        if code.images is not None:
            shared, blocks = shared[code.images], [b[code.images] for b in blocks]
            known = None if known is None else known.of(code.images)
        chunk = self._chunk(count, image)
        dense = code.dense
        if dense.stride()[-2:] == (0, 0):  # one vector for all positions
            dense = dense[..., :1, :1]
        start_image = shared + dense.flatten(2).transpose(1, 2).contiguous()  # (P or 1, L, C)
        shared_keys = start_image + pe if len(start_image) == 1 else None
        masks, ious = [], []
        for start in range(0, count, chunk):
            part = slice(start, start + chunk)
            begin, own_pe = _some(start_image, part), _some(pe, part)
            own_blocks = [_some(b, part) for b in blocks]
            own_known = None if known is None else InstanceMaps(*(_some(m, part) for m in known))
            maps = None if code.maps is None else code.maps[part]
            if own_known is not None and maps is not None:
                begin, maps = self._add_guesses(own_known, code, part, (begin, maps))
            tokens = self._tokens(code.sparse[part])
            keys = shared_keys if shared_keys is not None and known is None else begin + own_pe
            tokens, keys = self.transformer(begin, own_pe, tokens, keys)
            if self.mask_scores is None:
                ids, iou = self._choose(tokens, *choice)
                logits = self._worth_it(tokens, ids, (keys, own_blocks, maps), iou.amax(1), least)
            else:
                fine = self._fine(code, part, (height, width), keys)
                features = self._upscale(keys, own_blocks, maps, fine)
                logits, iou = self._scored(tokens, features, (maps, own_known), choice)
            masks.append(from_blocks(logits, height, width))
            ious.append(iou)
        return torch.cat(masks), torch.cat(ious)

    def instance_maps(self, skips: Sequence[Tensor]) -> InstanceMaps | None:
        """Return what is known of the pixels before any prompt; None in families without it.

        Parameters
        ----------
        skips : sequence of Tensor
            Encoder features, as in `forward`, of any number of images.
        """
        if self.instance_head is None:
            return None
        maps: InstanceMaps = self.instance_head(skips[MAP_STEP - 1], self.map_stride)
        return maps

    def _add_guesses(
        self, known: InstanceMaps, code: PromptCode, part: slice, start: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Tell positions (P, L, C) and drawn maps (P, M, s, s) what pixels a prompt may mean."""
        image, maps = start
        if code.places is None or self.guess_projection is None:
            raise ValueError("prompts drawn without their places: encode them by this model")
        found = guesses(known, code.places.part(part), self.map_stride).to(image.dtype)
        coarse = self.guess_projection(found).flatten(2).transpose(1, 2)
        return image + coarse, torch.cat([maps, found], dim=1)

    def _fine(
        self, code: PromptCode, part: slice, size: tuple[int, int], like: Tensor
    ) -> Tensor | None:
        """Return prompts drawn at the resolution of the masks, ready to be added to features."""
        if self.fine_projection is None or code.places is None:
            return None
        stride = self.map_stride * 2 ** (MAP_STEP - self.steps)
        height, width = (side << self.steps for side in size)
        drawn = draw_fine(code.places.part(part), height, width, stride, like)
        return project_blocks(self.fine_projection, to_blocks(drawn, self.steps))

    def all_masks(
        self, image: Tensor, image_pe: Tensor, code: PromptCode, skips: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Tensor]:
        """Return the single mask and the several ones together, for training.

        Parameters are those of `forward`; the logits are (P, M, S, S) and the predicted IoU
        (P, M) with M counting all mask tokens, the single mask first.
        """
        return self._decode(image, image_pe, code, skips, (None, False))

    def good_masks(
        self,
        image: Tensor,
        image_pe: Tensor,
        code: PromptCode,
        skips: Sequence[Tensor],
        least: float,
    ) -> tuple[Tensor, Tensor]:
        """Return the several masks (P, M, S, S) and predicted IoU (P, M) of each prompt.

        Where SAM predicts less than `least` for all masks of a prompt, they are not made: their
        logits are zero.  Other parameters are those of `forward`.
        """
        return self._decode(image, image_pe, code, skips, (True, False), least)

    def _worth_it(
        self,
        tokens: Tensor,
        ids: Tensor,
        seen: tuple[Tensor, list[Tensor], Tensor | None],
        best: Tensor,
        least: float | None,
    ) -> Tensor:
        """Return logits (P, M, pixels) of masks `ids`; zeros where the best (P,) is too low."""
        keys, blocks, maps = seen
        worth = best >= (-torch.inf if least is None else least)
        if bool(worth.all()):
            return self._masks(tokens, ids, self._upscale(keys, blocks, maps))
        pixels = keys.shape[1] << (2 * self.steps)
        logits = tokens.new_zeros(*ids.shape, pixels)
        if bool(worth.any()):
            maps = None if maps is None else maps[worth]
            features = self._upscale(keys[worth], blocks, maps)
            logits[worth] = self._masks(tokens[worth], ids[worth], features)
        return logits

    def _chunk(self, count: int, image: Tensor) -> int:
        """Return how many prompts to decode together."""
        if torch.is_grad_enabled() or image.device.type != "cpu":
            return max(count, 1)
        pixels = image.shape[-2] * image.shape[-1] << (2 * self.steps)
        return max(1, CACHE_BYTES // (4 * pixels * self.finest_width))

    def _tokens(self, sparse: Tensor) -> Tensor:
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        return torch.cat([own.expand(len(sparse), -1, -1), sparse], dim=1)

    def _choose(
        self, tokens: Tensor, multimask: bool | None, best_only: bool
    ) -> tuple[Tensor, Tensor]:
        """Return mask token numbers (P, M) and their predicted IoU (P, M); None takes all."""
        head = cast("MLP", self.iou_prediction_head)
        iou = head(tokens[:, 0])  # (P, mask tokens)
        ids = self._asked(len(iou), multimask, iou.device)
        iou = iou.gather(1, ids)
        if best_only:
            best = iou.argmax(1, keepdim=True)
            ids, iou = ids.gather(1, best), iou.gather(1, best)
        return ids, iou

    def _asked(self, count: int, multimask: bool | None, device: torch.device) -> Tensor:
        """Return the mask token numbers (P, M) that are asked for."""
        ids = torch.arange(self.num_mask_tokens, device=device).expand(count, -1)
        if multimask is not None:
            ids = ids[:, 1:] if multimask else ids[:, :1]
        return ids

    def _scored(
        self,
        tokens: Tensor,
        features: Tensor,
        seen: tuple[Tensor | None, InstanceMaps | None],
        choice: tuple[bool | None, bool],
    ) -> tuple[Tensor, Tensor]:
        """Return logits (P, M, pixels) in blocked order and IoU (P, M) that is read from them."""
        maps, known = seen
        if maps is None or known is None or self.mask_scores is None:
            raise ValueError("scores read from masks need drawn prompts and instance maps")
        multimask, best_only = choice
        ids = self._asked(len(tokens), multimask, tokens.device)
        logits = self._masks(tokens, ids, features)
        drawn = to_blocks(maps, MAP_STEP).transpose(1, 2)
        small = logits.detach().unflatten(2, (drawn.shape[2], -1)).mean(3)
        flat = InstanceMaps(*(flat_blocks(m, MAP_STEP) for m in known))
        iou = self.mask_scores(tokens, ids, mask_facts(small, drawn, flat))
        if best_only:
            best = iou.argmax(1, keepdim=True)
            logits = logits.gather(1, best[..., None].expand(-1, -1, logits.shape[2]))
            iou = iou.gather(1, best)
        return logits, iou

    def _masks(self, tokens: Tensor, ids: Tensor, features: Tensor) -> Tensor:
        """Return logits (P, M, pixels) of the masks `ids` (P, M) over features (P, pixels, C)."""
        used = ids.unique().tolist()
        weights = torch.stack(
            [self.output_hypernetworks_mlps[i](tokens[:, 1 + i]) for i in used], dim=1
        )  # (P, used, C)
        if len(used) != ids.shape[1]:
            rank = torch.stack([ids == i for i in used], dim=2).int().argmax(2)  # (P, M)
            weights = weights.gather(1, rank[..., None].expand(-1, -1, weights.shape[2]))
        # this order keeps the gradient of the features contiguous, which is 3 x faster in training
        return torch.bmm(features, weights.transpose(1, 2)).transpose(1, 2)

    def _upscale(
        self,
        keys: Tensor,
        skips: Sequence[Tensor],
        maps: Tensor | None,
        fine: Tensor | None = None,
    ) -> Tensor:
        """Return features (P, pixels, C) in blocked order from positions (P, L, C)."""
        x, step = keys, 0
        for layer in self.output_upscaling:
            if isinstance(layer, nn.ConvTranspose2d):
                step += 1
                weight = layer.weight.permute(0, 2, 3, 1).flatten(1)  # (C, 2 * 2 * C')
                bias = layer.bias.repeat(4) if layer.bias is not None else None
                x = F.linear(x, weight.t(), bias).view(len(x), -1, layer.out_channels)
                if step <= len(skips):
                    x = _plus(x, skips[step - 1])
                if step == MAP_STEP and maps is not None and self.map_projection is not None:
                    x = _plus(x, project_blocks(self.map_projection, to_blocks(maps, step)))
                if step == self.steps and fine is not None:
                    x = _plus(x, fine)
            elif isinstance(layer, LayerNorm2d):
                x = layer.channels_last(x)
            elif torch.is_grad_enabled():
                x = layer(x)
            else:
                x = torch.ops.aten.gelu_(x)
        return x


def _plus(x: Tensor, y: Tensor) -> Tensor:
    """Add what has as many rows or one to a result that nothing else needs."""
    return x + y if torch.is_grad_enabled() else x.add_(y)


def _some(values: Tensor, part: slice) -> Tensor:
    """Those of some prompts, or what all share."""
    return values if len(values) == 1 else values[part]


def _upscaling(widths: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(widths)):
        layers.append(nn.ConvTranspose2d(a, b, kernel_size=2, stride=2))
        if i < len(widths) - 2:
            layers.append(LayerNorm2d(b))
        layers.append(nn.GELU())
    return layers
