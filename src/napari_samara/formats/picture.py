"""Pictures by Pillow: PNG, JPEG, and TIFF of compressions that it alone decodes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL.Image import Image

# What Pillow's modes that have no plain array form become: palettes, inks, grey with opacity.
_CONVERTED = {"P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}
_CONVERTED |= {"LA": "L", "La": "L", "RGBa": "RGBA", "RGBX": "RGB"}


def read_picture(path: Path) -> tuple[NDArray[Any], str]:
    """Read the first frame of a file.

    Parameters
    ----------
    path : Path
        Of a picture.

    Returns
    -------
    array : ndarray, shape (rows, cols) or (rows, cols, channels)
        Its pixels; palettes and inks as red, green and blue.
    axes : str
        A letter for each of its axes.
    """
    from PIL import Image

    with warnings.catch_warnings():  # frames of a slide scanner are large and no attack
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path) as picture:
            array = pixels_of(picture)
    return array, "YXS"[: array.ndim]


def pixels_of(picture: Image) -> NDArray[Any]:
    """Return the pixels of one frame, (rows, cols) or (rows, cols, channels).

    Parameters
    ----------
    picture : PIL.Image.Image
        At that frame.
    """
    mode = _CONVERTED.get(picture.mode)
    return np.asarray(picture.convert(mode) if mode else picture)


def read_frames(path: Path) -> list[NDArray[Any]]:
    """Read all frames of a file, (rows, cols) or (rows, cols, channels) each.

    Parameters
    ----------
    path : Path
        Of a picture with one frame or several.
    """
    from PIL import Image, ImageSequence

    with Image.open(path) as picture:
        return [pixels_of(frame) for frame in ImageSequence.Iterator(picture)]
