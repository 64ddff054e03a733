"""Sizes of every part of a SAM, as frozen values that are checked at birth.

Field names follow the configuration classes of Hugging Face transformers (``SamConfig`` and its
parts), so that a ``config.json`` written for those reads here and the other way round. The presets
repeat the sizes of ``segment_anything/build_sam.py``; the TinyViT sizes those of MobileSAM's
``mobile_sam/build_sam.py``. Two further fields of the mask decoder and one of the prompt encoder
describe the family of the shipped samara-tiny and are left out of what is written for SAM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from napari_samara.errors import ConfigError

_LARGEST: dict[str, int] = {
    "hidden_size": 8192,
    "output_channels": 2048,
    "num_hidden_layers": 128,
    "num_attention_heads": 128,
    "num_channels": 64,
    "image_size": 8192,
    "patch_size": 256,
    "window_size": 512,
    "num_pos_feats": 2048,
    "mlp_dim": 65536,
    "mask_input_channels": 1024,
    "num_point_embeddings": 64,
    "attention_downsample_rate": 64,
    "num_multimask_outputs": 16,
    "iou_head_depth": 16,
    "iou_head_hidden_dim": 8192,
}
"""Upper bounds far beyond any published SAM; a hostile file may ask for more memory than exists."""


@dataclass(frozen=True)
class _Sizes:
    """A frozen group of sizes that reads and writes plain dictionaries."""

    _may_be_zero: ClassVar[frozenset[str]] = frozenset({"window_size"})

    def __post_init__(self) -> None:
        for name, largest in _LARGEST.items():
            value = getattr(self, name, None)
            if value is None:
                continue
            smallest = 0 if name in self._may_be_zero else 1
            if isinstance(value, bool) or not isinstance(value, int):
                raise ConfigError(f"{type(self).__name__}.{name} must be an integer, got {value!r}")
            if not smallest <= value <= largest:
                raise ConfigError(
                    f"{type(self).__name__}.{name} is {value}; it must lie in "
                    f"[{smallest}, {largest}]"
                )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping; keys that are no field are passed over (files carry many)."""
        names = {f.name for f in fields(cls) if f.init}
        return cls(**{k: _frozen(v) for k, v in values.items() if k in names})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that json can write."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class SamVisionConfig(_Sizes):
    """Sizes of the ViT image encoder (SAM paper, section 3 and appendix A).

    Attributes
    ----------
    hidden_size : int
        Width of a token.
    output_channels : int
        Channels of the embedding that the neck puts out.
    num_hidden_layers, num_attention_heads : int
        Depth and heads; ``hidden_size`` is a multiple of the heads.
    image_size, patch_size : int
        Side of the square input and of a patch, in input pixels.
    window_size : int
        Side of an attention window in patches; 0 makes every block global.
    global_attn_indexes : tuple of int
        Blocks that attend over the whole image.
    mlp_dim : int or None
        Hidden width of the MLP; None stands for ``hidden_size * mlp_ratio``.
    num_pos_feats : int
        Half the channels of the random Fourier position code.
    """

    hidden_size: int = 768
    output_channels: int = 256
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 3
    image_size: int = 1024
    patch_size: int = 16
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-6
    attention_dropout: float = 0.0
    initializer_range: float = 1e-10
    qkv_bias: bool = True
    mlp_ratio: float = 4.0
    use_abs_pos: bool = True
    use_rel_pos: bool = True
    window_size: int = 14
    global_attn_indexes: tuple[int, ...] = (2, 5, 8, 11)
    num_pos_feats: int = 128
    mlp_dim: int | None = None

    model_type: ClassVar[str] = "sam_vision_model"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "global_attn_indexes", tuple(self.global_attn_indexes))
        if self.mlp_dim is None:
            object.__setattr__(self, "mlp_dim", int(self.hidden_size * self.mlp_ratio))
        if not 1 <= (self.mlp_dim or 0) <= _LARGEST["mlp_dim"]:
            raise ConfigError(f"SamVisionConfig.mlp_dim is {self.mlp_dim}; mlp_ratio is off")
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is no multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.image_size % self.patch_size:
            raise ConfigError(
                f"image_size {self.image_size} is no multiple of patch_size {self.patch_size}"
            )

    @property
    def embedding_size(self) -> int:
        """Side of the embedding, in patches."""
        return self.image_size // self.patch_size


