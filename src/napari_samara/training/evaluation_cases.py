"""Pictures of the objects that a checkpoint finds worst, and of usual ones, for each data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from napari_samara.errors import OutputError
from napari_samara.output import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import PixelBox
    from napari_samara.training.data import LabelledImage
    from napari_samara.training.evaluation import ObjectScore

    Bools = npt.NDArray[np.bool_]

PROMPTS = ("box", "point")
"""A row of the picture each."""

WORST, USUAL = 5, 3
"""Objects in a row: those found worst, of several images if possible, and around the median."""

_SIDE, _GAP, _CAPTION, _HEAD = 220, 6, 30, 22
_TRUTH, _MASK, _PROMPT, _INK, _PAPER = (0, 190, 255), (255, 130, 0), (255, 255, 255), 0, 255

# The window shows so many times the object, at least so many pixels, even where the mask is larger.
_MOST, _LEAST, _MARGIN = 8, 24, 0.2


@dataclass(frozen=True, eq=False)
class _Case:
    """One object with the mask that was found."""

    score: ObjectScore
    prompt: str
    image: npt.NDArray[np.uint8]
    truth: Bools
    mask: Bools


def write_cases(
    folder: Path,
    predictor: Predictor,
    planes: Iterable[LabelledImage],
    scores: Sequence[ObjectScore],
) -> list[Path]:
    """Write a picture for each data set: the worst and the usual objects by box and by point.

    The outline of the truth is blue, that of the mask orange, the prompt white; brightness is
    stretched within each window.

    Parameters
    ----------
    folder : Path
        Made if missing.
    predictor : Predictor
        That was judged.
    planes : iterable of LabelledImage
        What it was judged on.
    scores : sequence of ObjectScore
        What came out.

    Returns
    -------
    list of Path
        ``DATASET.png`` each.

    Raises
    ------
    OutputError
        The folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    by_name = {(plane.dataset, plane.name): plane for plane in planes}
    written = []
    for dataset in dict.fromkeys(score.dataset for score in scores):
        here = [score for score in scores if score.dataset == dataset]
        known: dict[str, Embedding] = {}
        rows = []
        for prompt in PROMPTS:
            row = []
            for score in (*worst(here, prompt), *usual(here, prompt)):
                plane = by_name[dataset, score.image]
                if score.image not in known:
                    known[score.image] = predictor.embed(plane.image)
                row.append(_case(predictor, known[score.image], plane, score, prompt))
            rows.append(row)
        written.append(folder / f"{dataset}.png")
        with whole_file(written[-1]) as part:
            _sheet(rows).save(part, format="PNG")
    return written


def worst(scores: Sequence[ObjectScore], prompt: str, count: int = WORST) -> list[ObjectScore]:
    """Return the objects found worst, of as many images as there are.

    Parameters
    ----------
    scores : sequence of ObjectScore
        Of one data set.
    prompt : str
        One of `PROMPTS`.
    count : int
        At most.

    Returns
    -------
    list of ObjectScore
        The worst first.
    """
    ranked = sorted(scores, key=lambda score: score.ious[prompt])
    seen: set[str] = set()
    first: list[ObjectScore] = []
    others: list[ObjectScore] = []
    for score in ranked:
        (others if score.image in seen else first).append(score)
        seen.add(score.image)
    return sorted((first + others)[:count], key=lambda score: score.ious[prompt])


