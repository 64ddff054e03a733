"""What needs no model: the figures that any checkpoint should beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from napari_samara.training.known_objects import iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_samara.training.data import LabelledImage
    from napari_samara.training.known_objects import KnownObject

    Bools = npt.NDArray[np.bool_]


def baselines(image: LabelledImage, objects: Sequence[KnownObject]) -> dict[str, list[float]]:
    """Return the IoU of methods without a model.

    Parameters
    ----------
    image : LabelledImage
        With the objects.
    objects : sequence of KnownObject
        Not empty.

    Returns
    -------
    dict
        ``ellipse``: the ellipse that fills the box; ``otsu``: the component of Otsu's threshold
        that holds the point.  One figure an object.
    """
    components, _ = ndimage.label(_foreground(image, [item.point for item in objects]))
    otsu = []
    for item in objects:
        label = components[item.point]
        otsu.append(item.iou(components == label) if label else 0.0)
    return {
        "ellipse": [iou(_ellipse(item.crop.shape), item.crop) for item in objects],
        "otsu": otsu,
    }


def _foreground(image: LabelledImage, points: list[tuple[int, int]]) -> Bools:
    """Otsu's foreground, on the side of the threshold where most points lie."""
    grey = image.image.mean(2) if image.image.ndim == 3 else image.image.astype(float)
    if grey.min() == grey.max():
        return np.ones(grey.shape, dtype=np.bool_)
    above = np.asarray(grey > threshold_otsu(grey))
    return above if np.mean([above[point] for point in points]) >= 0.5 else ~above


def _ellipse(shape: tuple[int, ...]) -> Bools:
    """Return the ellipse that fills a box of some shape."""
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    y = (rows + 0.5) / (shape[0] / 2) - 1
    x = (cols + 0.5) / (shape[1] / 2) - 1
    return np.asarray(x**2 + y**2 <= 1)
