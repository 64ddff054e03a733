"""A whole SAM: image encoder, prompt encoder and mask decoder.

The sub-modules carry the names of ``segment_anything/modeling/sam.py``; calls and results follow
``SamModel`` of Hugging Face transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from napari_samara.errors import ImageError, PromptError
from napari_samara.model.config import SamConfig, TinyVitConfig
from napari_samara.model.image_encoder import ImageEncoderViT
from napari_samara.model.mask_decoder import MaskDecoder
from napari_samara.model.prompt_encoder import PromptCode, PromptEncoder
from napari_samara.model.tiny_vit import TinyViT


class ImageFeatures(NamedTuple):
    """What the encoder says of B images.

    Attributes
    ----------
    embedding : Tensor
        (B, C, h, w).
    skips : tuple of Tensor
        Finer maps (B, C', h 2^i, w 2^i), i = 1, 2, ...; empty for SAM itself.
    """

    embedding: Tensor
    skips: tuple[Tensor, ...] = ()


@dataclass
class SamImageSegmentationOutput:
    """Masks of B images with N prompts each.

    Attributes
    ----------
    iou_scores : Tensor
        (B, N, M) predicted IoU.
    pred_masks : Tensor
        (B, N, M, S, S) logits in the padded input frame, to be post-processed.
    """

    iou_scores: Tensor
    pred_masks: Tensor

    def __getitem__(self, key: str | int) -> Tensor:
        """Return a field by name or position."""
        name = key if isinstance(key, str) else ("iou_scores", "pred_masks")[key]
        value: Tensor = getattr(self, name)
        return value


class SamModel(nn.Module):
    """Segment Anything.

    Parameters
    ----------
    config : SamConfig
        Sizes; weights are random until some are loaded.
    """

    def __init__(self, config: SamConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SamConfig()
        vision, decoder = config.vision_config, config.mask_decoder_config
        self.image_encoder = (
            TinyViT(vision, len(decoder.skip_channels))
            if isinstance(vision, TinyVitConfig)
            else ImageEncoderViT(vision)
        )
        self.prompt_encoder = PromptEncoder(config.prompt_encoder_config, vision.num_pos_feats)
        self.mask_decoder = MaskDecoder(decoder, config.prompt_encoder_config.prompt_maps)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mask_decoder.iou_token.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the decoder's weights."""
        return self.mask_decoder.iou_token.weight.dtype

    @classmethod
    def from_pretrained(cls, source: str | Path, **kwargs: Any) -> SamModel:
        """Load a catalog name, file, folder or hub id; see `napari_samara.checkpoints.load`."""
        from napari_samara.checkpoints.load import load_checkpoint  # the one upward call, on use

        return load_checkpoint(source, **kwargs).model

    def save_pretrained(self, folder: str | Path, **kwargs: Any) -> None:
        """Write a folder that `from_pretrained` reads, for ViT encoders that of transformers too."""
        from napari_samara.checkpoints.save import save_pretrained

        save_pretrained(self, folder, **kwargs)

    def encode(self, pixel_values: Tensor) -> ImageFeatures:
        """Return embedding and finer maps of normalised, padded pixels (B, 3, S, S)."""
        size = self.config.image_size
        if pixel_values.ndim != 4 or pixel_values.shape[-2:] != (size, size):
            raise ImageError(
                f"pixel_values of shape {tuple(pixel_values.shape)}: this model reads "
                f"(batch, channels, {size}, {size}); use the image processor"
            )
        return self.encode_any(pixel_values)

    def encode_any(self, pixel_values: Tensor) -> ImageFeatures:
        """Encode pixels of any size the encoder can take; TinyViT has no fixed one."""
        if isinstance(self.image_encoder, TinyViT):
            return ImageFeatures(*self.image_encoder.forward_features(pixel_values))
        return ImageFeatures(self.image_encoder(pixel_values))

    @torch.no_grad()
    def get_image_embeddings(self, pixel_values: Tensor) -> Tensor:
        """Return the embedding (B, C, h, w) of pixels (B, 3, S, S)."""
        return self.encode(pixel_values).embedding

    def get_image_wide_positional_embeddings(self) -> Tensor:
        """Return the position code of the embedding, (1, C, h, w)."""
        return self.prompt_encoder.dense_pe()

    @torch.no_grad()
    def get_prompt_embeddings(
        self,
        input_points: Tensor | None = None,
        input_labels: Tensor | None = None,
        input_boxes: Tensor | None = None,
        input_masks: Tensor | None = None,
    ) -> PromptCode:
        """Return the code of prompts, shaped as in `forward` but without the image axis."""
        return self.prompt_encoder(input_points, input_labels, input_boxes, input_masks)

    def decode(
        self,
        features: ImageFeatures,
        code: PromptCode,
        multimask_output: bool = True,
        best_only: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return mask logits (P, M, S, S) and predicted IoU (P, M) of P prompts on one image."""
        masks: Tensor
        iou: Tensor
        masks, iou = self.mask_decoder(
            features.embedding,
            self.prompt_encoder.dense_pe(),
            code,
            multimask_output,
            features.skips,
            best_only,
        )
        return masks, iou

    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_points: Tensor | None = None,
        input_labels: Tensor | None = None,
        input_boxes: Tensor | None = None,
        input_masks: Tensor | None = None,
        image_embeddings: Tensor | ImageFeatures | None = None,
        multimask_output: bool = True,
        **_: Any,
    ) -> SamImageSegmentationOutput:
        """Segment B images with N prompts (objects) each.

        Parameters
        ----------
        pixel_values : Tensor, optional
            (B, 3, S, S) from the image processor. This or `image_embeddings`.
        input_points : Tensor, optional
            (B, N, K, 2) (x, y) in the input frame.
        input_labels : Tensor, optional
            (B, N, K): 1, 0, -1 or -10; all 1 where it is left out.
        input_boxes : Tensor, optional
            (B, N, 4) (x0, y0, x1, y1) in the input frame.
        input_masks : Tensor, optional
            (B, 1, 4 h, 4 w) mask logits, one an image.
        image_embeddings : Tensor or ImageFeatures, optional
            What `get_image_embeddings` or `encode` gave.
        multimask_output : bool
            Three masks a prompt, or one.

        Returns
        -------
        SamImageSegmentationOutput
            Logits and predicted IoU.
        """
        features = self._features(pixel_values, image_embeddings)
        batch = len(features.embedding)
        if input_points is not None and input_labels is None:
            input_labels = torch.ones_like(input_points[..., 0], dtype=torch.int64)
        _check_prompts(input_points, input_labels, input_boxes, batch)
        masks, ious = [], []
        for i in range(batch):
            code = self.prompt_encoder(
                *(None if t is None else t[i if len(t) > 1 else 0]
                  for t in (input_points, input_labels, input_boxes)),
                _of_image(input_masks, i, input_points, input_boxes),
            )
            one = ImageFeatures(
                features.embedding[i : i + 1], tuple(s[i : i + 1] for s in features.skips)
            )
            mask, iou = self.decode(one, code, multimask_output)
            masks.append(mask)
            ious.append(iou)
        return SamImageSegmentationOutput(torch.stack(ious), torch.stack(masks))

    def _features(
        self, pixel_values: Tensor | None, embeddings: Tensor | ImageFeatures | None
    ) -> ImageFeatures:
        if (pixel_values is None) == (embeddings is None):
            raise ImageError("give either pixel_values or image_embeddings, and only one of them")
        if pixel_values is not None:
            return self.encode(pixel_values)
        if isinstance(embeddings, ImageFeatures):
            return embeddings
        if not isinstance(embeddings, Tensor) or embeddings.ndim != 4:
            raise ImageError(f"image_embeddings must be a (B, C, h, w) tensor, got {embeddings!r}")
        if self.config.mask_decoder_config.skip_channels:
            raise ImageError("this family needs ImageFeatures (from `encode`), not the bare tensor")
        return ImageFeatures(embeddings)


def _of_image(masks: Tensor | None, i: int, *prompts: Tensor | None) -> Tensor | None:
    """Return the mask prompt of image `i`, repeated for each of its prompts."""
    if masks is None:
        return None
    count = next((t.shape[1] for t in prompts if t is not None), 1)
    one = masks[i : i + 1] if len(masks) > 1 else masks
    return one.expand(count, -1, -1, -1)


def _check_prompts(
    points: Tensor | None, labels: Tensor | None, boxes: Tensor | None, batch: int
) -> None:
    """Raise a PromptError that names the shape that does not fit."""
    shapes: Sequence[tuple[str, Tensor | None, int, str]] = (
        ("input_points", points, 4, "(batch, objects, points, 2)"),
        ("input_labels", labels, 3, "(batch, objects, points)"),
        ("input_boxes", boxes, 3, "(batch, objects, 4)"),
    )
    for name, value, ndim, expected in shapes:
        if value is None:
            continue
        if value.ndim != ndim or value.shape[0] not in (1, batch):
            raise PromptError(
                f"{name} has shape {tuple(value.shape)}; expected {expected} with batch {batch}"
            )
    if labels is not None and (points is None or labels.shape != points.shape[:3]):
        given = None if points is None else tuple(points.shape)
        raise PromptError(f"input_labels {tuple(labels.shape)} do not fit input_points {given}")
    if points is not None and boxes is not None and points.shape[1] != boxes.shape[1]:
        raise PromptError(
            f"input_points hold {points.shape[1]} objects, input_boxes {boxes.shape[1]}: "
            "give as many point groups as boxes"
        )