def usual(scores: Sequence[ObjectScore], prompt: str, count: int = USUAL) -> list[ObjectScore]:
    """Return the objects around the median, without those that `worst` returns.

    Parameters
    ----------
    scores : sequence of ObjectScore
        Of one data set.
    prompt : str
        One of `PROMPTS`.
    count : int
        At most.

    Returns
    -------
    list of ObjectScore
        In rising order.
    """
    ranked = sorted(scores, key=lambda score: score.ious[prompt])
    start = max((len(ranked) - count) // 2, 0)
    shown = {id(score) for score in worst(scores, prompt)}
    return [score for score in ranked[start : start + count] if id(score) not in shown]


def _case(
    predictor: Predictor,
    embedding: Embedding,
    plane: LabelledImage,
    score: ObjectScore,
    prompt: str,
) -> _Case:
    if prompt == "box":
        found = predictor.iterate_many(embedding, boxes=np.array([score.box]))
    else:
        found = predictor.iterate_many(embedding, points=np.array([score.point]))
    (mask,) = found
    return _Case(score, prompt, plane.image, plane.labels == score.label, mask.data)


def _sheet(rows: list[list[_Case]]) -> Image.Image:
    """All cases of a data set, a row for each prompt."""
    across, down = max(map(len, rows)), _SIDE + _CAPTION + _GAP
    size = (across * (_SIDE + _GAP) + _GAP, _HEAD + len(rows) * down)
    sheet = Image.new("RGB", size, (_PAPER,) * 3)
    pen = ImageDraw.Draw(sheet)
    x = _GAP
    for text, colour in (("truth", _TRUTH), ("mask", _MASK)):
        pen.rectangle((x, 6, x + 14, 16), colour)
        pen.text((x + 20, 4), text, (_INK,) * 3)
        x += 80
    pen.text((x, 4), "white: prompt. The worst first, then those around the median.", (_INK,) * 3)
    for number, row in enumerate(rows):
        for place, case in enumerate(row):
            left, top = _GAP + place * (_SIDE + _GAP), _HEAD + number * down
            sheet.paste(_panel(case), (left, top))
            for line, text in enumerate(_caption(case)):
                pen.text((left, top + _SIDE + 2 + 13 * line), text, (_INK,) * 3)
    return sheet


def _caption(case: _Case) -> tuple[str, str]:
    score = case.score
    name = score.image.rpartition("/")[2]
    return f"{case.prompt}: IoU {score.ious[case.prompt]:.2f}, {score.area} px", name[-36:]


def _panel(case: _Case) -> Image.Image:
    """Window around an object with both outlines and the prompt."""
    row0, col0, row1, col1 = _window(case)
    crop = case.image[row0:row1, col0:col1]
    low, high = np.percentile(crop, (0.5, 99.5))
    grey = np.clip((crop - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    scale = _SIDE / max(grey.shape[:2])
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    pixels = np.array(Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC).convert("RGB"))
    for mask, colour in ((case.truth, _TRUTH), (case.mask, _MASK)):
        pixels[_outline(mask[row0:row1, col0:col1], size)] = colour
    picture = Image.new("RGB", (_SIDE, _SIDE), (230, 230, 230))
    picture.paste(Image.fromarray(pixels))
    pen = ImageDraw.Draw(picture)
    if case.prompt == "box":
        top, left, bottom, right = case.score.box
        x0, x1 = (left - col0) * scale, (right - col0) * scale
        y0, y1 = (top - row0) * scale, (bottom - row0) * scale
        for colour, away, width in (((0, 0, 0), 3, 3), (_PROMPT, 2, 1)):  # around the outlines
            pen.rectangle((x0 - away, y0 - away, x1 + away, y1 + away), None, colour, width)
    else:
        row, col = case.score.point
        y, x = (row + 0.5 - row0) * scale, (col + 0.5 - col0) * scale
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), _PROMPT, (0, 0, 0))
    return picture


def _outline(mask: Bools, size: tuple[int, int]) -> Bools:
    """Edge of a mask, two pixels wide, at the size (width, height) of a panel."""
    smooth = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    big = np.asarray(smooth) > 127
    return np.asarray(big & ~ndimage.binary_erosion(big, iterations=2, border_value=1))


def _window(case: _Case) -> PixelBox:
    """Part of the image around truth and mask, square where the image has room."""
    row0, col0, row1, col1 = case.score.box
    side = max(row1 - row0, col1 - col0)
    (both,) = ndimage.find_objects((case.truth | case.mask).astype(np.uint8))
    wanted = max(part.stop - part.start for part in both)
    extent = int(min(max(wanted, side), _MOST * side) * (1 + 2 * _MARGIN))
    extent = max(extent, _LEAST)
    ends = []
    for first, last, length in zip((row0, col0), (row1, col1), case.truth.shape, strict=True):
        middle = (first + last) // 2
        start = min(max(middle - extent // 2, 0), max(length - extent, 0))
        ends.append((start, min(start + extent, length)))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]
