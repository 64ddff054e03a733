"""The headless verb for volumes: objects segmented in all of their slices."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_samara.api import DEFAULT_CHECKPOINT, load
from napari_samara.images import open_image
from napari_samara.prompts import as_prompt_set
from napari_samara.volume_labels import grid_with, require_volume_labels, volume_labels
from napari_samara.volumes import grid_of

# torch takes seconds to import: the functions that need it import what needs it.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.volume_result import VolumeSegmentation
    from napari_samara.session.volume_task import VolumeTask

_VOLUME_AXES = 3


def segment_volume(
    volume: Any,
    prompts: Any = None,
    checkpoint: str | os.PathLike[str] | Predictor = DEFAULT_CHECKPOINT,
    axis: int = 0,
    spacing: Sequence[float] | None = None,
    z_range: tuple[int, int] | None = None,
    **options: Any,
) -> VolumeSegmentation:
    """Segment objects in all of their slices, from prompts or masks on one of them or several.

    Each object is followed both ways along an axis: every next slice is prompted from the last
    mask, until the object ends.  Between two slices with prompts both ways meet in the middle; an
    object with nothing but negative prompts on a slice is not followed beyond it.

    Parameters
    ----------
    volume : array_like or path-like
        (z, row, col), with channels behind or more axes before these; of a lazy array (dask,
        zarr) one slice is read at a time.  A path is read with `read_image`; OME-Zarr stays lazy.
    prompts : PromptSet or what makes one, optional
        As for `segment`, on slices along `axis`.  Left out where ``masks`` are given.
    checkpoint : str, path-like or Predictor
        As for `load`; a predictor is used as it is.
    axis : int
        Along which objects are followed.
    spacing : sequence of float, optional
        Distance between neighbours along each axis; that of the file where it says one.
    z_range : tuple of int, optional
        First slice on `axis` that may be written, and the one behind the last.
    **options
        ``settings`` (`PropagateSettings`), ``predict_settings``, ``masks`` (bool (rows, cols) by
        object id and slice, taken as they are; an empty one says that the object is not there),
        ``previous`` (an earlier result, which prompts and masks correct: only their neighbourhood
        changes), ``labels`` (objects there are, of which no pixel is taken), ``out`` (an array to
        write into, or a path as `volume_labels` takes it; with ``labels.ome.zarr`` the labels are
        never in memory), ``store`` (of embeddings), ``fixed`` (index on each axis that is no axis
        of the volume; 0 if left out), ``rgb``, ``contrast`` (in place of one for all slices, see
        `volume_contrast`), ``progress``, ``cancelled`` (what is found by then is returned) and
        ``device``.

    Returns
    -------
    VolumeSegmentation
        ``labels``, ``scores[object][slice]``, ``doubts[object][slice]`` and ``flags``, the slices
        in the order in which they are worth a look.

    Raises
    ------
    ImageError
        If axes, spacing, range or labels do not fit the volume.
    PromptError
        If nothing is given, a prompt lies outside or on another axis, or an object is found in no
        slice.
    StoreError
        If the store cannot be used.
    OutputError
        If ``out`` cannot be written.
    FileFormatError, FileNotFoundError
        If a file cannot be read.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.session.opening import spatial_shape
    from napari_samara.session.volume_job import has_channels
    from napari_samara.session.volume_segmentation import segment_volume as segment
    from napari_samara.session.volume_task import VolumeTask

    device = options.pop("device", "auto")
    task = VolumeTask(axis=axis, spacing=spacing, z_range=z_range, **options)
    given = None if prompts is None else as_prompt_set(prompts)
    source = Path(volume) if isinstance(volume, str | os.PathLike) else None
    if source is not None:
        task, volume = _read(task, source)
    out = Path(task.out) if isinstance(task.out, str | os.PathLike) else None
    if out is None:
        return segment(volume, given, _loaded(checkpoint, device), task)
    shape = spatial_shape(volume, has_channels(volume) if task.rgb is None else task.rgb)
    grid = grid_with(source if len(shape) == _VOLUME_AXES else None, task.spacing, len(shape))
    require_volume_labels(out, source, grid)  # before the work, not after it
    loaded = _loaded(checkpoint, device)
    with volume_labels(out, shape, source, grid) as labels:
        return segment(volume, given, loaded, replace(task, out=labels))


def _loaded(checkpoint: str | os.PathLike[str] | Predictor, device: str) -> Predictor:
    from napari_samara.engine.predictor import Predictor

    return checkpoint if isinstance(checkpoint, Predictor) else load(checkpoint, device)


def _read(task: VolumeTask, path: Path) -> tuple[VolumeTask, Any]:
    """Read a file, and its spacing where none was given."""
    image, rgb = open_image(path)
    task = task if task.rgb is not None or rgb is None else replace(task, rgb=rgb)
    if task.spacing is None and image.ndim - bool(task.rgb) == _VOLUME_AXES:
        task = replace(task, spacing=grid_of(path).spacing)
    return task, image
