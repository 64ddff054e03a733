"""How well a checkpoint finds known objects, from one prompt and click by click.

Protocol: the point is the pixel deepest inside the object, moved by up to one pixel; the box is
tight.  Interactive, from nothing and from the box: each click goes to the deepest pixel of the
largest error, positive where the mask misses and negative where it exceeds (SAM paper, section 7.1
and appendix A), and masks are those that a user who clicks there sees.
Baselines: the ellipse that fills the box, and the component of Otsu's threshold that holds the
point; a model should beat both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_samara.engine.tiling import window_around, window_side
from napari_samara.errors import CancelledError
from napari_samara.settings import EvaluateSettings
from napari_samara.training.baselines import baselines
from napari_samara.training.known_objects import KnownObject, iou, known_objects
from napari_samara.training.simulate import corrective_point

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import PixelBox
    from napari_samara.training.data import LabelledImage

    Bools = npt.NDArray[np.bool_]

LIMITS = (0.8, 0.9)
"""IoU of NoC80 and NoC90."""

# Prompts given even where the highest limit was reached before, to report IoU after so many: a box
# and three clicks.
_AT_LEAST = 4


@dataclass(frozen=True)
class ObjectScore:
    """How well one object was found.

    Attributes
    ----------
    dataset, image : str
        Where it is.
    label : int
        In the labels of the image.
    area : int
        In pixels.
    box : tuple of int
        Half-open (row0, col0, row1, col1), tight.
    point : tuple of int
        (row, col) that was pointed at.
    ious : mapping of str to float
        ``box``, ``point``, ``ellipse``, ``otsu``, and with `EvaluateSettings.zoom` also
        ``box_zoom`` and ``point_zoom``.
    clicks : tuple of float
        IoU after 1, 2, ... clicks, ended where the highest of `LIMITS` is reached; empty for an
        object that was not clicked on.
    box_clicks : tuple of float
        IoU after the box, and after 1, 2, ... clicks more, ended likewise.
    """

    dataset: str
    image: str
    label: int
    area: int
    box: PixelBox
    point: tuple[int, int]
    ious: Mapping[str, float]
    clicks: tuple[float, ...] = ()
    box_clicks: tuple[float, ...] = ()


def prompts_to(limit: float, ious: Sequence[float], most: int) -> int:
    """Return how many prompts it took to reach an IoU; `most` where it was not reached."""
    return next((n for n, iou in enumerate(ious, start=1) if iou >= limit), most)


def after(count: int, ious: Sequence[float]) -> float:
    """Return the IoU after some prompts: the last one where fewer were needed."""
    return ious[min(count, len(ious)) - 1]


def evaluate_images(
    predictor: Predictor,
    images: Sequence[LabelledImage],
    settings: EvaluateSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[ObjectScore]:
    """Judge a checkpoint.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint.
    images : sequence of LabelledImage
        With known objects.
    settings : EvaluateSettings, optional
        Which objects, how many clicks.
    progress : callable, optional
        Called with the number of images done and that of all.
    cancelled : callable, optional
        Asked before each image.

    Returns
    -------
    list of ObjectScore
        In the order of images and labels.

    Raises
    ------
    CancelledError
        If `cancelled` said so.
    """
    settings = settings or EvaluateSettings()
    total = len(images)
    scores: list[ObjectScore] = []
    for number, image in enumerate(images):
        if cancelled is not None and cancelled():
            raise CancelledError("the evaluation was cancelled")
        rng = np.random.default_rng((settings.seed, number))
        scores += scores_of(predictor, image, settings, rng)
        if progress is not None:
            progress(number + 1, total)
    return scores


def scores_of(
    predictor: Predictor,
    image: LabelledImage,
    settings: EvaluateSettings,
    rng: np.random.Generator,
) -> list[ObjectScore]:
    """Judge a checkpoint on one image.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint.
    image : LabelledImage
        With known objects; none are fine.
    settings : EvaluateSettings
        Which objects, how many clicks.
    rng : numpy.random.Generator
        Decides jitter and choice.

    Returns
    -------
    list of ObjectScore
        In the order of labels.
    """
    objects = known_objects(image.labels, settings.smallest, rng)
    if 0 < settings.objects < len(objects):
        kept = rng.permutation(len(objects))[: settings.objects]
        objects = [objects[at] for at in sorted(kept)]
    if not objects:
        return []
    embedding = predictor.embed(image.image)
    found = one_prompt_ious(predictor, embedding, objects)
    found |= baselines(image, objects)
    if settings.zoom:
        found |= _zoomed(predictor, image, objects)
    clicked: set[int] = set()
    if settings.clicks:
        count = min(settings.clicked_objects, len(objects))
        clicked = set(rng.permutation(len(objects))[:count].tolist())
    scores = []
    for at, item in enumerate(objects):
        place = image.dataset, image.name, item.label, item.area, item.box, item.point
        ious = {name: round(values[at], 4) for name, values in found.items()}
        clicks: list[tuple[float, ...]] = []
        if at in clicked:
            seen = predictor, embedding, item.whole(image.labels.shape), settings.clicks
            clicks = [click_through(*seen), click_through(*seen, box=item.box)]
        scores.append(ObjectScore(*place, ious, *clicks))
    return scores


def click_through(
    predictor: Predictor,
    embedding: Embedding,
    truth: Bools,
    most: int,
    box: PixelBox | None = None,
) -> tuple[float, ...]:
    """Click until the object is found, as a user does who corrects the largest error.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint.
    embedding : Embedding
        Of the image.
    truth : ndarray of bool, shape (rows, cols)
        The object, not empty.
    most : int
        Prompts at most.
    box : tuple of int, optional
        Half-open; given first, as one of them.

    Returns
    -------
    tuple of float
        IoU after each prompt.
    """
    points: list[tuple[float, float]] = []
    signs: list[bool] = []
    ious: list[float] = []
    guess = np.zeros_like(truth)
    while len(ious) < most:
        if ious or box is None:
            click = corrective_point(truth, guess)
            if click is None:
                break
            points.append((click[1], click[0]))
            signs.append(click[2])
        steps = range(1, len(points) + 1)
        guess = predictor.predict(embedding, points, signs, box, steps=steps)[0].data
        ious.append(round(iou(guess, truth), 4))
        if ious[-1] >= max(LIMITS) and len(ious) >= _AT_LEAST:
            break
    return tuple(ious)


def one_prompt_ious(
    predictor: Predictor, embedding: Embedding, objects: Sequence[KnownObject]
) -> dict[str, list[float]]:
    """Find each object by its box alone and by its point alone.

    Parameters
    ----------
    predictor : Predictor
        The checkpoint.
    embedding : Embedding
        Of their image.
    objects : sequence of KnownObject
        Not empty.

    Returns
    -------
    dict
        ``box`` and ``point``: the IoU of each object.
    """
    boxes = predictor.iterate_many(embedding, boxes=np.array([item.box for item in objects]))
    points = predictor.iterate_many(embedding, points=np.array([item.point for item in objects]))
    return {
        "box": [item.iou(m.data) for m, item in zip(boxes, objects, strict=True)],
        "point": [item.iou(m.data) for m, item in zip(points, objects, strict=True)],
    }


def _zoomed(
    predictor: Predictor, image: LabelledImage, objects: list[KnownObject]
) -> dict[str, list[float]]:
    """IoU in windows: that of a box by its own size, that of a point by the median size."""
    sizes = [max(i.box[2] - i.box[0], i.box[3] - i.box[1]) for i in objects]
    usual = window_side(float(np.median(sizes)))
    known: dict[PixelBox, Embedding] = {}
    found: dict[str, list[float]] = {"box_zoom": [], "point_zoom": []}
    for item, size in zip(objects, sizes, strict=True):
        for name, side in (("box_zoom", window_side(size)), ("point_zoom", usual)):
            row, col = item.point
            middle = item.box if name == "box_zoom" else (row, col, row + 1, col + 1)
            window = window_around(middle, image.labels.shape, side)
            row0, col0, row1, col1 = window
            if window not in known:
                known[window] = predictor.embed(image.image[row0:row1, col0:col1])
            if name == "box_zoom":
                box = np.array(item.box) - (row0, col0, row0, col0)
                mask = predictor.predict(known[window], box=box)[0]
            else:
                mask = predictor.predict(known[window], points=[(row - row0, col - col0)])[0]
            found[name].append(item.iou(mask.data, row0, col0))
    return found
