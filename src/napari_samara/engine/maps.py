"""Maps of features brought to another size."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from numpy.typing import NDArray


_OVERFLOW = 65520.0
"""What rounds to more than 16 bits can hold."""


def halved(values: NDArray[np.float32]) -> NDArray[np.float16] | None:
    """Return numbers in 16 bits, several times as fast as numpy does it.

    Parameters
    ----------
    values : ndarray of float32
        Any, read-only too.

    Returns
    -------
    ndarray of float16, or None
        Rounded to the nearest, as numpy does; None where one of them is too large.
    """
    with warnings.catch_warnings():  # nothing writes to it
        warnings.filterwarnings("ignore", message=".*not writable.*")
        given = torch.from_numpy(values)
    low, high = torch.aminmax(given)
    if max(-float(low), float(high)) >= _OVERFLOW:
        return None
    return np.asarray(given.to(torch.float16).numpy())


def resized(
    maps: NDArray[np.float32], size: tuple[int, int], shrink: bool = False
) -> NDArray[np.float32]:
    """Return maps of another size.

    Parameters
    ----------
    maps : ndarray of float32, shape (C, h, w)
        Any.
    size : tuple of int
        (rows, cols) wanted.
    shrink : bool
        Whether each new position is the mean of the old ones it covers; else it is interpolated.

    Returns
    -------
    ndarray of float32, shape (C, rows, cols)
        A new array.
    """
    given = torch.from_numpy(np.array(maps, dtype=np.float32))[None]
    if shrink:
        return np.asarray(F.interpolate(given, size=size, mode="area")[0].numpy())
    found = F.interpolate(given, size=size, mode="bilinear", align_corners=False)
    return np.asarray(found[0].numpy())
