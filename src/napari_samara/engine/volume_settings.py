"""How an object is followed through a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from napari_samara.settings import Settings, setting


@dataclass(frozen=True)
class PropagateSettings(Settings):
    """How an object is followed through a volume.

    The first five say what the model is prompted with in each next slice, the four after them
    what is added to its answer, and expected before it; ``benchmarks/propagation.py`` compares
    them.

    Attributes
    ----------
    box : bool
        Whether with the box around where the object is expected.
    margin : float
        By how much that box grows, as a multiple of the distance between slices.
    points : int
        Points inside of that.
    negatives : bool
        Whether with points in accepted objects, and given slices of others, that come near.
    mask : str
        Whether the last mask itself is given: ``"logits"`` as the decoder left it, ``"binary"``
        as it was cut off, ``"none"``.
    inertia : float
        How much the next outline is drawn towards the last one, see `slice_opinion`.
    appearance : float
        How much it counts what each pixel looks like, see `volume_appearance`.
    matching : float
        How much it counts which pixels of the last slice it looks like, see `volume_matching`.
    lookahead : float
        How much it counts what a 3D network sees in the slices ahead, see `volume_ahead`; 0 does
        not ask it.
    method : str
        ``"model"``, or ``"interpolate"`` for outlines that move evenly between annotated slices.
    stop : float
        Doubt from which on an object is taken to have ended, whatever the 3D network sees; without
        it (a `lookahead` of 0) 0.5 is a good choice.
    agree : float
        IoU with the mask there is from which on a correction goes no further.
    consensus : bool
        Whether the object is looked for across all axes and the answers are fused.
    """

    METHODS: ClassVar[tuple[str, ...]] = ("model", "interpolate")
    MASKS: ClassVar[tuple[str, ...]] = ("logits", "binary", "none")

    method: str = setting(
        "model",
        title="Method",
        help="model: each slice is prompted from the last; interpolate: outlines move evenly "
        "between annotated slices, which costs nothing.",
        choices=METHODS,
    )
    box: bool = setting(True, title="Box", help="Prompt with the box around where it is expected.")
    margin: float = setting(
        0.0,
        title="Margin of the box (slices)",
        help="By how much the box grows, as a multiple of the distance between slices.",
        minimum=0.0,
        maximum=100.0,
    )
    points: int = setting(
        0, title="Points inside", help="Points where it is expected.", minimum=0, maximum=16
    )
    negatives: bool = setting(
        True,
        title="Points in neighbours",
        help="Say where it is not: points in accepted objects that come near.",
    )
    mask: str = setting(
        "none",
        title="Last mask as a prompt",
        help="logits: as the decoder left it; binary: as it was cut off; none: not at all.",
        choices=MASKS,
    )
    matching: float = setting(
        1.0,
        title="Weight of the last slice",
        help="How much it counts which pixels of the last slice a pixel looks like, those of the "
        "object or those next to it.",
        minimum=0.0,
        maximum=32.0,
    )
    appearance: float = setting(
        1.0,
        title="Weight of the appearance",
        help="How much it counts whether a pixel looks like the object did on the annotated slice.",
        minimum=0.0,
        maximum=32.0,
    )
    inertia: float = setting(
        0.25,
        title="Inertia of the outline",
        help="Logits by which a pixel is held back for each slice distance that it lies outside of "
        "the last mask, and kept inside.",
        minimum=0.0,
        maximum=32.0,
    )
    lookahead: float = setting(
        2.0,
        title="Weight of the slices ahead",
        help="How much it counts what a small 3D network sees in this slice and those behind it; 0 "
        "does not ask it.",
        minimum=0.0,
        maximum=32.0,
    )
    stop: float = setting(
        0.95,
        title="Stop at doubt",
        help="Doubt from which on the object is taken to have ended, whatever is seen ahead; 1 "
        "never stops.",
        minimum=0.0,
        maximum=1.0,
    )
    agree: float = setting(
        0.9,
        title="Agreement (IoU)",
        help="A correction goes on until masks agree this well with those there are.",
        minimum=0.0,
        maximum=1.0,
    )
    consensus: bool = setting(
        False,
        title="Fuse three axes",
        help="Look for the object across all axes as well and fuse the answers; takes longer.",
    )
