"""How objects like the accepted ones are looked for."""

from __future__ import annotations

from dataclasses import dataclass

from napari_samara.settings import Settings, setting


@dataclass(frozen=True)
class SimilarSettings(Settings):
    """How objects like the accepted ones are looked for.

    Attributes
    ----------
    at_least : float
        Likeness below which nothing is offered.
    score : float
        Predicted IoU below which nothing is offered.
    """

    at_least: float = setting(
        0.2,
        title="Likeness",
        help="From 0 to 1, by looks and area; lower offers more objects and more wrong ones.",
        minimum=0.0,
        maximum=1.0,
    )
    score: float = setting(
        0.5,
        title="Predicted IoU",
        help="Masks that the model itself thinks worse of are left out.",
        minimum=0.0,
        maximum=1.0,
    )
