"""Points, boxes and masks as tokens and maps (SAM paper, appendix A, "Prompt encoder").

Parameter names are those of ``segment_anything/modeling/prompt_encoder.py``. All coordinates are
(x, y) in the frame of the model input (resized image, padded at the bottom and right), in pixels;
the shift of half a pixel to pixel centres happens here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn

from napari_samara.model.layers import LayerNorm2d
from napari_samara.model.prompt_maps import N_MAPS, draw_prompts

if TYPE_CHECKING:
    from napari_samara.model.config import SamPromptEncoderConfig

NEGATIVE, POSITIVE, BOX_FIRST, BOX_LAST = 0, 1, 2, 3
NOT_A_POINT, IGNORED = -1, -10

MASK_PER_EMBEDDING = 4
"""Pixels of a mask prompt, and of drawn prompts, a side for each position of the embedding."""


@dataclass(frozen=True)
class Places:
    """Where P prompts are, (x, y) in the frame of the model input.

    Attributes
    ----------
    count : int
        P.
    points, labels, boxes : Tensor or None
        (P, N, 2), (P, N) and (P, 4).
    """

    count: int
    points: Tensor | None = None
    labels: Tensor | None = None
    boxes: Tensor | None = None

    def part(self, chosen: slice) -> Places:
        """Return those of some prompts."""
        rows = range(self.count)[chosen]
        given = (t if t is None else t[chosen] for t in (self.points, self.labels, self.boxes))
        return Places(len(rows), *given)

    def moved(self, x: float, y: float) -> Places:
        """Return them moved by so many pixels."""
        points, boxes = self.points, self.boxes
        if points is not None:
            points = points + points.new_tensor([x, y])
        if boxes is not None:
            boxes = boxes + boxes.new_tensor([x, y, x, y])
        return Places(self.count, points, self.labels, boxes)


class PromptCode(NamedTuple):
    """What the mask decoder reads of P prompts.

    Attributes
    ----------
    sparse : Tensor
        (P, T, C) tokens of points and box corners; T may be 0.
    dense : Tensor
        (P or 1, C, h, w) added to the image embedding; 1 where all prompts share it.
    maps : Tensor or None
        (P, 1 + N_MAPS, 4 h, 4 w) mask prompt and drawn prompts, in families that have them.
    places : Places or None
        Where points and boxes are, in those families.
    images : Tensor or None
        (P,) number of the image that each prompt belongs to; None where there is one image.
    """

    sparse: Tensor
    dense: Tensor
    maps: Tensor | None
    places: Places | None = None
    images: Tensor | None = None


class PositionEmbeddingRandom(nn.Module):
    """Random Fourier features of coordinates in [0, 1] (Tancik et al. 2020)."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, num_pos_feats: int, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer(
            "positional_encoding_gaussian_matrix", scale * torch.randn(2, num_pos_feats)
        )
        self._grid: tuple[tuple[object, ...], Tensor] | None = None

    def forward(self, coords: Tensor) -> Tensor:
        """Return the code (..., 2 * num_pos_feats) of (x, y) coordinates (..., 2) in [0, 1]."""
        matrix = self.positional_encoding_gaussian_matrix
        angles = (2 * math.pi) * ((2 * coords - 1).to(matrix.dtype) @ matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def grid(self, size: int) -> Tensor:
        """Return the code (C, size, size) of the centres of a square grid.

        It depends on the weights alone and is kept until they change or move.
        """
        matrix = self.positional_encoding_gaussian_matrix
        version = 0 if matrix.is_inference() else matrix._version  # noqa: SLF001 (no public one)
        state = (size, matrix.data_ptr(), version, matrix.device, matrix.dtype)
        if self._grid is None or self._grid[0] != state:
            with torch.inference_mode(False), torch.no_grad():
                self._grid = state, self._draw_grid(size)
        return self._grid[1]

    def _draw_grid(self, size: int) -> Tensor:
        matrix = self.positional_encoding_gaussian_matrix
        steps = (torch.arange(size, device=matrix.device, dtype=matrix.dtype) + 0.5) / size
        rows, cols = torch.meshgrid(steps, steps, indexing="ij")
        code: Tensor = self(torch.stack([cols, rows], dim=-1))
        return code.permute(2, 0, 1)


class PromptEncoder(nn.Module):
    """Encode points, boxes and low-resolution mask logits.

    Parameters
    ----------
    config : SamPromptEncoderConfig
        Sizes.
    num_pos_feats : int
        Half the channels of the position code.
    """

    def __init__(self, config: SamPromptEncoderConfig, num_pos_feats: int) -> None:
        super().__init__()
        width, mid = config.hidden_size, config.mask_input_channels
        self.config = config
        self.pe_layer = PositionEmbeddingRandom(num_pos_feats)
        self.point_embeddings = nn.ModuleList(
            nn.Embedding(1, width) for _ in range(config.num_point_embeddings)
        )
        self.not_a_point_embed = nn.Embedding(1, width)
        inputs = 1 + N_MAPS if config.prompt_maps else 1
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(inputs, mid // 4, kernel_size=2, stride=2),
            LayerNorm2d(mid // 4, config.layer_norm_eps),
            nn.GELU(),
            nn.Conv2d(mid // 4, mid, kernel_size=2, stride=2),
            LayerNorm2d(mid, config.layer_norm_eps),
            nn.GELU(),
            nn.Conv2d(mid, width, kernel_size=1),
        )
        self.no_mask_embed = nn.Embedding(1, width)

    @property
    def embedding_size(self) -> int:
        """Side of the image embedding, in positions."""
        return self.config.image_embedding_size

    def dense_pe(self) -> Tensor:
        """Return the position code of the image embedding, (1, C, h, w)."""
        return self.pe_layer.grid(self.embedding_size)[None]

    def forward(
        self,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> PromptCode:
        """Encode P prompts.

        Parameters
        ----------
        points : Tensor, optional
            (P, N, 2) (x, y) in the input frame.
        labels : Tensor, optional
            (P, N): 1 positive, 0 negative, -1 the learned "not a point", -10 padding, a token of
            zeros (which attention still sees).
        boxes : Tensor, optional
            (P, 4) (x0, y0, x1, y1) in the input frame.
        masks : Tensor, optional
            (P, 1, 4 h, 4 w) mask logits in the padded input frame.

        Returns
        -------
        PromptCode
            Tokens, dense code and maps.
        """
        return self._code((points, labels, boxes), masks, None, self.embedding_size)

    def windowed(
        self,
        prompts: tuple[Tensor | None, Tensor | None, Tensor | None],
        masks: Tensor | None,
        corners: Tensor,
        side: int,
    ) -> PromptCode:
        """Encode P prompts, of each of which a square part of the input is looked at alone.

        Parameters
        ----------
        prompts : tuple of Tensor or None
            Points, labels and boxes as for `forward`, in the frame of the part.
        masks : Tensor or None
            (P, 1, 4 side, 4 side) mask logits of the part.
        corners : Tensor
            (P, 2) first position (row, col) of the embedding that the part has.
        side : int
            Positions high and wide.

        Returns
        -------
        PromptCode
            Tokens that say where in the whole input a prompt is; all else of the parts.
        """
        return self._code(prompts, masks, corners, side)

    def pe_windows(self, corners: Tensor, side: int) -> Tensor:
        """Return the position code of parts of the embedding, (P, C, side, side)."""
        steps = torch.arange(side, device=corners.device)
        rows, cols = (corners[:, axis, None] + steps for axis in (0, 1))  # (P, side)
        grid = self.pe_layer.grid(self.embedding_size)
        return grid[:, rows[:, :, None], cols[:, None, :]].transpose(0, 1)

    def _code(
        self,
        prompts: tuple[Tensor | None, Tensor | None, Tensor | None],
        masks: Tensor | None,
        corners: Tensor | None,
        side: int,
    ) -> PromptCode:
        points, labels, boxes = prompts
        given = [t for t in (points, boxes, masks) if t is not None]
        count = given[0].shape[0] if given else 1
        weight = self.no_mask_embed.weight
        patch = self.config.patch_size
        shift = None if corners is None else corners.flip(1).to(weight) * patch  # (P, 2), x then y
        tokens = []
        if points is not None and labels is not None:
            at = points if shift is None else points.to(weight) + shift[:, None]
            tokens.append(self._embed_points(at, labels, pad=boxes is None))
        if boxes is not None:
            tokens.append(self._embed_boxes(boxes if shift is None else boxes + shift.repeat(1, 2)))
        sparse = torch.cat(tokens, dim=1) if tokens else weight.new_zeros(count, 0, weight.shape[1])
        maps = places = None
        if self.config.prompt_maps:
            places = _places(count, points, labels, boxes, weight)
            size = MASK_PER_EMBEDDING * side
            drawn = draw_prompts(places, size, size, patch / MASK_PER_EMBEDDING, weight)
            mask = drawn.new_zeros(count, 1, size, size) if masks is None else torch.tanh(masks / 4)
            maps = torch.cat([mask, drawn], dim=1)
        return PromptCode(sparse, self._dense(masks, maps, side), maps, places)

    def _dense(self, masks: Tensor | None, maps: Tensor | None, side: int) -> Tensor:
        no_mask = self.no_mask_embed.weight.view(1, -1, 1, 1)
        if maps is not None:
            dense: Tensor = self.mask_downscaling(maps)
            return dense + no_mask if masks is None else dense
        if masks is not None:
            dense = self.mask_downscaling(masks)
            return dense
        return no_mask.expand(-1, -1, side, side)

    def _embed_points(self, points: Tensor, labels: Tensor, pad: bool) -> Tensor:
        weight = self.no_mask_embed.weight
        points, labels = points.to(weight) + 0.5, labels.to(weight.device)
        if pad:  # only without a box: the reference closes the list with "not a point"
            points = torch.cat([points, points.new_zeros(len(points), 1, 2)], dim=1)
            labels = torch.cat([labels, labels.new_full((len(labels), 1), NOT_A_POINT)], dim=1)
        code = self.pe_layer(points / self.config.image_size)  # (P, N, C)
        kind = labels[..., None]
        code = torch.where(kind == NOT_A_POINT, self.not_a_point_embed.weight[0], code)
        code = torch.where(kind == IGNORED, torch.zeros_like(code), code)
        for sign in (NEGATIVE, POSITIVE):
            code = torch.where(kind == sign, code + self._kind(sign), code)
        return code

    def _kind(self, number: int) -> Tensor:
        """Return the learned code (C,) of a sort of point."""
        return cast("nn.Embedding", self.point_embeddings[number]).weight[0]

    def _embed_boxes(self, boxes: Tensor) -> Tensor:
        corners = boxes.to(self.no_mask_embed.weight).reshape(-1, 2, 2) + 0.5
        code = self.pe_layer(corners / self.config.image_size)  # (P, 2, C)
        ends = [self._kind(BOX_FIRST), self._kind(BOX_LAST)]
        embedded: Tensor = code + torch.stack(ends)
        return embedded


def _places(
    count: int, points: Tensor | None, labels: Tensor | None, boxes: Tensor | None, like: Tensor
) -> Places:
    return Places(
        count,
        None if points is None else points.to(like),
        None if labels is None else labels.to(like.device),
        None if boxes is None else boxes.to(like),
    )
