"""Geometry of SAM 1: between image coordinates and the square input of the model.

The one file that turns (row, col) into (x, y) and knows about resizing and padding.  The longer
side of the image becomes `input_size`, the shorter keeps the aspect, and the rest of the square is
padding below and to the right, so that coordinates need no offset.  Integer coordinates are pixel
centres on both sides; the half pixel that centres need inside the model is added by its prompt
encoder and therefore not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_samara.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """How one plane lies in the model input.

    Parameters
    ----------
    rows, cols : int
        Size of the plane in pixels.
    input_size : int
        Side of the square model input in pixels, 1024 for the published weights.

    Raises
    ------
    FrameError
        If one of them is not a whole number of at least 1.
    """

    rows: int
    cols: int
    input_size: int = 1024

    def __post_init__(self) -> None:
        """Check the three sizes."""
        for name in ("rows", "cols", "input_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise FrameError(f"{name} of a frame is a whole number from 1 up, got {value!r}")
            object.__setattr__(self, name, int(value))

    @property
    def resized(self) -> tuple[int, int]:
        """(rows, cols) of the plane inside the model input, padding left out."""
        scale = self.input_size * 1.0 / max(self.rows, self.cols)
        return max(1, int(self.rows * scale + 0.5)), max(1, int(self.cols * scale + 0.5))

    def to_input(self, rc: ArrayLike) -> NDArray[np.float32]:
        """Points of the image in the frame of the model input.

        Parameters
        ----------
        rc : array_like, shape (..., 2)
            (row, col) in pixels of the plane, pixel centres at whole numbers.

        Returns
        -------
        ndarray of float32, shape (..., 2)
            (x, y) in pixels of the model input, without the half pixel of the prompt encoder.

        Raises
        ------
        FrameError
            If the last axis has not two entries.
        """
        points = _pairs(rc, "(row, col)")
        return np.asarray((points * self._scale)[..., ::-1], dtype=np.float32)

    def boxes_to_input(self, boxes: ArrayLike) -> NDArray[np.float32]:
        """Boxes of the image in the frame of the model input.

        The half-open corners are swapped and scaled as they are: the far corner of a box lies one
        past the last pixel on both sides.

        Parameters
        ----------
        boxes : array_like, shape (N, 4)
            (row0, col0, row1, col1) in pixels of the plane.

        Returns
        -------
        ndarray of float32, shape (N, 4)
            (x0, y0, x1, y1) in pixels of the model input.

        Raises
        ------
        FrameError
            If the array has not the shape (N, 4).
        """
        corners = np.asarray(boxes, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[1] != 4:
            raise FrameError(
                f"boxes have shape (N, 4), row0, col0, row1, col1; got shape {corners.shape}"
            )
        return self.to_input(corners.reshape(-1, 2, 2)).reshape(-1, 4)

    def to_image(self, xy: ArrayLike) -> NDArray[np.float32]:
        """Points of the model input in the image: `to_input` backwards.

        Parameters
        ----------
        xy : array_like, shape (..., 2)
            (x, y) in pixels of the model input.

        Returns
        -------
        ndarray of float32, shape (..., 2)
            (row, col) in pixels of the plane.

        Raises
        ------
        FrameError
            If the last axis has not two entries.
        """
        points = _pairs(xy, "(x, y)")
        return np.asarray(points[..., ::-1] / self._scale, dtype=np.float32)

    def valid_part(self, size: int) -> tuple[int, int]:
        """Part of a square map over the whole model input that is not padding.

        Parameters
        ----------
        size : int
            Side of the map, 256 for low-resolution logits and 64 for features of the published
            weights.

        Returns
        -------
        tuple of int
            (rows, cols) from the top left; a cell that is partly padding still counts.

        Raises
        ------
        FrameError
            If `size` is below 1.
        """
        if size < 1:
            raise FrameError(f"a map has a side of at least 1, got {size}")
        rows, cols = self.resized
        # Whole numbers only: a float division could push an exact border over the next one.
        return -(-rows * size // self.input_size), -(-cols * size // self.input_size)

    @property
    def _scale(self) -> NDArray[np.float64]:
        """Factors for (row, col); they differ where rounding made the resized sides uneven."""
        rows, cols = self.resized
        return np.array([rows / self.rows, cols / self.cols])


def resize_plane(rgb: NDArray[np.uint8], frame: Frame) -> NDArray[np.uint8]:
    """RGB plane at the size it has in the model input, padding left out.

    Pillow's bilinear filter on 8-bit values, which averages when it shrinks: what the published
    weights were trained on.  Another filter moves mask borders on large images.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (rows, cols, 3)
        The plane.
    frame : Frame
        Of the same rows and columns.

    Returns
    -------
    ndarray of uint8, shape (*frame.resized, 3)
        `rgb` itself where nothing is to be done.

    Raises
    ------
    FrameError
        If `rgb` has another shape or type.
    """
    if rgb.shape != (frame.rows, frame.cols, 3) or rgb.dtype != np.uint8:
        raise FrameError(
            f"an RGB plane of uint8 and shape {(frame.rows, frame.cols, 3)} is needed, got "
            f"{rgb.dtype} and shape {rgb.shape}"
        )
    rows, cols = frame.resized
    if (rows, cols) == rgb.shape[:2]:
        return rgb
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    return np.asarray(picture.resize((cols, rows), Image.Resampling.BILINEAR))


def _pairs(coordinates: ArrayLike, order: str) -> NDArray[np.float64]:
    """`coordinates` as float64 with a last axis of two."""
    pairs = np.asarray(coordinates, dtype=np.float64)
    if pairs.ndim == 0 or pairs.shape[-1] != 2:
        raise FrameError(f"points need a last axis of 2, {order}; got shape {pairs.shape}")
    return pairs
