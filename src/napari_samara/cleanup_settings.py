"""How labels are put in order."""

from __future__ import annotations

from dataclasses import dataclass

from napari_samara.settings import Settings, setting


@dataclass(frozen=True)
class CleanupSettings(Settings):
    """How labels are put in order; by default nothing is done.

    Attributes
    ----------
    remove_border : bool
        Whether objects that reach the border of the image are removed.
    border : int
        Pixels from the border that count as border too.
    keep_largest : bool
        Whether all but the largest connected piece of an object are removed.
    fill_holes : bool
        Whether background enclosed by an object is added to it.
    split_pieces : bool
        Whether each connected piece becomes an object.
    smallest, largest : int
        Limits of the size in pixels; 0 for no upper limit.
    relabel : bool
        Whether numbers are closed up to 1, 2, 3, ... in their order.
    """

    remove_border: bool = setting(
        False,
        title="Remove objects at the border",
        help="Objects that reach the edge of the image, of a volume on all sides, are removed.",
    )
    border: int = setting(
        0,
        title="Width of the border (pixels)",
        help="Pixels from the edge that count as border too.",
        minimum=0,
    )
    keep_largest: bool = setting(
        False,
        title="Keep largest piece",
        help="Drop all but the largest connected piece of each object.",
    )
    fill_holes: bool = setting(
        False, title="Fill holes", help="Add background enclosed by an object to it."
    )
    split_pieces: bool = setting(
        False,
        title="Split pieces",
        help="Make each connected piece of an object an object of its own.",
    )
    smallest: int = setting(
        0,
        title="Smallest object (pixels)",
        help="Objects with fewer pixels are removed.",
        minimum=0,
    )
    largest: int = setting(
        0,
        title="Largest object (pixels)",
        help="Objects with more pixels are removed; 0 for no limit.",
        minimum=0,
    )
    relabel: bool = setting(
        False,
        title="Number anew",
        help="Close up the numbers to 1, 2, 3, ... in their order.",
    )
