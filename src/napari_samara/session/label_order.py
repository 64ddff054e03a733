"""What putting labels in order changes, worked out without the session: it may take long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.planes import Plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ordered:
    """Labels before and after they were put in order.

    Attributes
    ----------
    changed : tuple of (Plane, ndarray, ndarray)
        Each plane in which labels differ, with those before and after, (rows, cols).
    renamed : tuple of (int, int)
        All pairs of labels that share a pixel, the one before and the one after.
    gone, new : tuple of int
        Labels that there are no more, and those that there were not.
    """

    changed: tuple[tuple[Plane, NDArray[Any], NDArray[Any]], ...]
    renamed: tuple[tuple[int, int], ...]
    gone: tuple[int, ...]
    new: tuple[int, ...]

    @classmethod
    def of(
        cls, before: NDArray[Any], after: NDArray[Any], plane: Plane, everywhere: bool = False
    ) -> Ordered:
        """Compare labels.

        Parameters
        ----------
        before, after : ndarray of int
            Of a plane, (rows, cols), or in all axes.
        plane : Plane
            Which plane they are of, or that of a session, whose scrolled axes are gone through.
        everywhere : bool
            Whether they are in all axes.

        Returns
        -------
        Ordered
            Which may hold views of both.
        """
        changed, pairs = [], set[tuple[int, int]]()
        for one, old, now in (
            _planes(before, after, plane) if everywhere else [(plane, before, after)]
        ):
            pairs |= _pairs(old, now)
            if not np.array_equal(old, now):
                changed.append((one, old, now))
        olds, news = {old for old, _ in pairs}, {now for _, now in pairs}
        return cls(
            tuple(changed),
            tuple(sorted(pairs)),
            tuple(sorted(olds - news)),
            tuple(sorted(news - olds)),
        )


def _planes(
    before: NDArray[Any], after: NDArray[Any], plane: Plane
) -> Iterator[tuple[Plane, NDArray[Any], NDArray[Any]]]:
    """Upright planes along the axes that are scrolled."""
    axes = [axis for axis, _ in plane.fixed]
    for at in np.ndindex(*(before.shape[axis] for axis in axes)):
        one = Plane(plane.displayed, tuple(zip(axes, at, strict=True)))
        yield one, one.extract(before), one.extract(after)


def _pairs(before: NDArray[Any], after: NDArray[Any]) -> set[tuple[int, int]]:
    """Pairs of labels that share a pixel; of each run of equal ones the first is looked at."""
    old, now = before.ravel(), after.ravel()
    starts = np.flatnonzero((old[1:] != old[:-1]) | (now[1:] != now[:-1])) + 1
    at = np.concatenate([[0], starts]) if len(old) else starts
    return set(zip(old[at].tolist(), now[at].tolist(), strict=True))
