"""A whole SAM: image encoder, prompt encoder and mask decoder.

The sub-modules carry the names of ``segment_anything/modeling/sam.py``; calls and results follow
``SamModel`` of Hugging Face transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from napari_samara.errors import ImageError
from napari_samara.model.config import SamConfig, TinyVitConfig
from napari_samara.model.image_encoder import ImageEncoderViT
from napari_samara.model.mask_decoder import MaskDecoder
from napari_samara.model.outputs import ImageFeatures, SamImageSegmentationOutput
from napari_samara.model.preprocess_file import read_preprocess
from napari_samara.model.prompt_checks import PromptTensors
from napari_samara.model.prompt_encoder import PromptCode, PromptEncoder
from napari_samara.model.tiny_vit import TinyViT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ImageFeatures", "SamImageSegmentationOutput", "SamModel"]

_PASSED_OVER = {
    "original_sizes",
    "reshaped_input_sizes",
    "labels",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
}
"""Arguments of transformers' model that change nothing in what is returned here."""


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
        prompt = config.prompt_encoder_config
        self.mask_decoder = MaskDecoder(decoder, prompt.prompt_maps, prompt.patch_size)

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
        """Return a model with weights, in evaluation mode.

        Parameters
        ----------
        source : str or path
            Catalog name, file, folder or hub id.
        **kwargs
            As `napari_samara.checkpoints.load.load_checkpoint` takes them.

        Returns
        -------
        SamModel
            On the CPU unless `device` is given.

        Raises
        ------
        CheckpointError
            The weights cannot be used; see there for its children.
        """
        from napari_samara.checkpoints.load import load_checkpoint  # the one upward call, on use

        return load_checkpoint(source, **kwargs).model

    def save_pretrained(self, folder: str | Path, **kwargs: Any) -> None:
        """Write a folder that `from_pretrained` reads; that of transformers too, for a ViT.

        Parameters
        ----------
        folder : str or path
            Made if missing. A ``preprocessor_config.json`` that a processor has put there stays.
        **kwargs
            As `napari_samara.checkpoints.save.save_pretrained` takes them.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        from napari_samara.checkpoints.save import save_pretrained

        kwargs.setdefault("preprocess", read_preprocess(folder, self.config.image_size))
        save_pretrained(self, folder, **kwargs)

    def encode(self, pixel_values: Tensor) -> ImageFeatures:
        """Return embedding and finer maps of normalised, padded pixels (B, 3, S, S)."""
        size, channels = self.config.image_size, self.config.vision_config.num_channels
        shape = tuple(pixel_values.shape)
        if (
            0 in shape
            or shape != (*shape[:1], channels, size, size)
            or not pixel_values.is_floating_point()
        ):
            raise ImageError(
                f"pixel_values of shape {shape} and {pixel_values.dtype}: this model reads floats "
                f"(batch, {channels}, {size}, {size}); use the image processor"
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
    ) -> tuple[Tensor, Tensor]:
        """Return the code of prompts as tokens and as a map.

        Parameters
        ----------
        input_points, input_labels, input_boxes, input_masks : Tensor, optional
            As in `forward`.

        Returns
        -------
        sparse : Tensor
            (B, N, T, C) tokens.
        dense : Tensor
            (B, C, h, w), which all objects of an image share; not so in families that draw their
            prompts, where it is that of the first object.

        Raises
        ------
        PromptError
            Shapes that do not fit each other, or a label that means nothing.
        """
        prompts = PromptTensors(input_points, input_labels, input_boxes, input_masks).completed()
        batch = max((len(t) for t in prompts if t is not None), default=1)
        prompts.check(batch, self.config.mask_input_size)
        codes = [self.prompt_encoder(*prompts.of_image(i)) for i in range(batch)]
        return torch.stack([c.sparse for c in codes]), torch.cat([c.dense[:1] for c in codes])

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

    def decode_good(
        self, features: ImageFeatures, code: PromptCode, least: float
    ) -> tuple[Tensor, Tensor]:
        """Return what `decode` does, with zeros for prompts whose masks all promise too little.

        Parameters
        ----------
        features : ImageFeatures
            Of one image.
        code : PromptCode
            Of P prompts.
        least : float
            Predicted IoU.
        """
        return self.mask_decoder.good_masks(
            features.embedding, self.prompt_encoder.dense_pe(), code, features.skips, least
        )

    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_points: Tensor | None = None,
        input_labels: Tensor | None = None,
        input_boxes: Tensor | None = None,
        input_masks: Tensor | None = None,
        image_embeddings: Tensor | ImageFeatures | None = None,
        multimask_output: bool = True,
        **rest: Any,
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
        **rest
            What else a processor gives, such as ``original_sizes``: passed over.

        Returns
        -------
        SamImageSegmentationOutput
            Logits and predicted IoU.

        Raises
        ------
        ImageError
            Neither pixels nor embeddings, both, or of a shape that this model does not read.
        PromptError
            Shapes that do not fit each other, or a label that means nothing.
        TypeError
            An argument that no SAM has, or one of PerSAM, which is not supported.
        """
        unknown = set(rest) - _PASSED_OVER
        if unknown:
            raise TypeError(f"a SAM takes no {', '.join(sorted(unknown))}")
        features = self._features(pixel_values, image_embeddings)
        batch = len(features.embedding)
        prompts = PromptTensors(input_points, input_labels, input_boxes, input_masks).completed()
        prompts.check(batch, self.config.mask_input_size)
        masks, ious = [], []
        for i in range(batch):
            one = ImageFeatures(
                features.embedding[i : i + 1], tuple(s[i : i + 1] for s in features.skips)
            )
            mask, iou = self.decode(
                one, self.prompt_encoder(*prompts.of_image(i)), multimask_output
            )
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
        side, width = (
            self.config.vision_config.embedding_size,
            self.prompt_encoder.config.hidden_size,
        )
        shape = tuple(embeddings.shape) if isinstance(embeddings, Tensor) else ()
        if embeddings is None or 0 in shape or shape != (*shape[:1], width, side, side):
            raise ImageError(
                f"image_embeddings must be a tensor (batch, {width}, {side}, {side}), got "
                f"{type(embeddings).__name__} {shape}"
            )
        if self.config.mask_decoder_config.skip_channels:
            raise ImageError("this family needs ImageFeatures (from `encode`), not the bare tensor")
        return ImageFeatures(embeddings)
