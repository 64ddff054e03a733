"""All objects of a prompt set, in however many planes, painted into one label image."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.canvas import Canvas
from napari_samara.engine.crop_decoding import Asked, CropEncoder, masks_by_crop, whole_mask
from napari_samara.engine.crops import WHOLE, choose_crop
from napari_samara.errors import ImageError, PromptError
from napari_samara.intensity import Contrast
from napari_samara.settings import PredictSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.crops import CropChoice
    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import Mask, PixelBox
    from napari_samara.planes import Plane
    from napari_samara.prompts import PromptInputs, PromptSet

# More channels than an RGB plane can come from.
_MOST_CHANNELS = 4

_MULTIMASK = {"auto": None, "yes": True, "no": False}


@dataclass(frozen=True)
class ObjectResult:
    """What became of one object in one plane.

    Attributes
    ----------
    object_id : int
        Its label.
    plane : Plane
        Where.
    prompts : tuple of str
        Kinds of its prompts there, in order.
    score : float
        IoU that the model predicts for its mask.
    area : int
        Pixels that carry its label, after overlaps are settled.
    box : tuple of int or None
        Half-open (row0, col0, row1, col1) around its mask; None where the mask is empty.
    seconds : float
        Time of decoding; the mean over those decoded in one batch.
    """

    object_id: int
    plane: Plane
    prompts: tuple[str, ...]
    score: float
    area: int
    box: PixelBox | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels, and how each object came about.

    Attributes
    ----------
    labels : ndarray of int32, shape of the image without channels
        0 is background.
    objects : tuple of ObjectResult
        Plane by plane, in the order of the prompts.
    embed_seconds : float
        Time of encoding all planes.
    """

    labels: NDArray[np.int32]
    objects: tuple[ObjectResult, ...]
    embed_seconds: float


@dataclass(frozen=True)
class _Task:
    """One object in one plane; `batch` is set where it is one box or one positive point."""

    object_id: int
    prompts: tuple[str, ...]
    batch: str | None
    values: NDArray[np.float32] | None


