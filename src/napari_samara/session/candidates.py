"""Many objects at once: what they are looked for with, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.prompts import PromptSet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.objects import ObjectPart


@dataclass(frozen=True, eq=False)
class Candidate:
    """One of many masks found at once, cut to its box so that thousands fit in memory.

    Attributes
    ----------
    object_id : int
        In the prompt set it was asked for with.
    prompts : PromptSet
        Of this object, with object id 1.
    part : ObjectPart
        Where, and how it came about.
    crop : ndarray of bool, shape of the box
        True on the object.
    size : tuple of int
        (rows, cols) of its plane as shown.
    logits : ndarray of float32, shape (S, S), or None
        What another threshold is applied to, of the crop `part` names; None where there are too
        many to keep.
    """

    object_id: int
    prompts: PromptSet
    part: ObjectPart
    crop: NDArray[np.bool_]
    size: tuple[int, int] = (0, 0)
    logits: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def plane(self) -> Plane:
        """Where it lies."""
        return self.part.plane

    @property
    def box(self) -> PixelBox:
        """Half-open (row0, col0, row1, col1); of size 0 where nothing was found."""
        return self.part.box

    @property
    def score(self) -> float:
        """Predicted IoU."""
        return self.part.scores[self.part.choice]

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.crop))

    def covers(self, row: int, col: int) -> bool:
        """Whether a pixel lies on the object.

        Parameters
        ----------
        row, col : int
            In the plane.

        Returns
        -------
        bool
            False outside the plane too.
        """
        row0, col0, row1, col1 = self.box
        inside = row0 <= row < row1 and col0 <= col < col1
        return inside and bool(self.crop[row - row0, col - col0])


@dataclass(frozen=True)
class Seeds:
    """What many objects are looked for with, and which of them the user wants.

    Attributes
    ----------
    prompts : PromptSet
        With an object id for each object.
    picks : frozenset of (PromptSet, bool)
        Objects, by their prompts, that the user has taken in or left out by hand.
    """

    prompts: PromptSet = field(default_factory=PromptSet)
    picks: frozenset[tuple[PromptSet, bool]] = frozenset()

    def picked(self, found: Sequence[Candidate], at_least: float) -> tuple[int, ...]:
        """Return which candidates are to be accepted.

        Parameters
        ----------
        found : sequence of Candidate
            Of these seeds.
        at_least : float
            Predicted IoU that those need which nobody has picked by hand.

        Returns
        -------
        tuple of int
            In rising order.
        """
        by_hand = dict(self.picks)
        return tuple(
            at for at, one in enumerate(found) if by_hand.get(one.prompts, one.score >= at_least)
        )

    def picking(
        self, found: Sequence[Candidate], indices: Collection[int], at_least: float
    ) -> Seeds:
        """Return the seeds with which these candidates, and no others, are picked.

        Parameters
        ----------
        found : sequence of Candidate
            Of these seeds.
        indices : collection of int
            Those that are wanted.
        at_least : float
            As for `picked`.

        Returns
        -------
        Seeds
            With the same prompts.
        """
        by_hand = dict(self.picks)
        for at, one in enumerate(found):
            wanted = at in indices
            if wanted != by_hand.get(one.prompts, one.score >= at_least):
                by_hand[one.prompts] = wanted
        return replace(self, picks=frozenset(by_hand.items()))
