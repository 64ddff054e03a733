"""What a prompt says to the model: points with signs, one box, one mask, in one plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class PromptInputs:
    """Prompts of one object in one plane, in pixels of that plane.

    Attributes
    ----------
    points : ndarray of float32, shape (N, 2)
        (row, col), pixel centres at whole numbers.
    positive : ndarray of bool, shape (N,)
        Whether the point lies on the object.
    box : ndarray of float32, shape (4,), or None
        Half-open (row0, col0, row1, col1).
    mask : ndarray of bool, shape (rows, cols), or None
        Rough object.
    steps : ndarray of int64, shape (N,)
        Number of the prompt that each point came with, from 1 on, in the order in which they were
        given; 0 for points that came with the box or the mask.  Left out, all came at once.
    """

    points: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    positive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    box: NDArray[np.float32] | None = None
    mask: NDArray[np.bool_] | None = None
    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        """Take all points to have come at once where nothing is said of it."""
        if not len(self.steps):
            only = int(self.box is None and self.mask is None)
            object.__setattr__(self, "steps", np.full(len(self.points), only, np.int64))

    @classmethod
    def of(
        cls,
        points: ArrayLike = (),
        positive: bool = True,
        box: Sequence[float] | None = None,
        mask: NDArray[np.bool_] | None = None,
    ) -> PromptInputs:
        """Make inputs whose points all have the same sign.

        Parameters
        ----------
        points : array_like, shape (N, 2)
            (row, col).
        positive : bool
            Sign of all of them.
        box : sequence of float, optional
            Half-open (row0, col0, row1, col1).
        mask : ndarray of bool, shape (rows, cols), optional
            Rough object.

        Returns
        -------
        PromptInputs
            With arrays of the right types.
        """
        rc = np.asarray(points, dtype=np.float32).reshape(-1, 2)
        corners = None if box is None else np.asarray(box, dtype=np.float32)
        return cls(rc, np.full(len(rc), positive), corners, mask)

    @classmethod
    def merged(cls, parts: Iterable[PromptInputs]) -> PromptInputs:
        """All parts as one: points in order, the box around all boxes, the union of all masks.

        Parameters
        ----------
        parts : iterable of PromptInputs
            Of one object in one plane.

        Returns
        -------
        PromptInputs
            The model takes one box and one mask per object.

        Raises
        ------
        PromptError
            If there is no part at all.
        """
        every = list(parts)
        if not every:
            raise PromptError("no prompt was given; add a point, a box or another prompt")
        boxes = [part.box for part in every if part.box is not None]
        masks = [part.mask for part in every if part.mask is not None]
        box = None
        if boxes:
            corners = np.stack(boxes)
            box = np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])
        return cls(
            np.concatenate([part.points for part in every]),
            np.concatenate([part.positive for part in every]),
            box,
            reduce(np.logical_or, masks) if masks else None,
            np.concatenate([part.steps * number for number, part in enumerate(every, start=1)]),
        )
