"""Candidates of automatic masks: what the decoder said, kept small, and the mask it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from napari_samara.engine.upsample import full_part, positive_window
from napari_samara.geometry import Frame
from napari_samara.masks import Mask, box_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox

_NOTHING = -1e4
"""Logit of what lies outside the kept part."""

_EIGHT = np.ones((3, 3), dtype=np.bool_)

_EXACT_BELOW = 400
"""Low-resolution pixels below which the stability there says too little to drop a mask."""

_MARGIN = 0.1
"""By how much stability at low resolution may differ from that of the image, above that size."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One object found in an image without a prompt of the user.

    Attributes
    ----------
    data : ndarray of bool, shape (rows, cols)
        True on the object.
    box : tuple of int
        Half-open (row0, col0, row1, col1) in the image, tight.
    score : float
        How likely it is an object, by what dense maps say (see `CandidateScores`); of points of
        a grid the IoU that the model predicts.
    stability : float
        IoU of the masks above a higher and above a lower threshold.
    point : tuple of float
        (row, col) that was prompted with; of a mask that was cut out one well inside.
    window : tuple of int
        Part of the image that was encoded, half-open.
    whole : bool
        Whether nothing was removed or filled by the clean-up.
    """

    data: NDArray[np.bool_]
    box: PixelBox
    score: float
    stability: float
    point: tuple[float, float]
    window: PixelBox
    whole: bool = True

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.data))

    def mask(self, shape: tuple[int, int]) -> Mask:
        """Return the object in the whole image.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the image.

        Returns
        -------
        Mask
            Without logits.
        """
        out = np.zeros(shape, dtype=np.bool_)
        row0, col0, row1, col1 = self.box
        out[row0:row1, col0:col1] = self.data
        return Mask(out, self.score, box=self.box)

    def inside(self, shape: tuple[int, int]) -> Candidate | None:
        """Return the part of it in the image, where the window reached beyond the end of that.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the image.

        Returns
        -------
        Candidate or None
            Itself where nothing is cut off; None where nothing is left.
        """
        row0, col0, row1, col1 = self.box
        if row1 <= shape[0] and col1 <= shape[1]:
            return self
        data = self.data[: max(shape[0] - row0, 0), : max(shape[1] - col0, 0)]
        tight = box_of(data)
        if tight is None:
            return None
        box = row0 + tight[0], col0 + tight[1], row0 + tight[2], col0 + tight[3]
        return replace(self, data=data[tight[0] : tight[2], tight[1] : tight[3]].copy(), box=box)

    def touches(self, shape: tuple[int, int], edge: int) -> bool:
        """Return whether a border of the window cuts it off that is none of the image.

        Parameters
        ----------
        shape : tuple of int
            (rows, cols) of the image.
        edge : int
            Pixels from the border that still count.
        """
        for axis in (0, 1):
            first, last = self.box[axis], self.box[axis + 2] - 1
            begin, end = self.window[axis], self.window[axis + 2]
            if abs(first - begin) <= edge < abs(first):
                return True
            if abs(last - end) <= edge < abs(last - shape[axis]):
                return True
        return False

    def cleaned(self, smallest: int, shape: tuple[int, int]) -> Candidate | None:
        """Return it with small holes filled and small loose pieces removed.

        Parameters
        ----------
        smallest : int
            Area of a hole or piece that stays.  Of a mask whose pieces are all smaller the largest
            stays.
        shape : tuple of int
            (rows, cols) of the image; what the border of the image closes off is a hole as well.

        Returns
        -------
        Candidate or None
            Itself where nothing changes; None where nothing is left.
        """
        row0, col0, row1, col1 = self.box
        inner = row0 > 0 and col0 > 0 and row1 < shape[0] and col1 < shape[1]
        # far from the border a frame stands for all of the background outside the box
        data = np.pad(self.data, 1) if inner else self.mask(shape).data
        filled = ~_without_small(~data, smallest, background=inner)
        kept = _without_small(filled, smallest)
        if not kept.any():
            pieces, _ = ndimage.label(filled, _EIGHT)
            kept = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
        if np.array_equal(kept, data):
            return self
        tight = box_of(kept)
        if tight is None:
            return None
        top, left = (row0 - 1, col0 - 1) if inner else (0, 0)
        box = top + tight[0], left + tight[1], top + tight[2], left + tight[3]
        part = kept[tight[0] : tight[2], tight[1] : tight[3]].copy()
        return replace(self, data=part, box=box, whole=False)


def _without_small(
    data: NDArray[np.bool_], smallest: int, background: bool = False
) -> NDArray[np.bool_]:
    """Regions (8 neighbours) of at least an area; `background` keeps the one in the corner."""
    regions, _ = ndimage.label(data, _EIGHT)
    large = np.bincount(regions.ravel()) >= smallest
    large[0] = False
    if background:
        large[regions[0, 0]] = True
    kept: NDArray[np.bool_] = large[regions]
    return kept


@dataclass(frozen=True, eq=False)
class Proposal:
    """What the decoder said of one object: enough to make the mask later, with any limits.

    Attributes
    ----------
    logits : ndarray of float32
        The part of the (S, S) logits that may lie inside.
    origin : tuple of int
        Row and column where it begins.
    size : int
        S.
    score : float
        As of a `Candidate`.
    stability : float
        At low resolution.
    point : tuple of float
        (row, col) in the image.
    window : tuple of int
        Part of the image that was encoded, half-open.
    area : int
        Low-resolution pixels inside.
    """

    logits: NDArray[np.float32]
    origin: tuple[int, int]
    size: int
    score: float
    stability: float
    point: tuple[float, float]
    window: PixelBox
    area: int

    def may_pass(self, score: float, stability: float) -> bool:
        """Return whether the mask can pass two limits, before it is made.

        Parameters
        ----------
        score : float
            Least score.
        stability : float
            Least stability; at low resolution it is only an estimate, so that what comes near
            passes.
        """
        if not self.area or self.score < score:
            return False
        return self.area < _EXACT_BELOW or self.stability >= stability - _MARGIN

    def candidate(self, input_size: int, offset: float) -> Candidate | None:
        """Return the mask at the resolution of the image.

        Parameters
        ----------
        input_size : int
            Side of the model input.
        offset : float
            By which the threshold is moved for the stability.

        Returns
        -------
        Candidate or None
            None where it has no pixel.
        """
        row0, col0, row1, col1 = self.window
        frame = Frame(row1 - row0, col1 - col0, input_size)
        logits = torch.full((self.size, self.size), _NOTHING)
        height, width = self.logits.shape
        row, col = self.origin
        logits[row : row + height, col : col + width] = torch.from_numpy(self.logits)
        part = full_part(logits, frame, -offset)
        if part is None:
            return None
        values = part.values.numpy()
        data = values > 0
        tight = box_of(data)
        if tight is None:
            return None
        stability = np.count_nonzero(values > offset) / np.count_nonzero(values > -offset)
        top, left = row0 + part.row, col0 + part.col
        box = top + tight[0], left + tight[1], top + tight[2], left + tight[3]
        tightly = data[tight[0] : tight[2], tight[1] : tight[3]].copy()
        return Candidate(tightly, box, self.score, stability, self.point, self.window)


def propose(
    logits: torch.Tensor,
    score: float,
    point: tuple[float, float],
    window: PixelBox,
    offset: float,
) -> Proposal:
    """Keep what the decoder said of one object.

    Parameters
    ----------
    logits : Tensor
        (S, S) float32 on the host.
    score : float
        Predicted IoU.
    point : tuple of float
        (row, col) in the image.
    window : tuple of int
        Part of the image that was encoded.
    offset : float
        By which the threshold is moved for the stability.

    Returns
    -------
    Proposal
        Which does not hold `logits`.
    """
    wide = logits > -offset
    span = positive_window(wide)
    (row0, row1), (col0, col1) = span or ((0, 0), (0, 0))
    part = logits[row0:row1, col0:col1]
    low = int(torch.count_nonzero(wide))
    high, area = (int(torch.count_nonzero(part > limit)) for limit in (offset, 0.0))
    return Proposal(
        part.numpy().astype(np.float32, copy=True),
        (row0, col0),
        logits.shape[0],
        score,
        high / max(low, 1),
        point,
        window,
        area,
    )
