"""Sizes of the image encoders, checked at birth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

from napari_samara.errors import ConfigError
from napari_samara.model.sizes import Sizes

_LARGEST_IN_STAGE = {
    "embed_dims": 8192,
    "depths": 128,
    "num_heads": 128,
    "window_sizes": 32,  # a table of all pairs of positions in a window is made
    "merge_strides": 2,
}


@dataclass(frozen=True)
class SamVisionConfig(Sizes):
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
    _may_be_none: ClassVar[frozenset[str]] = frozenset({"mlp_dim"})

    def __post_init__(self) -> None:
        """Check the fields, alone and against each other."""
        super().__post_init__()
        if self.mlp_dim is None:
            object.__setattr__(self, "mlp_dim", max(int(self.hidden_size * self.mlp_ratio), 1))
        self._check_tuple("global_attn_indexes", 0, 1000)  # beyond the depth: no effect, as in HF
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is no multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.image_size % self.patch_size:
            raise ConfigError(
                f"image_size {self.image_size} is no multiple of patch_size {self.patch_size}"
            )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed; the MLP follows the width.

        Parameters
        ----------
        **changes
            New values by field name.

        Returns
        -------
        SamVisionConfig
            Checked like any other.
        """
        if changes.keys() & {"hidden_size", "mlp_ratio"}:
            changes.setdefault("mlp_dim", None)
        return super().replace(**changes)

    @property
    def embedding_size(self) -> int:
        """Side of the embedding, in patches."""
        return self.image_size // self.patch_size

    @property
    def weight_count(self) -> int:
        """Number of weights, biases and the like left out."""
        width, out, side = self.hidden_size, self.output_channels, self.embedding_size
        block = 4 * width**2 + 2 * width * (self.mlp_dim or 0)
        embed = self.num_channels * self.patch_size**2 * width + side**2 * width
        return self.num_hidden_layers * block + embed + width * out + 9 * out**2


@dataclass(frozen=True)
class TinyVitConfig(Sizes):
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
    feature_pyramid : bool
        Whether the finer maps given beside the embedding are told what it knows (samara family).
    pyramid_blocks : int
        Residual blocks of two convolutions that each of these maps then goes through.
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
    feature_pyramid: bool = False
    pyramid_blocks: int = 0

    model_type: ClassVar[str] = "tiny_vit"

    def __post_init__(self) -> None:
        """Check the fields, alone and against each other."""
        super().__post_init__()
        for name, largest in _LARGEST_IN_STAGE.items():
            self._check_tuple(name, 1, largest)
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

    @property
    def skip_channels(self) -> tuple[int, ...]:
        """Channels of the maps at strides 8, 4, 2 that can be given beside the embedding."""
        dims = self.embed_dims
        return dims[1], dims[0], dims[0] // 2

    @property
    def weight_count(self) -> int:
        """Number of weights, biases and the like left out."""
        dims, out = self.embed_dims, self.output_channels
        count = 9 * dims[0] // 2 * (self.num_channels + dims[0]) + dims[-1] * out + 9 * out**2
        count += self.depths[0] * 2 * dims[0] * int(dims[0] * self.mbconv_expand_ratio)
        for width, depth in zip(dims[1:], self.depths[1:], strict=True):
            count += depth * (4 * width**2 + 2 * width * int(width * self.mlp_ratio))
        if self.feature_pyramid:
            steps = pairwise((out, *self.skip_channels))
            each = 19 + 18 * self.pyramid_blocks
            count += sum(fine * (coarse + each * fine) for coarse, fine in steps)
        return count + sum(a * b + b**2 for a, b in pairwise(dims))


VisionConfig = SamVisionConfig | TinyVitConfig
