"""Which part of a plane the model looks at: all of it, or a window in which the object is large.

The rule, in one piece: a box, a polygon or a scribble says how long an object is; without one, the
accepted objects say how long they usually are; and where there are none either, the mask found in
the whole plane does, if it is small there.  The window is `tiling.OBJECTS_ACROSS` times as long as
the object, on a grid, so that neighbours share it.  A mask that reaches the edge of its window is
looked for again in one twice as large.  In planes much larger than the model input nothing is
looked for in the whole plane: of an object of unknown size the first window is as large as the
input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.tiling import window_around, window_side
from napari_samara.errors import SettingsError
from napari_samara.masks import box_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_samara.masks import PixelBox
    from napari_samara.prompts import PromptInputs

CROPS: dict[str, str] = {
    "auto": "Around the object for samara-tiny; for other models the whole plane, unless that is "
    "more than 1.5 times as long as the model input.",
    "whole": "The whole plane is encoded once, and every prompt is decoded in it.",
    "view": "What is on the screen when the prompt is given is encoded, at the scale of the "
    "object on the screen; zoom in for fine detail.",
    "object": "A window about five times as long as the object is encoded, where that is smaller "
    "than the plane; its size is taken from the box or the scribble, from the accepted objects, or "
    "from a first mask that is small in the plane.",
}
"""What is encoded, and the rule in a sentence."""

LARGE = 1.5
"""Times the side of the model input from which a plane is too large to be looked at whole."""

SMALL = 0.05
"""Part of the longer side of the plane up to which a first mask in all of it is small.

