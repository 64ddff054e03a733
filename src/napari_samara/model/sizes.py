"""What every group of model sizes has in common: bounds, checks and plain dictionaries."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from napari_samara.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

LARGEST_RATIO = 64.0
_RATIOS = ("mlp_ratio", "mbconv_expand_ratio")
_FRACTIONS = ("layer_norm_eps", "initializer_range", "attention_dropout")
_SWITCHES = (
    *("qkv_bias", "use_abs_pos", "use_rel_pos"),
    *("prompt_maps", "instance_maps", "mask_scores", "feature_pyramid"),
)


@dataclass(frozen=True)
class Sizes:
    """A frozen group of sizes that reads and writes plain dictionaries."""

    _may_be_zero: ClassVar[frozenset[str]] = frozenset({"window_size"})
    _may_be_none: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Refuse values of the wrong type or out of bounds."""
        for name, largest in _LARGEST.items():
            value = getattr(self, name, 1)
            if value is not None or name not in self._may_be_none:
                smallest = 0 if name in self._may_be_zero else 1
                self._check_integers(name, (value,), smallest, largest)
        for name in (*_RATIOS, *_FRACTIONS):
            self._check_number(name, LARGEST_RATIO if name in _RATIOS else 1.0)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name, False), bool):
                self._refuse(name, "true or false")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping; keys that are no field are passed over (files carry many).

        Parameters
        ----------
        values : mapping
            Such as one part of a parsed ``config.json``; lists become tuples.

        Returns
        -------
        Sizes
            Checked.

        Raises
        ------
        ConfigError
            A value has the wrong type or is out of bounds.
        """
        names = {f.name for f in fields(cls) if f.init}
        return cls(**{k: _frozen(v) for k, v in values.items() if k in names})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that json can write."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed.

        Parameters
        ----------
        **changes
            New values by field name.

        Returns
        -------
        Sizes
            Checked like any other.
        """
        return replace(self, **changes)

    def _check_integers(
        self, name: str, values: Iterable[Any], smallest: int, largest: int
    ) -> None:
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int):
                self._refuse(name, "made of integers")
            if not smallest <= value <= largest:
                raise ConfigError(
                    f"{type(self).__name__}.{name} is {value}; it must lie in "
                    f"[{smallest}, {largest}]"
                )

    def _check_number(self, name: str, largest: float) -> None:
        value: Any = getattr(self, name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(name, "a number")
        if not (math.isfinite(value) and 0 <= value <= largest):
            self._refuse(name, f"a number in [0, {largest:g}]")

    def _check_tuple(self, name: str, smallest: int, largest: int) -> None:
        """Make field `name` a tuple of integers in bounds."""
        values: Any = getattr(self, name)
        if not isinstance(values, list | tuple):
            self._refuse(name, "a list of integers")
        self._check_integers(name, values, smallest, largest)
        object.__setattr__(self, name, tuple(values))

    def _refuse(self, name: str, expected: str) -> NoReturn:
        value = getattr(self, name)
        raise ConfigError(f"{type(self).__name__}.{name} must be {expected}, got {value!r:.80}")


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value
