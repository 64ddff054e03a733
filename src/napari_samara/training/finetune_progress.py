"""How far a fine-tuning run is, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_samara.model.sam import SamModel


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    step : int
        Steps done.
    done : float
        Part of the time or of the steps that is used up, 0 to 1.
    seconds : float
        Since the start, without the time between a kill and going on.
    loss : float
        Mean since the last report; not a number before the first step.
    box, point : float
        Mean IoU of the held-out objects at the last look.
    """

    step: int
    done: float
    seconds: float
    loss: float
    box: float
    point: float

    @property
    def score(self) -> float:
        """What the best weights are chosen by: the mean of both."""
        return (self.box + self.point) / 2


@dataclass
class Finetuned:
    """What a run came to.

    Attributes
    ----------
    model : SamModel
        With the best weights that were seen.
    history : list of Progress
        Every look at the held-out objects; the first is from before training.
    best : Progress
        That of `model`.
    stopped : str
        Why training ended; empty while it has not.
    """

    model: SamModel
    history: list[Progress] = field(default_factory=list)
    best: Progress = Progress(0, 0.0, 0.0, float("nan"), 0.0, 0.0)
    stopped: str = ""
