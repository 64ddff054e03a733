"""Maps of features brought to another size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
