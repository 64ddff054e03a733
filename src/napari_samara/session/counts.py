"""How many pixels labels have, counted once for all of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

# Labels that are looked for one by one, and the spread of those that are counted at once.
_FEW, _SPREAD = 4, 1 << 22


class Counts:
    """Pixels of labels in some planes.

    Parameters
    ----------
    gained : Counter of int
        By label, what edits have added to it.
    planes : callable
        Yields them one after the other, with the edits in them.
    labels : sequence of int
        Those that may be asked for.
    highest : int, optional
        Highest label before the edits, where that is known: higher ones have what they gained.
    """

    def __init__(
        self,
        gained: Counter[int],
        planes: Callable[[], Iterable[NDArray[Any]]],
        labels: Sequence[int],
        highest: int | None = None,
    ) -> None:
        self.gained = gained
        self._planes, self._labels, self._highest = planes, labels, highest

    def present(self, label: int) -> int:
        """Return how many pixels a label has.

        Parameters
        ----------
        label : int
            One of those given.

        Returns
        -------
        int
            In all planes.
        """
        if self._highest is not None and label > self._highest:
            return self.gained[label]
        if len(self._labels) > _FEW and max(self._labels) - min(self._labels) < _SPREAD:
            return int(self._all[label - min(self._labels)])
        return sum(int(np.count_nonzero(plane == label)) for plane in self._planes())

    @cached_property
    def _all(self) -> NDArray[np.int64]:
        """Pixels of every label from the lowest to the highest."""
        low, high = min(self._labels), max(self._labels)
        found = np.zeros(high - low + 1, np.int64)
        for plane in self._planes():
            inside = plane[(plane >= low) & (plane <= high)].astype(np.int64)
            found += np.bincount(inside - low, minlength=len(found))
        return found


def counted(values: NDArray[Any]) -> dict[int, int]:
    """Count the pixels of every label in an array.

    Parameters
    ----------
    values : ndarray of int
        Of any shape.

    Returns
    -------
    dict of int to int
        Of the labels that are there.
    """
    values = values.ravel()
    # Counting is quicker than sorting where the labels are small numbers.
    if values.size and values.min() >= 0 and values.max() <= values.size:
        counts = np.bincount(values.astype(np.int64))
        there = np.flatnonzero(counts)
        return dict(zip(there.tolist(), counts[there].tolist(), strict=True))
    there, counts = np.unique(values, return_counts=True)
    return dict(zip(there.tolist(), counts.tolist(), strict=True))
