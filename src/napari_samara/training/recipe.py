"""What a training run does, as a frozen value that is checked at birth."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from napari_samara.errors import SettingsError

_SHARES = (
    "large_share", "region_share", "decay_from", "second_round", "third_round", "again",
    "earlier", "practised", "phantoms", "ema",
)  # fmt: skip
_COUNTS = (
    "steps", "batch", "large_batch", "dense_batch", "prompts", "practice", "side", "smallest",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What a run does.

    Attributes
    ----------
    steps : int
        Length of the whole run; the learning rate falls to zero at its end.
    batch : int
        Views a step.
    prompts : int
        Objects prompted in a view, at most.
    side : int
        Side of a view in pixels of the model input; at most the input size of the model.
    large_share : float
        Share of steps whose views are of the whole input size.
    large_batch : int
        Views of such a step.
    dense_steps : int
        First steps, which are without prompts: each pixel learns what it belongs to.
    dense_batch : int
        Views of such a step.
    dense_weight : float
        Weight of that loss beside the one of the prompts.
    learning_rate, weight_decay : float
        Of AdamW.
    warmup : int
        Steps of rising learning rate.
    decay_from : float
        Part of the run after which the learning rate falls.
    region_share : float
        Share of steps that decode only the half of each view around one object: a quarter of the
        work. Views of a step are treated alike, so that few sizes have to be decoded.
    second_round, third_round : float
        Share of steps with corrective clicks, and of those the share with a second round of them.
    again : float
        Share of objects that get no click between two rounds: their mask alone is handed back.
    practised : float
        Share of steps before whose rounds there are others from which nothing is learned: objects
        come to them with many clicks.
    practice : int
        Such rounds, at most.
    earlier : float
        Share of steps whose objects are given by masks of the slice before, see `earlier_prompts`.
    phantoms : float
        Share of generated views.
    smallest : int
        Objects with fewer pixels in the view are not prompted.
    bfloat16 : bool
        Whether the encoder computes in bfloat16: faster where the processor has it.
    ema : float
        Weight of the past in the moving average of the weights, once the run is long enough.
    seed : int
        Decides data and prompts of every step by its number alone, so that a resumed run sees
        what an unbroken one would have seen.

    Raises
    ------
    SettingsError
        A number is out of its range.
    """

    steps: int = 20000
    batch: int = 3
    prompts: int = 14
    side: int = 256
    large_share: float = 0.25
    large_batch: int = 1
    region_share: float = 0.0
    dense_steps: int = 0
    dense_batch: int = 6
    dense_weight: float = 0.5
    learning_rate: float = 1e-3
    weight_decay: float = 0.03
    warmup: int = 200
    decay_from: float = 0.5
    second_round: float = 0.35
    third_round: float = 0.3
    again: float = 0.0
    practised: float = 0.0
    practice: int = 6
    earlier: float = 0.0
    phantoms: float = 0.12
    smallest: int = 24
    bfloat16: bool = False
    ema: float = 0.999
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every number."""
        for name in (field.name for field in fields(self)):
            value, least = getattr(self, name), int(name in _COUNTS)
            if isinstance(Recipe.__dataclass_fields__[name].default, bool):
                if not isinstance(value, bool):
                    raise SettingsError(f"{name} of a recipe is true or false, got {value!r}")
                continue
            most = 1.0 if name in _SHARES else math.inf
            whole = isinstance(Recipe.__dataclass_fields__[name].default, int)
            if not isinstance(value, int if whole else (int, float)) or isinstance(value, bool):
                kind = "a whole number" if whole else "a number"
                raise SettingsError(f"{name} of a recipe is {kind}, got {value!r}")
            if not (math.isfinite(value) and least <= value <= most):
                wanted = "0 to 1" if name in _SHARES else f"at least {least}"
                raise SettingsError(f"{name} of a recipe must be {wanted}, got {value}")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        warm = min(1.0, (step + 1) / max(self.warmup, 1))
        begin = self.decay_from * self.steps
        done = max(0.0, (step - begin) / max(self.steps - begin, 1.0))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
