"""One object looked for in crop after crop, until its mask holds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from scipy import ndimage

from napari_samara.engine.crops import first_crop, next_crop
from napari_samara.masks import box_of
from napari_samara.prompts.inputs import PromptInputs

if TYPE_CHECKING:
    from napari_samara.engine.crops import CropChoice
    from napari_samara.masks import Mask, PixelBox

Found = TypeVar("Found")

# Pieces of a mask below this part of its area do not say how far the object reaches.
_SPECK = 0.02


class CropSearch(Generic[Found]):
    """Where to look for one object next; told what was found there.

    Parameters
    ----------
    choice : CropChoice
        As `crops.choose_crop` gives it.
    given : PromptInputs
        Of the object, in pixels of the plane.
    size : tuple of int
        (rows, cols) of the plane.

    Attributes
    ----------
    crop : tuple of int or None
        Half-open; where to look next, and at the end where the mask comes from.
    """

    def __init__(self, choice: CropChoice, given: PromptInputs, size: tuple[int, int]) -> None:
        self.choice, self.given, self.size = choice, given, size
        self.crop = first_crop(choice, given, size)
        self._found: dict[PixelBox | None, Found] = {}

    @property
    def inputs(self) -> PromptInputs:
        """The prompts in pixels of the crop."""
        return inputs_in(self.given, self.crop)

    @property
    def found(self) -> Found:
        """What was found in the crop that holds."""
        return self._found[self.crop]

    def told(self, found: Found, box: PixelBox | None) -> bool:
        """Take what was found in the crop; return whether that is the end.

        Parameters
        ----------
        found : object
            Any.
        box : tuple of int or None
            As `extent_of` the best mask gives it.
        """
        self._found[self.crop] = found
        self.crop = next_crop(self.choice, self.given, self.size, self.crop, box)
        return self.crop in self._found


def inputs_in(given: PromptInputs, crop: PixelBox | None) -> PromptInputs:
    """Return prompts in pixels of a crop; negative points outside it say nothing there.

    Parameters
    ----------
    given : PromptInputs
        In pixels of the plane.
    crop : tuple of int or None
        Half-open, holding all but negative points; None for the whole plane.

    Returns
    -------
    PromptInputs
        `given` itself for the whole plane.
    """
    if crop is None:
        return given
    row0, col0, row1, col1 = crop
    points = given.points - np.array([row0, col0], dtype=np.float32)
    size = np.array([row1 - row0, col1 - col0])
    kept = ((points >= -0.5) & (points <= size - 0.5)).all(axis=1) | given.positive
    points = np.clip(points, -0.5, size - 0.5).astype(np.float32)
    corner = np.array([row0, col0, row0, col0], dtype=np.float32)
    return PromptInputs(
        points[kept],
        given.positive[kept],
        None if given.box is None else given.box - corner,
        None if given.mask is None else given.mask[row0:row1, col0:col1],
        given.steps[kept],
    )


def extent_of(mask: Mask, crop: PixelBox | None, size: tuple[int, int]) -> PixelBox | None:
    """Box of a mask at a logit of 0: where to look does not depend on threshold and clean-up.

    Parameters
    ----------
    mask : Mask
        Of the shape of the crop; its logits are asked, pieces much smaller than all passed over.
    crop : tuple of int or None
        Half-open; None for the whole plane.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    tuple of int or None
        Half-open, in pixels of the plane, as fine as the logits are; None where there is nothing.
    """
    row0, col0, row1, col1 = crop or (0, 0, *size)
    if mask.logits is None:
        return mask.box and _shifted(mask.box, row0, col0)
    pieces, count = ndimage.label(mask.logits > 0)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    areas[0] = 0
    box = box_of((areas >= max(areas.sum() * _SPECK, 1))[pieces])
    if box is None:
        return None
    unit = max(row1 - row0, col1 - col0) / max(mask.logits.shape)
    top, left = (int(number * unit) for number in box[:2])
    bottom = min(math.ceil(box[2] * unit), row1 - row0)
    right = min(math.ceil(box[3] * unit), col1 - col0)
    if top >= bottom or left >= right:  # in the padding
        return None
    return _shifted((top, left, bottom, right), row0, col0)


def mask_in_plane(mask: Mask, crop: PixelBox | None, size: tuple[int, int]) -> Mask:
    """Return a mask of a crop as one of the plane.

    Parameters
    ----------
    mask : Mask
        Of the shape of the crop.
    crop : tuple of int or None
        Half-open; None for the whole plane.
    size : tuple of int
        (rows, cols) of the plane.

    Returns
    -------
    Mask
        `mask` itself for the whole plane.  The logits stay those of the crop.
    """
    if crop is None:
        return mask
    row0, col0, row1, col1 = crop
    data = np.zeros(size, dtype=np.bool_)  # of a large plane only the crop is ever touched
    data[row0:row1, col0:col1] = mask.data
    if mask.box is None:
        return replace(mask, data=data)
    return replace(mask, data=data, box=_shifted(mask.box, row0, col0))


def _shifted(box: PixelBox, row: int, col: int) -> PixelBox:
    return box[0] + row, box[1] + col, box[2] + row, box[3] + col
