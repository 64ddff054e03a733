"""Many candidates at once in the preview layer: each told apart from those beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_samara.ui.layers.preview import COLOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session import Candidate
    from napari_samara.session.finding import Sighting
    from napari_samara.ui.layers.preview import Preview

COLOURS = (
    COLOUR,
    (0.34, 0.71, 0.91, 1.0),
    (0.80, 0.47, 0.65, 1.0),
    (0.00, 0.62, 0.45, 1.0),
    (0.90, 0.62, 0.00, 1.0),
    (0.97, 0.97, 0.97, 1.0),
)
"""Okabe and Ito's palette without the colours of the signs; the first is that of a lone mask."""

LEFT_OUT = len(COLOURS) + 1
"""Number of the colour of a candidate that is not accepted."""

_FAINT = (0.85, 0.15, 0.15, 0.45)

# Pixels between boxes up to which two objects get different colours.
_BESIDE = 3


class BatchPreview:
    """Draws candidates into the plane that a `Preview` shows.

    Parameters
    ----------
    preview : Preview
        Its layer is drawn in, while it shows no mask of its own.
    """

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        self._box: PixelBox | None = None
        self._dressed: Labels | None = None

    def show(
        self, found: Sequence[Candidate | Sighting], picked: Collection[int], plane: Plane
    ) -> None:
        """Draw the candidates of a plane, those that are left out faintly.

        Parameters
        ----------
        found : sequence of Candidate or Sighting
            In any plane; none takes away what was drawn.
        picked : collection of int
            Numbers of those that are to be accepted.
        plane : Plane
            That is shown.
        """
        here = [at for at, one in enumerate(found) if one.plane == plane and one.area]
        if not here and self._box is None:
            return
        self._dress()
        boxes = np.array([found[at].box for at in here], dtype=int).reshape(-1, 4)
        old, self._box = self._box, _around(boxes)
        if old is not None and self._box is not None:
            region: PixelBox | None = _around(np.array([old, self._box]))
        else:
            region = old or self._box
        if region is None:
            return
        numbers = distinct(boxes)
        values = np.zeros((region[2] - region[0], region[3] - region[1]), np.uint8)
        # Where two overlap the better one gets the pixel, as in the labels; what is left out lies
        # below all others.
        chosen = set(picked)
        for place in sorted(
            range(len(here)), key=lambda k: (here[k] in chosen, found[here[k]].score)
        ):
            at = here[place]
            _paint(values, region, found[at], numbers[place] if at in chosen else LEFT_OUT)
        self.preview.draw(values, region)

    def _dress(self) -> None:
        """Give the layer, which the user may have had made anew, its colours."""
        from napari.utils.colormaps import DirectLabelColormap

        layer = self.preview.layer
        if layer is not self._dressed:
            colours = {None: (0, 0, 0, 0), LEFT_OUT: _FAINT}
            colours |= dict(enumerate(COLOURS, start=1))
            layer.colormap = DirectLabelColormap(color_dict=colours)
            self._dressed = layer


def distinct(boxes: NDArray[np.int_]) -> list[int]:
    """Numbers of colours for boxes, another one than those beside it for each.

    Parameters
    ----------
    boxes : ndarray of int, shape (N, 4)
        Half-open (row0, col0, row1, col1).

    Returns
    -------
    list of int
        From 1 up.  Where there are more neighbours than colours, the one that the fewest have.
    """
    numbers = np.zeros(len(boxes), dtype=int)
    low, high = boxes[:, :2] - _BESIDE, boxes[:, 2:]
    for at in range(len(boxes)):
        beside = (low[:at] < high[at]).all(axis=1) & (low[at] < high[:at]).all(axis=1)
        uses = np.bincount(numbers[:at][beside], minlength=len(COLOURS) + 1)[1:]
        numbers[at] = 1 + int(uses.argmin())
    return numbers.tolist()


def _paint(
    values: NDArray[np.uint8], region: PixelBox, one: Candidate | Sighting, number: int
) -> None:
    row0, col0, row1, col1 = one.box
    top, left = region[:2]
    values[row0 - top : row1 - top, col0 - left : col1 - left][one.crop] = number


def _around(boxes: NDArray[np.int_]) -> PixelBox | None:
    """Smallest box around all."""
    if not len(boxes):
        return None
    (row0, col0), (row1, col1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return int(row0), int(col0), int(row1), int(col1)