@dataclass(frozen=True)
class TinyVitConfig(_Sizes):
    """Sizes of the TinyViT image encoder (Wu et al. 2022, as MobileSAM uses it).

    Attributes
    ----------
    embed_dims, depths, num_heads, window_sizes : tuple of int
        One entry a stage. Stage 0 is convolutional: its heads and window are not used.
    merge_strides : tuple of int
        Stride of the patch merging behind each stage but the last.
    stem_stride : int
        Stride of the patch embedding before stage 0: 4, or 1 as in LiteMedSAM, whose patch
        embedding looks at single pixels.
    output_channels : int
        Channels of the embedding that the neck puts out.
    image_size : int
        Side of the square input in pixels.
    """

    embed_dims: tuple[int, ...] = (64, 128, 160, 320)
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (2, 4, 5, 10)
    window_sizes: tuple[int, ...] = (7, 7, 14, 7)
    merge_strides: tuple[int, ...] = (2, 2, 1)
    stem_stride: int = 4
    mlp_ratio: float = 4.0
    mbconv_expand_ratio: float = 4.0
    num_channels: int = 3
    image_size: int = 1024
    output_channels: int = 256
    num_pos_feats: int = 128
    layer_norm_eps: float = 1e-5

    model_type: ClassVar[str] = "tiny_vit"

    def __post_init__(self) -> None:
        super().__post_init__()
        stages = len(self.embed_dims)
        lists = (self.depths, self.num_heads, self.window_sizes)
        if not 2 <= stages <= 8 or any(len(v) != stages for v in lists):
            raise ConfigError(
                "TinyVitConfig needs embed_dims, depths, num_heads and window_sizes of one length "
                f"between 2 and 8, got {[stages, *(len(v) for v in lists)]}"
            )
        if len(self.merge_strides) != stages - 1:
            raise ConfigError(f"merge_strides {self.merge_strides} needs {stages - 1} entries")
        if self.stem_stride not in (1, 4):
            raise ConfigError(f"stem_stride is {self.stem_stride!r}; it must be 1 or 4")
        for name, largest in (
            ("embed_dims", 8192),
            ("depths", 128),
            ("num_heads", 128),
            ("window_sizes", 512),
            ("merge_strides", 2),
        ):
            values = tuple(getattr(self, name))
            object.__setattr__(self, name, values)
            if any(not isinstance(v, int) or not 1 <= v <= largest for v in values):
                raise ConfigError(f"TinyVitConfig.{name} {values} must hold 1 to {largest}")
        if any(d % h for d, h in zip(self.embed_dims[1:], self.num_heads[1:], strict=True)):
            raise ConfigError(f"embed_dims {self.embed_dims} are no multiples of {self.num_heads}")
        if self.image_size % self.patch_size:
            raise ConfigError(
                f"image_size {self.image_size} is no multiple of the stride {self.patch_size}"
            )

    @property
    def patch_size(self) -> int:
        """Input pixels a side that one embedding position stands for."""
        stride = self.stem_stride
        for s in self.merge_strides:
            stride *= s
        return stride

    @property
    def embedding_size(self) -> int:
        """Side of the embedding, in positions."""
        return self.image_size // self.patch_size


@dataclass(frozen=True)
class SamPromptEncoderConfig(_Sizes):
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


@dataclass(frozen=True)
class SamMaskDecoderConfig(_Sizes):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "skip_channels", tuple(self.skip_channels))
        if any(not isinstance(v, int) or not 1 <= v <= 8192 for v in self.skip_channels):
            raise ConfigError(f"skip_channels {self.skip_channels} must hold 1 to 8192")
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


VisionConfig = SamVisionConfig | TinyVitConfig


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
        vision: Any = self.vision_config or SamVisionConfig()
        prompt: Any = self.prompt_encoder_config or SamPromptEncoderConfig()
        decoder: Any = self.mask_decoder_config or SamMaskDecoderConfig()
        if isinstance(vision, Mapping):
            tiny = vision.get("model_type") == TinyVitConfig.model_type or "embed_dims" in vision
            vision = (TinyVitConfig if tiny else SamVisionConfig).from_dict(vision)
        if isinstance(prompt, Mapping):
            prompt = SamPromptEncoderConfig.from_dict(prompt)
        if isinstance(decoder, Mapping):
            decoder = SamMaskDecoderConfig.from_dict(decoder)
        object.__setattr__(self, "vision_config", vision)
        object.__setattr__(self, "prompt_encoder_config", prompt)
        object.__setattr__(self, "mask_decoder_config", decoder)
        self._check_fit()

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
        if prompt.image_embedding_size != vision.embedding_size:
            raise ConfigError(
                f"prompt encoder expects an embedding of side {prompt.image_embedding_size}, "
                f"the image encoder gives {vision.embedding_size}"
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
        """Build from a mapping such as a parsed ``config.json``."""
        parts = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
        return cls(**{name: values.get(name) or {} for name in parts})

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain values; transformers reads them for the ViT families."""
        vision = self.vision_config.to_dict() | {"model_type": self.vision_config.model_type}
        prompt = self.prompt_encoder_config.to_dict()
        prompt["image_embedding_size"] = self.prompt_encoder_config.image_embedding_size
        decoder = self.mask_decoder_config.to_dict()
        if not self.is_samara:
            prompt.pop("prompt_maps")
            decoder.pop("skip_channels")
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
        return cls(SamVisionConfig(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                                   global_attn_indexes=(5, 11, 17, 23)))

    @classmethod
    def vit_h(cls) -> SamConfig:
        """Return the sizes of SAM ViT-H."""
        return cls(SamVisionConfig(hidden_size=1280, num_hidden_layers=32, num_attention_heads=16,
                                   global_attn_indexes=(7, 15, 23, 31)))

    @classmethod
    def mobile_sam(cls, image_size: int = 1024) -> SamConfig:
        """Return the sizes of MobileSAM."""
        return cls(TinyVitConfig(image_size=image_size),
                   SamPromptEncoderConfig(image_size=image_size))

    @classmethod
    def lite_medsam(cls, image_size: int = 256) -> SamConfig:
        """Return the sizes of LiteMedSAM: one embedding position for 4 x 4 pixels."""
        return cls(TinyVitConfig(image_size=image_size, stem_stride=1),
                   SamPromptEncoderConfig(image_size=image_size, patch_size=4))

    @classmethod
    def samara_tiny(cls, image_size: int = 512) -> SamConfig:
        """Return the sizes of the shipped samara-tiny."""
        width = 128
        vision = TinyVitConfig(
            embed_dims=(32, 64, 128, 192), depths=(1, 2, 4, 2), num_heads=(1, 2, 4, 6),
            window_sizes=(8, 8, 8, 8), image_size=image_size, output_channels=width,
            num_pos_feats=width // 2,
        )
        prompt = SamPromptEncoderConfig(hidden_size=width, image_size=image_size,
                                        prompt_maps=True)
        decoder = SamMaskDecoderConfig(
            hidden_size=width, mlp_dim=4 * width, num_attention_heads=4, iou_head_hidden_dim=width,
            skip_channels=(64, 32, 16),
        )
        return cls(vision, prompt, decoder)
