"""A picture of an image with its prompts and the labels made from them."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import find_objects

from napari_samara.prompts import Box, Point, Polygon, Scribble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_samara.prompts import PromptSet

    Colour: TypeAlias = tuple[int, int, int]

# Side that a small image is enlarged to, by a whole factor, so that lines are thin beside it.
_SIDE = 1000

_BILINEAR, _HALF = Image.Resampling.BILINEAR, 127
_FILL = 0.28
_GOLDEN = 0.618034
_WHITE, _BLACK, _NEGATIVE = (255, 255, 255), (0, 0, 0), (235, 40, 40)


def draw_overlay(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32], prompts: PromptSet
) -> Image.Image:
    """Draw labels as coloured areas with outlines, prompts in white on top.

    Points are dots (red crosses where negative), boxes thin rectangles, scribbles and polygons
    lines. Small images are enlarged by a whole factor.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (rows, cols, 3)
        As the model saw it.
    labels : ndarray of int, shape (rows, cols)
        0 is background.
    prompts : PromptSet
        2D; prompts of other kinds than the four are left out.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    rows, cols = labels.shape
    scale = max(1, round(_SIDE / max(rows, cols)))
    size = (cols * scale, rows * scale)
    base = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC), dtype=float)
    big = _enlarged(labels, scale)
    colours = _colours(big)
    inside = (big > 0)[..., np.newaxis]
    mixed = np.where(inside, (1 - _FILL) * base + _FILL * colours, base)
    mixed = np.where(_outlines(big, scale)[..., np.newaxis], colours, mixed)
    picture = Image.fromarray(mixed.round().astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    drawn = _Drawn(pen, scale)
    for prompt in prompts:
        drawn.draw(prompt)
    for label, window in enumerate(find_objects(big), start=1):
        if window is not None:
            drawn.number(label, window)
    return picture


class _Drawn:
    """Prompts in white with a dark rim, visible on any image."""

    def __init__(self, pen: ImageDraw.ImageDraw, scale: int) -> None:
        self.pen = pen
        self.scale = scale

    def draw(self, prompt: object) -> None:
        """Draw one prompt."""
        match prompt:
            case Point():
                self._point(prompt)
            case Box():
                row0, col0, row1, col1 = prompt.corners
                corners = [(row0, col0), (row0, col1), (row1, col1), (row1, col0)]
                self._line([(c * self.scale, r * self.scale) for r, c in corners], closed=True)
            case Scribble():
                self._line(self._centres(prompt.path), closed=False)
            case Polygon():
                self._line(self._centres(prompt.vertices), closed=True)

    def number(self, label: int, window: tuple[slice, slice]) -> None:
        """Write a label at the top left corner of its object."""
        at = (window[1].start, window[0].start)
        size = max(12, 5 * self.scale)
        self.pen.text(at, str(label), _WHITE, stroke_width=2, stroke_fill=_BLACK, font_size=size)

    def _point(self, prompt: Point) -> None:
        ((x, y),) = self._centres([prompt.rc])
        size = 2 + 1.3 * self.scale
        if prompt.positive:
            self.pen.ellipse((x - size, y - size, x + size, y + size), _WHITE, _BLACK, 2)
            return
        for colour, width in ((_BLACK, 7), (_NEGATIVE, 4)):
            self.pen.line((x - size, y - size, x + size, y + size), colour, width)
            self.pen.line((x - size, y + size, x + size, y - size), colour, width)

    def _line(self, xy: list[tuple[float, float]], closed: bool) -> None:
        if closed:
            xy = [*xy, xy[0]]
        for colour, width in ((_BLACK, 4), (_WHITE, 2)):
            self.pen.line(xy, colour, width, joint="curve")

    def _centres(self, places: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        """(x, y) of pixel centres in the enlarged picture."""
        return [((col + 0.5) * self.scale, (row + 0.5) * self.scale) for row, col in places]


def _enlarged(labels: NDArray[np.int32], scale: int) -> NDArray[np.int32]:
    """Labels at the size of the picture, their borders straight where pixels make steps."""
    big = np.zeros((labels.shape[0] * scale, labels.shape[1] * scale), dtype=np.int32)
    for label, window in enumerate(find_objects(labels), start=1):
        if window is None:
            continue
        rows, cols = (
            slice(max(side.start - 1, 0), min(side.stop + 1, size))
            for side, size in zip(window, labels.shape, strict=True)
        )
        inside = Image.fromarray((labels[rows, cols] == label).astype(np.uint8) * 255)
        smooth = inside.resize((inside.width * scale, inside.height * scale), _BILINEAR)
        part = big[scale * rows.start : scale * rows.stop, scale * cols.start : scale * cols.stop]
        part[np.asarray(smooth) > _HALF] = label
    return big


def _outlines(labels: NDArray[np.int32], width: int) -> NDArray[np.bool_]:
    """Pixels of objects with another label within `width`."""
    found = np.zeros(labels.shape, dtype=np.bool_)
    for axis in (0, 1):
        for step in range(1, width + 1):
            first = [slice(None), slice(None)]
            second = [slice(None), slice(None)]
            first[axis], second[axis] = slice(step, None), slice(None, -step)
            differ = labels[tuple(first)] != labels[tuple(second)]
            found[tuple(first)] |= differ
            found[tuple(second)] |= differ
    return found & (labels > 0)


def _colours(labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Colour of each pixel's label, (rows, cols, 3) in 0..255."""
    ids, places = np.unique(labels, return_inverse=True)
    table = np.array([_colour(int(label)) for label in ids], dtype=float)
    return table[places.reshape(labels.shape)]


def _colour(label: int) -> Colour:
    """Bright colour; those of neighbouring labels differ."""
    hue = (label * _GOLDEN) % 1
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
