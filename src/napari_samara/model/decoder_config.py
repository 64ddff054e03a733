"""Sizes of the prompt encoder and of the mask decoder, checked at birth."""

from __future__ import annotations

from dataclasses import dataclass

from napari_samara.errors import ConfigError
from napari_samara.model.sizes import Sizes

_MOST_STEPS = 4
_INSTANCE_STEP = 2


@dataclass(frozen=True)
class SamPromptEncoderConfig(Sizes):
    """Sizes of the prompt encoder.

    Attributes
    ----------
    hidden_size : int
        Width of a prompt token.
    image_size, patch_size : int
        Side of the input and of one embedding position, in input pixels.
    mask_input_channels : int
        Channels of the mask path before its last convolution.
    prompt_maps : bool
        Whether points and boxes are drawn as maps beside the mask prompt (samara family).
    """

    hidden_size: int = 256
    image_size: int = 1024
    patch_size: int = 16
    mask_input_channels: int = 16
    num_point_embeddings: int = 4
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-6
    prompt_maps: bool = False

    @property
    def image_embedding_size(self) -> int:
        """Side of the image embedding, in positions."""
        return self.image_size // self.patch_size

    @property
    def weight_count(self) -> int:
        """Number of weights, biases and the like left out."""
        width, mid = self.hidden_size, self.mask_input_channels
        return (self.num_point_embeddings + 2 + mid) * width + mid**2


@dataclass(frozen=True)
class SamMaskDecoderConfig(Sizes):
    """Sizes of the two-way transformer and the mask head.

    Attributes
    ----------
    hidden_size, mlp_dim, num_hidden_layers, num_attention_heads : int
        Of the two-way transformer.
    attention_downsample_rate : int
        Factor by which the attention between tokens and image is narrower than ``hidden_size``.
    num_multimask_outputs : int
        Masks offered for an ambiguous prompt.
    skip_channels : tuple of int
        Channels of the encoder features that each up-sampling step receives, coarse to fine
        (samara family); empty for SAM, which has two steps and no such features.
    instance_maps : bool
        Whether pixels that vote for the centre of the prompted object are shown to the decoder
        (samara family).
    mask_scores : bool
        Whether the predicted IoU is read from the mask too (samara family, with instance_maps).
    fine_maps : bool
        Whether points and boxes are drawn at the resolution of the masks too (samara family, with
        instance_maps).
    second_look : bool
        Whether the best mask of a single point is decoded again with itself as a prompt (samara
        family).
    fit_boxes : bool
        Whether the mask of a box is cut off where it fits the box best (samara family).
    obey_clicks : bool
        Whether logits are changed around clicks that they contradict (samara family).
    click_by_click : bool
        Whether the decoder is shown the mask before the last prompt of an object (samara family).
    """

    hidden_size: int = 256
    hidden_act: str = "relu"
    mlp_dim: int = 2048
    num_hidden_layers: int = 2
    num_attention_heads: int = 8
    attention_downsample_rate: int = 2
    num_multimask_outputs: int = 3
    iou_head_depth: int = 3
    iou_head_hidden_dim: int = 256
    layer_norm_eps: float = 1e-6
    skip_channels: tuple[int, ...] = ()
    instance_maps: bool = False
    mask_scores: bool = False
    fine_maps: bool = False
    second_look: bool = False
    fit_boxes: bool = False
    obey_clicks: bool = False
    click_by_click: bool = False

    def __post_init__(self) -> None:
        """Check the fields, alone and against each other."""
        super().__post_init__()
        self._check_tuple("skip_channels", 1, 8192)
        if len(self.skip_channels) > _MOST_STEPS:
            raise ConfigError(f"skip_channels {self.skip_channels} has more than {_MOST_STEPS}")
        if self.instance_maps and len(self.skip_channels) < _INSTANCE_STEP:
            raise ConfigError(
                f"instance_maps are read from features of stride 4: skip_channels needs "
                f"{_INSTANCE_STEP} entries, got {self.skip_channels}"
            )
        if self.mask_scores and not self.instance_maps:
            raise ConfigError("mask_scores compare masks with guesses: they need instance_maps")
        if self.fine_maps and not self.instance_maps:
            raise ConfigError("fine_maps are drawn where prompts are: they need instance_maps")
        inner = self.hidden_size // self.attention_downsample_rate
        if inner < 1 or inner % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} / attention_downsample_rate "
                f"{self.attention_downsample_rate} is no multiple of {self.num_attention_heads}"
            )

    @property
    def upscaling_steps(self) -> int:
        """How often the decoder doubles the side of the embedding."""
        return len(self.skip_channels) or 2

    @property
    def weight_count(self) -> int:
        """Number of weights, biases and the like left out."""
        width, masks, hidden = self.hidden_size, self.num_multimask_outputs + 1, self.mlp_dim
        inner, head = width // self.attention_downsample_rate, self.iou_head_hidden_dim
        layers = self.num_hidden_layers * (4 * width**2 + 8 * width * inner + 2 * width * hidden)
        heads = masks * 2 * width**2 + width * head + (self.iou_head_depth - 2) * head**2
        guesses = 48 * width if self.instance_maps else 0
        scores = head * (2 * width + head) if self.mask_scores else 0
        return layers + 4 * width * inner + heads + width**2 + guesses + scores
