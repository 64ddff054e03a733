"""Contrast as the viewer shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_samara.intensity import POLICIES, Contrast

if TYPE_CHECKING:
    from napari.layers import Image

DISPLAYED = "displayed"
"""What the chooser calls the limits of the layer; not a policy of its own."""

TITLES: dict[str, str] = {
    DISPLAYED: "as displayed",
    "auto": "automatic",
    "none": "raw values 0-255",
    "percentile": "percentiles of the plane",
    "minmax": "lowest to highest of the plane",
    "ct:lung": "CT lung",
    "ct:bone": "CT bone",
    "ct:soft-tissue": "CT soft tissue",
    "ct:brain": "CT brain",
    "ct:liver": "CT liver",
}
"""Choices of contrast and how a form names them, the default first."""

assert set(TITLES) == {DISPLAYED, *POLICIES} - {"limits"}


def displayed(*layers: Image) -> Contrast:
    """Contrast limits that an image is shown with.

    Parameters
    ----------
    *layers : napari.layers.Image
        The image, or one layer for each channel. RGB layers have no limits in napari: 8-bit ones
        are taken as they are, others from 0 to 1 or to the highest value of their type.

    Returns
    -------
    Contrast
        Of policy ``"limits"``, with a pair for each of several layers, or ``"none"`` for 8-bit
        RGB.
    """
    if len(layers) > 1:
        pairs = [layer.contrast_limits for layer in layers]
        return Contrast("limits", limits=tuple((float(low), float(high)) for low, high in pairs))
    (layer,) = layers
    if not layer.rgb:
        low, high = layer.contrast_limits
        return Contrast("limits", limits=(float(low), float(high)))
    kind = np.dtype(layer.dtype)
    if kind == np.uint8:
        return Contrast("none")
    return Contrast("limits", limits=(0.0, 1.0 if kind.kind in "fb" else float(np.iinfo(kind).max)))


def chosen(name: str, *layers: Image) -> Contrast:
    """Contrast of a choice in the form.

    Parameters
    ----------
    name : str
        One of `TITLES`.
    *layers : napari.layers.Image
        The image, or one layer for each channel, whose limits are taken for
        `DISPLAYED`.

    Returns
    -------
    Contrast
        Ready for a session.
    """
    return displayed(*layers) if name == DISPLAYED else Contrast(name)


def adopted(contrast: Contrast, *layers: Image) -> str:
    """Choice in the form that a contrast is; limits are given to the layers, to be shown as well.

    Parameters
    ----------
    contrast : Contrast
        Of a session that is gone on with.
    *layers : napari.layers.Image
        The image, or one layer for each channel.

    Returns
    -------
    str
        One of `TITLES`.
    """
    if contrast.limits is not None:
        nested = isinstance(contrast.limits[0], tuple)
        pairs = contrast.limits if nested else (contrast.limits,) * len(layers)
        for layer, pair in zip(layers, pairs, strict=False):
            if not layer.rgb:
                layer.contrast_limits = pair
        return DISPLAYED
    return DISPLAYED if contrast == displayed(*layers) else contrast.policy