Measured with samara-tiny on train images: the window of a first mask improves what one point
finds where objects are this small; around larger first masks, which are wrong more often, it does
not (phase contrast cells lose 0.10 IoU)."""

# Positive points of one scribble that are taken to span the object.
_SPANNING = 4

# Room around what was seen, as part of it, so that a small step of the view finds the same crop.
_STEPS = 8


@dataclass(frozen=True)
class CropChoice:
    """Which part of a plane is encoded for a prompt.

    Attributes
    ----------
    rule : str
        ``"whole"``; ``"object"``, by its size; ``"view"``, `box` and as much more as the object
        needs; ``"fixed"``, `box` and no more.
    box : tuple of int or None
        Half-open (row0, col0, row1, col1) of the plane as shown, for ``"view"`` and ``"fixed"``.
    usual : int or None
        Side of the window of objects of the usual size, where that is known.
    tile : int or None
        Side of the first window where no size is known; None for the whole plane.
    """

    rule: str = "whole"
    box: PixelBox | None = None
    usual: int | None = None
    tile: int | None = None

    def turned(self) -> CropChoice:
        """Return the same choice for the plane with rows and columns swapped."""
        return CropChoice(self.rule, turned_box(self.box), self.usual, self.tile)


WHOLE = CropChoice()


def choose_crop(
    rule: str,
    family: str,
    input_size: int,
    size: tuple[int, int],
    usual: int | None = None,
    seen: PixelBox | None = None,
) -> CropChoice:
    """Choose what is encoded for prompts of one plane.

    Parameters
    ----------
    rule : str
        One of `CROPS`.
    family : str
        Of the checkpoint, as `Checkpoint.family`; "" where it is not known.
    input_size : int
        Side of the model input in pixels; 0 where it is not known: then all is looked at.
    size : tuple of int
        (rows, cols) of the plane.
    usual : int, optional
        Side of the window of objects of the usual size.
    seen : tuple of int, optional
        Part of the plane that is on the screen, half-open.

    Returns
    -------
    CropChoice
        ``"whole"``, ``"object"`` or ``"view"``.

    Raises
    ------
    SettingsError
        If there is no such rule.
    """
    if rule not in CROPS:
        raise SettingsError(f"crop is one of {', '.join(CROPS)}, got {rule!r}")
    large = input_size > 0 and max(size) > LARGE * input_size
    tile = input_size if large else None
    if rule == "view" and seen is not None:
        return CropChoice("view", widened(seen, size))
    if rule == "object" or (rule == "auto" and (large or family == "samara") and input_size):
        return CropChoice("object", usual=usual, tile=tile)
    return CropChoice("object", tile=tile) if rule == "view" and large else WHOLE


def first_crop(choice: CropChoice, given: PromptInputs, size: tuple[int, int]) -> PixelBox | None:
    """Return where an object is looked for first.

    Parameters
    ----------
    choice : CropChoice
        As `choose_crop` gives it.
    given : PromptInputs
        Of the object, in pixels of the plane.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    tuple of int or None
        Half-open; it holds all prompts that are not negative points.  None for the whole plane.
    """
    if choice.rule == "whole":
        return None
    held = prompted_box(given, size)
    if choice.box is not None:
        box = choice.box if held is None else _around([choice.box, held])
        return _or_whole(_within(box, size), size)
    if held is None:
        return None
    side = _known_side(given, held) or choice.usual or choice.tile
    if side is None:
        return None
    return _window(held, size, max(side, window_side(_longest(held) / _HOLDS)))


def next_crop(
    choice: CropChoice,
    given: PromptInputs,
    size: tuple[int, int],
    crop: PixelBox | None,
    found: PixelBox | None,
) -> PixelBox | None:
    """Return where an object is looked for after a mask was found; the same crop to end with.

    Parameters
    ----------
    choice : CropChoice
        As for `first_crop`.
    given : PromptInputs
        Of the object.
    size : tuple of int
        (rows, cols) of the plane.
    crop : tuple of int or None
        Where it was looked for.
    found : tuple of int or None
        Half-open box of the mask, in pixels of the plane; None where it is empty.

    Returns
    -------
    tuple of int or None
        Equal to `crop` where the mask holds.
    """
    if found is None or choice.rule in ("whole", "fixed"):
        return crop
    held = prompted_box(given, size) or found
    everything = _around([found, held])
    if crop is not None and _cut(found, crop, size):
        return _window(everything, size, 2 * max(crop[2] - crop[0], crop[3] - crop[1]))
    sized = choice.usual or choice.tile or _known_side(given, held)
    small = _longest(everything) <= SMALL * max(size)
    if crop is None and choice.rule == "object" and sized is None and small:
        return _window(everything, size, window_side(_longest(everything)))
    return crop


def prompted_box(given: PromptInputs, size: tuple[int, int]) -> PixelBox | None:
    """Return the smallest whole-pixel box around box, mask and positive points of an object.

    Parameters
    ----------
    given : PromptInputs
        In pixels of the plane.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    tuple of int or None
        Half-open, inside the plane; None where all points are negative.
    """
    boxes = [] if given.mask is None else [box_of(given.mask)]
    if given.box is not None:
        low, high = np.floor(given.box[:2]), np.ceil(given.box[2:])
        boxes.append((int(low[0]), int(low[1]), int(high[0]), int(high[1])))
    inside = np.rint(given.points[given.positive]).astype(int)
    if len(inside):
        (row0, col0), (row1, col1) = inside.min(axis=0), inside.max(axis=0) + 1
        boxes.append((int(row0), int(col0), int(row1), int(col1)))
    held = [box for box in boxes if box is not None]
    return _within(_around(held), size) if held else None


def widened(seen: PixelBox, size: tuple[int, int]) -> PixelBox | None:
    """Return what is seen, on a coarse grid, so that a small step of the view changes nothing.

    Parameters
    ----------
    seen : tuple of int
        Half-open; it may reach out of the plane.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    tuple of int or None
        Half-open, inside the plane; None where nothing of the plane is seen.
    """
    step = max(1, 1 << max(0, (max(seen[2] - seen[0], seen[3] - seen[1]) // _STEPS).bit_length()))
    low = [max(seen[axis] // step * step, 0) for axis in (0, 1)]
    high = [min(-(-seen[axis + 2] // step) * step, size[axis]) for axis in (0, 1)]
    if low[0] >= high[0] or low[1] >= high[1]:
        return None
    return low[0], low[1], high[0], high[1]


def turned_box(box: PixelBox | None) -> PixelBox | None:
    """Return a box with rows and columns swapped; None for None."""
    return None if box is None else (box[1], box[0], box[3], box[2])


# A window on its grid holds what is no longer than this part of its side.
_HOLDS = 2.5


def _known_side(given: PromptInputs, held: PixelBox) -> int | None:
    """Side of the window of an object whose length the prompts say."""
    drawn = given.box is not None or given.mask is not None
    if drawn or np.bincount(given.steps[given.positive]).max(initial=0) >= _SPANNING:
        return window_side(_longest(held))
    return None


def _window(box: PixelBox, size: tuple[int, int], side: int) -> PixelBox | None:
    """Window of some side around a box; None where that is no smaller than the plane."""
    if side >= max(size):
        return None
    return _or_whole(window_around(box, size, side), size)


def _or_whole(box: PixelBox, size: tuple[int, int]) -> PixelBox | None:
    return None if box == (0, 0, *size) else box


def _cut(found: PixelBox, crop: PixelBox, size: tuple[int, int]) -> bool:
    """Whether a mask reaches an edge of its crop that is no edge of the plane."""
    starts = any(found[axis] <= crop[axis] and crop[axis] > 0 for axis in (0, 1))
    ends = any(found[axis + 2] >= crop[axis + 2] < size[axis] for axis in (0, 1))
    return starts or ends


def _around(boxes: Iterable[PixelBox]) -> PixelBox:
    rows0, cols0, rows1, cols1 = zip(*boxes, strict=True)
    return min(rows0), min(cols0), max(rows1), max(cols1)


def _within(box: PixelBox, size: tuple[int, int]) -> PixelBox:
    return max(box[0], 0), max(box[1], 0), min(box[2], size[0]), min(box[3], size[1])


def _longest(box: PixelBox) -> int:
    return max(box[2] - box[0], box[3] - box[1])
