"""Sizes of every part of a SAM, as frozen values that are checked at birth.

Field names follow the configuration classes of Hugging Face transformers (``SamConfig`` and its
parts), so that a ``config.json`` written for those reads here and the other way round. The presets
repeat the sizes of ``segment_anything/build_sam.py``; the TinyViT sizes those of MobileSAM's
``mobile_sam/build_sam.py``. Some further fields, told apart by "samara family" where they are
described, belong to the shipped samara-tiny and are left out of what is written for SAM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_samara.errors import ConfigError
from napari_samara.model.decoder_config import SamMaskDecoderConfig, SamPromptEncoderConfig
from napari_samara.model.vision_config import SamVisionConfig, TinyVitConfig, VisionConfig

if TYPE_CHECKING:
    from napari_samara.model.sizes import Sizes

__all__ = [
    "SamConfig",
    "SamMaskDecoderConfig",
    "SamPromptEncoderConfig",
    "SamVisionConfig",
    "TinyVitConfig",
    "VisionConfig",
]

_PARTS = ("vision_config", "prompt_encoder_config", "mask_decoder_config")

_SAMARA_ALONE = (
    "skip_channels",
    "instance_maps",
    "mask_scores",
    "fine_maps",
    "second_look",
    "fit_boxes",
    "obey_clicks",
    "click_by_click",
)
"""Fields of the decoder that other families do not have."""

_LARGEST_SIDE = 512
_MOST_WEIGHTS = 2_000_000_000
"""Bounds for hostile files: each field may be in bounds and the whole still ask for terabytes."""


@dataclass(frozen=True)
class SamConfig:
    """Sizes of a whole SAM; each part may be given as a mapping.

    Attributes
    ----------
    vision_config : SamVisionConfig or TinyVitConfig
    prompt_encoder_config : SamPromptEncoderConfig
    mask_decoder_config : SamMaskDecoderConfig
    """

    vision_config: VisionConfig = field(default_factory=SamVisionConfig)
    prompt_encoder_config: SamPromptEncoderConfig = field(default_factory=SamPromptEncoderConfig)
    mask_decoder_config: SamMaskDecoderConfig = field(default_factory=SamMaskDecoderConfig)
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        """Turn mappings into the parts, and check that these fit together."""
        kinds = SamVisionConfig, SamPromptEncoderConfig, SamMaskDecoderConfig
        for name, kind in zip(_PARTS, kinds, strict=True):
            object.__setattr__(self, name, _part(getattr(self, name), kind, name))
        self._check_fit()
        self._check_skips()
        self._check_memory()

    def _check_fit(self) -> None:
        vision, prompt = self.vision_config, self.prompt_encoder_config
        widths = {
            "vision output_channels": vision.output_channels,
            "prompt encoder hidden_size": prompt.hidden_size,
            "mask decoder hidden_size": self.mask_decoder_config.hidden_size,
            "2 * num_pos_feats": 2 * vision.num_pos_feats,
        }
        if len(set(widths.values())) != 1:
            raise ConfigError(f"the parts of a SAM must share one width, got {widths}")
        if prompt.image_size != vision.image_size:
            raise ConfigError(
                f"prompt encoder is for images of {prompt.image_size} pixels a side, the image "
                f"encoder for {vision.image_size}"
            )
        if prompt.image_embedding_size != vision.embedding_size:
            raise ConfigError(
                f"prompt encoder expects an embedding of side {prompt.image_embedding_size}, "
                f"the image encoder gives {vision.embedding_size}"
            )

    def _check_skips(self) -> None:
        wanted, vision = self.mask_decoder_config.skip_channels, self.vision_config
        given = vision.skip_channels if isinstance(vision, TinyVitConfig) else ()
        if wanted != given[: len(wanted)]:
            raise ConfigError(f"skip_channels {wanted} asked for; the image encoder gives {given}")
        if self.mask_decoder_config.instance_maps and not self.prompt_encoder_config.prompt_maps:
            raise ConfigError("instance_maps are guesses for drawn prompts: they need prompt_maps")

    def _check_memory(self) -> None:
        side = self.vision_config.embedding_size
        if side > _LARGEST_SIDE:
            raise ConfigError(f"an embedding of {side} x {side}; the limit is {_LARGEST_SIDE}")
        parts = self.vision_config, self.prompt_encoder_config, self.mask_decoder_config
        count = sum(part.weight_count for part in parts)
        if count > _MOST_WEIGHTS:
            raise ConfigError(
                f"a model of some {count / 1e9:.3g} billion weights; the largest SAM has 0.64 "
                f"billion and the limit is {_MOST_WEIGHTS / 1e9:g}"
            )

    @property
    def image_size(self) -> int:
        """Side of the square model input, in pixels."""
        return self.vision_config.image_size

    @property
    def mask_size(self) -> int:
        """Side of the low-resolution masks that the decoder puts out."""
        return int(self.vision_config.embedding_size * 2**self.mask_decoder_config.upscaling_steps)

    @property
    def mask_input_size(self) -> int:
        """Side of a mask prompt, four times the embedding."""
        return int(4 * self.vision_config.embedding_size)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SamConfig:
        """Build from a mapping such as a parsed ``config.json``; what is left out is ViT-B's.

        Parameters
        ----------
        values : mapping
            With the parts under the names of the fields.

        Returns
        -------
        SamConfig
            Checked.

        Raises
        ------
        ConfigError
            A value has the wrong type, is out of bounds, or does not fit the others.
        """
        given: dict[str, Any] = {name: values.get(name) for name in _PARTS}
        return cls(**given, initializer_range=values.get("initializer_range", 0.02))

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain values; transformers reads them for the ViT families."""
        vision = self.vision_config.to_dict() | {"model_type": self.vision_config.model_type}
        prompt = self.prompt_encoder_config.to_dict()
        prompt["image_embedding_size"] = self.prompt_encoder_config.image_embedding_size
        decoder = self.mask_decoder_config.to_dict()
        if not self.is_samara:
            prompt.pop("prompt_maps")
            for name in _SAMARA_ALONE:
                decoder.pop(name)
        return {
            "model_type": "samara_sam" if self.is_samara or self.is_tiny_vit else "sam",
            "initializer_range": self.initializer_range,
            "vision_config": vision,
            "prompt_encoder_config": prompt,
            "mask_decoder_config": decoder,
        }

    @property
    def is_tiny_vit(self) -> bool:
        """Whether the image encoder is a TinyViT."""
        return isinstance(self.vision_config, TinyVitConfig)

    @property
    def is_samara(self) -> bool:
        """Whether the decoder is of the samara family (finer masks, drawn prompts)."""
        return (
            bool(self.mask_decoder_config.skip_channels) or self.prompt_encoder_config.prompt_maps
        )

    @classmethod
    def vit_b(cls) -> SamConfig:
        """Return the sizes of SAM ViT-B, also those of MedSAM."""
        return cls()

    @classmethod
    def vit_l(cls) -> SamConfig:
        """Return the sizes of SAM ViT-L."""
        return cls(
            SamVisionConfig(
                hidden_size=1024,
                num_hidden_layers=24,
                num_attention_heads=16,
                global_attn_indexes=(5, 11, 17, 23),
            )
        )

    @classmethod
    def vit_h(cls) -> SamConfig:
        """Return the sizes of SAM ViT-H."""
        return cls(
            SamVisionConfig(
                hidden_size=1280,
                num_hidden_layers=32,
                num_attention_heads=16,
                global_attn_indexes=(7, 15, 23, 31),
            )
        )

    @classmethod
    def mobile_sam(cls, image_size: int = 1024) -> SamConfig:
        """Return the sizes of MobileSAM."""
        return cls(
            TinyVitConfig(image_size=image_size), SamPromptEncoderConfig(image_size=image_size)
        )

    @classmethod
    def lite_medsam(cls, image_size: int = 256) -> SamConfig:
        """Return the sizes of LiteMedSAM: one embedding position for 4 x 4 pixels."""
        return cls(
            TinyVitConfig(image_size=image_size, stem_stride=1),
            SamPromptEncoderConfig(image_size=image_size, patch_size=4),
        )

    @classmethod
    def samara_tiny(cls, image_size: int = 512) -> SamConfig:
        """Return the sizes of the shipped samara-tiny."""
        width = 128
        vision = TinyVitConfig(
            embed_dims=(32, 64, 128, 192),
            depths=(1, 2, 4, 2),
            num_heads=(1, 2, 4, 6),
            window_sizes=(8, 8, 8, 8),
            image_size=image_size,
            output_channels=width,
            num_pos_feats=width // 2,
            feature_pyramid=True,
            pyramid_blocks=1,
        )
        prompt = SamPromptEncoderConfig(hidden_size=width, image_size=image_size, prompt_maps=True)
        decoder = SamMaskDecoderConfig(
            hidden_size=width,
            mlp_dim=4 * width,
            num_attention_heads=4,
            iou_head_hidden_dim=width,
            skip_channels=(64, 32, 16),
            instance_maps=True,
            mask_scores=True,
            fine_maps=True,
            second_look=True,
            fit_boxes=True,
            obey_clicks=True,
            click_by_click=True,
        )
        return cls(vision, prompt, decoder)


def _part(given: Any, kind: type[Sizes], name: str) -> Sizes:
    """One part of a model from what was given for it: nothing, named values, or the part."""
    if given is None:
        return kind()
    if isinstance(given, Mapping):
        if given.get("model_type") == TinyVitConfig.model_type or "embed_dims" in given:
            kind = TinyVitConfig
        return kind.from_dict(given)
    if isinstance(given, kind) or (kind is SamVisionConfig and isinstance(given, TinyVitConfig)):
        return given
    raise ConfigError(f"{name} must be a {kind.__name__} or a mapping, got {given!r:.80}")
