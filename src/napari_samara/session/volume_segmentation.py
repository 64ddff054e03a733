"""A volume, prompts and a model put together: objects segmented in all of their slices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import ImageError, PromptError
from napari_samara.prompts import PromptSet
from napari_samara.session.volume_task import checked_span, views_of
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.volume import Decode
    from napari_samara.engine.volume_fronts import Known
    from napari_samara.engine.volume_result import VolumeSegmentation
    from napari_samara.engine.volume_slices import SliceMask, Slices
    from napari_samara.session.volume_task import VolumeTask


def segment_volume(
    image: Any, prompts: PromptSet | None, predictor: Predictor, task: VolumeTask
) -> VolumeSegmentation:
    """Segment objects in all of their slices.

    Parameters
    ----------
    image : array
        Of a lazy array (dask, zarr) one slice is read at a time.
    prompts : PromptSet or None
        On slices along the axis; None where masks alone are given.
    predictor : Predictor
        The model.
    task : VolumeTask
        All else.

    Returns
    -------
    VolumeSegmentation
        With new labels, or those of `VolumeTask.out`.

    Raises
    ------
    ImageError
        If axes, spacing, range or labels do not fit the image.
    PromptError
        If there is no prompt, or one does not lie on the slices.
    SamaraError
        What reading, encoding and decoding raise.
    """
    from napari_samara.engine.volume_result import VolumeSegmentation, painted

    view_of = views_of(image, predictor, task)
    slices = view_of(task.axis)
    axis = slices.axis
    span = checked_span(task.z_range, len(slices))
    _check_out(task.out, slices.shape)
    known = _known(slices, prompts, predictor, task)
    _check_ids(task.out, known)
    for number, one in known.items():
        outside = [index for index in one.masks if not span[0] <= index < span[1]]
        if outside:
            raise PromptError(
                f"object {number} is given on slice {outside[0]}, outside of z_range {span}"
            )
    objects, complete = follow(slices, known, predictor, task, view_of)
    if task.previous is not None:
        objects = {**{n: dict(m) for n, m in task.previous.objects.items()}, **objects}
    out = np.zeros(slices.shape, np.int32) if task.out is None else task.out
    painted(objects, slices, out)
    return VolumeSegmentation(out, objects, axis, complete)


def _check_out(out: Any, shape: tuple[int, ...]) -> None:
    """Refuse what labels cannot be written to, before the work."""
    if out is None:
        return
    kind = np.dtype(getattr(out, "dtype", object)).kind
    if tuple(getattr(out, "shape", ())) != shape or kind not in "iu":
        raise ImageError(
            f"out is no array of whole numbers of shape {shape}, but {type(out).__name__} of "
            f"shape {tuple(getattr(out, 'shape', ()))} and {getattr(out, 'dtype', 'no type')}"
        )
    flags = getattr(out, "flags", None)
    if getattr(out, "read_only", False) or not getattr(flags, "writeable", True):
        raise ImageError("out is read-only; give an array that can be written to")


def _check_ids(out: Any, ids: Iterable[int]) -> None:
    """Refuse object ids that the type of the labels does not hold."""
    most = np.iinfo(np.int32 if out is None else out.dtype).max
    for number in ids:
        if number > most:
            raise ImageError(f"object id {number} does not fit labels that end at {most}")


def follow(
    slices: Slices,
    known: Mapping[int, Known],
    predictor: Predictor,
    task: VolumeTask,
    view_of: Callable[[int], Slices],
) -> tuple[dict[int, dict[int, SliceMask]], bool]:
    """Follow objects, and fuse axes where that is asked for.

    Parameters
    ----------
    slices : Slices
        Along the axis.
    known : mapping of int to Known
        By object id.
    predictor : Predictor
        The model.
    task : VolumeTask
        Settings, range, progress.
    view_of : callable
        Returns the slices along another axis.

    Returns
    -------
    dict of int to dict of int to SliceMask, bool
        Settled and judged; False where it was cancelled.
    """
    from napari_samara.engine.volume import Propagation
    from napari_samara.engine.volume_consensus import fused
    from napari_samara.engine.volume_result import settled

    decode = decoder_of(predictor, task.predict_settings)
    span = checked_span(task.z_range, len(slices))
    run = Propagation(slices, known, decode, task.settings, span)
    complete = run.run(task.progress, task.cancelled)
    if complete and run.settings.consensus:
        axes = [axis for axis in range(len(slices.shape)) if axis not in slices.rest]
        views = [slices, *(view_of(axis) for axis in axes if axis != slices.axis)]
        agreed = fused(views, run.found, decode, run.settings, task.cancelled)
        complete = agreed is not None
        run.found = run.found if agreed is None else agreed
    return settled(run), complete


def decoder_of(predictor: Predictor, settings: PredictSettings | None) -> Decode:
    """Return what decodes the prompts of a slice.

    Parameters
    ----------
    predictor : Predictor
        The model.
    settings : PredictSettings or None
        Threshold and clean-up.
    """
    from napari_samara.engine.volume_decoding import decode_prompts

    how = settings or PredictSettings()
    return lambda embedding, prompts: decode_prompts(predictor, embedding, prompts, how)


def _known(
    slices: Slices, prompts: PromptSet | None, predictor: Predictor, task: VolumeTask
) -> dict[int, Known]:
    """Join what prompts, masks and an earlier result say."""
    from napari_samara.engine.volume_seeds import (
        corrected,
        known_from_masks,
        known_from_prompts,
        merged,
    )

    settings, given = task.predict_settings, task.masks or {}
    asked = prompts if prompts is not None and len(prompts) else PromptSet()
    known: dict[int, Known] = {}
    if len(asked) or not given:
        known = known_from_prompts(predictor, slices, asked, settings)
    if given:
        known = merged(known, known_from_masks(given, slices))
    if task.previous is not None:
        if task.previous.axis != slices.axis:
            raise ImageError(
                f"the earlier result is along axis {task.previous.axis}, not {slices.axis}"
            )
        known = corrected(task.previous.objects, known)
    return {number: replace(one, masks=_free(one.masks, slices)) for number, one in known.items()}


def _free(masks: Mapping[int, SliceMask], slices: Slices) -> dict[int, SliceMask]:
    """Take the pixels of objects that are there for good from masks."""
    if slices.taken_of is None:
        return dict(masks)
    kept = {}
    for index, mask in masks.items():
        taken = slices.taken_of(slices.plane(index))[mask.window]
        if (mask.crop & taken).any():
            whole = mask.data
            whole[mask.window] &= ~taken
            mask = type(mask).of(whole, mask.score, mask.origin)
        if mask.area:
            kept[index] = mask
    return kept