def segment_objects(
    predictor: Predictor,
    image: Any,
    prompts: PromptSet,
    settings: SegmentSettings | None = None,
    predict_settings: PredictSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Segmentation:
    """Encode every plane that has prompts, decode its objects, and paint them.

    All prompts are checked before the first plane is encoded. Masks are painted one by one, so
    that memory does not grow with the number of objects.

    Parameters
    ----------
    predictor : Predictor
        The model.
    image : array, shape as many axes as the prompts have, plus one of channels or none
        Of a lazy array (dask, zarr) only the planes with prompts are read.
    prompts : PromptSet
        Of 2D or nD objects, but not of both.
    settings : SegmentSettings, optional
        Contrast, overlaps, several masks.
    predict_settings : PredictSettings, optional
        Threshold, clean-up, batch size.
    progress : callable, optional
        Called as ``progress(done, total)`` in objects; what it raises ends the job.

    Returns
    -------
    Segmentation
        New labels with the object ids of the prompts.

    Raises
    ------
    ImageError
        If the image is empty, not of real numbers or has the wrong number of axes.
    PromptError
        If there is no prompt, one lies outside the image, or an object has only negative ones.
    OutOfMemoryError
        If there is not even memory for one prompt.
    """
    settings, predict_settings = (
        settings or SegmentSettings(),
        predict_settings or PredictSettings(),
    )
    image = image if hasattr(image, "ndim") and hasattr(image, "shape") else np.asarray(image)
    shape = _shape_without_channels(image, prompts)
    planes = {
        plane: (group, _tasks(group, plane.size(shape), settings))
        for plane, group in prompts.by_plane(shape).items()
    }
    labels = np.zeros(shape, dtype=np.int32)
    total, contrast = sum(len(tasks) for _, tasks in planes.values()), Contrast(settings.contrast)
    results: list[ObjectResult] = []
    embed_seconds = 0.0
    for plane, (group, tasks) in planes.items():
        pixels = plane.extract(image, rgb=image.ndim > len(shape))
        encoder = CropEncoder(predictor, pixels, contrast, plane.to_dict() if plane.fixed else "")
        canvas = Canvas(plane.extract(labels), settings.overlap)
        found: list[ObjectResult] = []
        told = partial(_tell, progress, total, len(results))
        masks = _masks(encoder, group, tasks, (settings, predict_settings), told)
        for task, (mask, seconds) in zip(tasks, masks, strict=True):
            canvas.paint(mask, task.object_id)
            found.append(_result(task, plane, mask, seconds))
        embed_seconds += encoder.seconds
        results += _settled(found, tasks, canvas)
    return Segmentation(labels, tuple(results), embed_seconds)


def _shape_without_channels(image: Any, prompts: PromptSet) -> tuple[int, ...]:
    """Shape of the labels: the prompts say how many axes of the image are spatial."""
    counts = sorted({len(prompt.fixed) + 2 for prompt in prompts})
    shape = tuple(int(size) for size in image.shape)
    if not counts:
        raise PromptError("no prompt was given; add a point, a box or another prompt")
    if len(counts) > 1:
        raise PromptError(f"prompts of {counts[0]}D and of {counts[-1]}D images are mixed")
    if 0 in shape:
        raise ImageError(f"the image is empty: shape {shape}")
    ndim = counts[0]
    channels = shape[ndim:]
    if len(shape) < ndim or len(channels) > 1 or (channels and channels[0] > _MOST_CHANNELS):
        raise ImageError(
            f"prompts of {ndim}D need an image of {ndim} axes, or one more with up to "
            f"{_MOST_CHANNELS} channels at the end; got shape {shape}. In a stack, prompts name "
            "the slice: point(z, row, col), or index= for other kinds. Of a file, the option axes "
            "says which axis holds channels"
        )
    return shape[:ndim]


def _tasks(group: PromptSet, size: tuple[int, int], settings: SegmentSettings) -> list[_Task]:
    """Objects of one plane, their prompts checked against its (rows, cols)."""
    batches = {"yes": ("point",), "no": ("box",)}.get(settings.multimask, ("point", "box"))
    tasks = []
    for object_id, prompts in group.objects.items():
        if object_id > np.iinfo(np.int32).max:
            raise PromptError(f"object id {object_id} does not fit a label of 32 bits")
        inputs = group.inputs(object_id, size)
        if inputs.box is None and inputs.mask is None and not inputs.positive.any():
            raise PromptError(
                f"object {object_id} has only negative prompts; say where it is as well"
            )
        kind, values = _alone(inputs)
        kind = kind if kind in batches else None
        kinds = tuple(prompt.kind for prompt in prompts)
        tasks.append(_Task(object_id, kinds, kind, values if kind else None))
    return tasks


def _alone(inputs: PromptInputs) -> tuple[str | None, NDArray[np.float32] | None]:
    """Kind and numbers of inputs that are no more than one box or one positive point."""
    if inputs.mask is not None:
        return None, None
    if inputs.box is not None:
        return ("box", inputs.box) if len(inputs.points) == 0 else (None, None)
    return ("point", inputs.points[0]) if len(inputs.points) == 1 else (None, None)


def _tell(progress: Callable[[int, int], None] | None, total: int, before: int, count: int) -> None:
    if progress is not None:
        progress(before + count, total)


def _masks(
    encoder: CropEncoder,
    group: PromptSet,
    tasks: list[_Task],
    settings: tuple[SegmentSettings, PredictSettings],
    told: Callable[[int], None],
) -> Iterator[tuple[Mask, float]]:
    """Mask of each task in order, in the whole plane or in crops, and the seconds it took."""
    predictor, size = encoder.predictor, (encoder.pixels.shape[0], encoder.pixels.shape[1])
    family = predictor.checkpoint.family if predictor.checkpoint else ""
    choice = choose_crop(settings[0].crop, family, predictor.input_size, size)
    if choice != WHOLE:
        yield from _masks_in_crops((encoder, choice), group, tasks, settings, told)
        return
    embedding = encoder.encode(None)
    found = _masks_in_plane(predictor, embedding, group, tasks, settings)
    for count, one in enumerate(found, start=1):
        yield one
        told(count)


def _masks_in_plane(
    predictor: Predictor,
    embedding: Embedding,
    group: PromptSet,
    tasks: list[_Task],
    settings: tuple[SegmentSettings, PredictSettings],
) -> Iterator[tuple[Mask, float]]:
    """Mask of each task in order, and the seconds it took; those of a batch come from one."""
    batches = {}
    for kind, name in (("box", "boxes"), ("point", "points")):
        values = [task.values for task in tasks if task.batch == kind and task.values is not None]
        if values:
            given: dict[str, Any] = {name: np.stack(values)}
            batches[kind] = predictor.iterate_many(embedding, settings=settings[1], **given)
    size = (embedding.frame.rows, embedding.frame.cols)
    for task in tasks:
        start = time.perf_counter()
        if task.batch is not None:
            mask = next(batches[task.batch])
        else:
            inputs = group.inputs(task.object_id, size)
            mask = predictor.predict(
                embedding,
                inputs.points,
                inputs.positive,
                inputs.box,
                inputs.mask,
                _MULTIMASK[settings[0].multimask],
                settings[1],
                inputs.steps,
            )[0]
        yield mask, time.perf_counter() - start


def _masks_in_crops(
    where: tuple[CropEncoder, CropChoice],
    group: PromptSet,
    tasks: list[_Task],
    settings: tuple[SegmentSettings, PredictSettings],
    told: Callable[[int], None],
) -> Iterator[tuple[Mask, float]]:
    """Each object in a crop of its own size; masks are kept cut to their boxes until all are."""
    encoder, choice = where
    size, start = (encoder.pixels.shape[0], encoder.pixels.shape[1]), time.perf_counter()
    several = _MULTIMASK[settings[0].multimask]
    asked = [
        Asked(at, group.inputs(task.object_id, size), several) for at, task in enumerate(tasks)
    ]
    found: dict[int, tuple[Mask, PixelBox | None]] = {}
    for at, mask, box in masks_by_crop(encoder, asked, choice, settings[1]):
        found[at] = mask, box
        told(len(found))
    each = (time.perf_counter() - start - encoder.seconds) / max(len(tasks), 1)
    for at in range(len(tasks)):
        yield whole_mask(*found.pop(at), size), each


def _result(task: _Task, plane: Plane, mask: Mask, seconds: float) -> ObjectResult:
    return ObjectResult(
        task.object_id, plane, task.prompts, mask.score, mask.area, mask.box, seconds
    )


def _settled(
    found: list[ObjectResult], tasks: list[_Task], canvas: Canvas
) -> Iterator[ObjectResult]:
    """Results of one plane with the pixels left to each, and the time of batches shared out."""
    batches: dict[str | None, list[float]] = {}
    for task, result in zip(tasks, found, strict=True):
        batches.setdefault(task.batch, []).append(result.seconds)
    for task, result in zip(tasks, found, strict=True):
        seconds = fmean(batches[task.batch]) if task.batch else result.seconds
        yield replace(result, area=canvas.area(result.object_id, result.box), seconds=seconds)
