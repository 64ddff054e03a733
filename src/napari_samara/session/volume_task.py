"""A volume as propagation looks at it: slices along any axis, encoded when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.plane_order import planes_of
from napari_samara.errors import ImageError
from napari_samara.session.embeddings import Embeddings
from napari_samara.session.opening import spatial_shape
from napari_samara.session.stores import embedding_store
from napari_samara.session.volume_job import has_channels
from napari_samara.store import MemoryStore
from napari_samara.volume_contrast import volume_contrast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.volume_result import VolumeSegmentation
    from napari_samara.engine.volume_settings import PropagateSettings
    from napari_samara.engine.volume_slices import Slices
    from napari_samara.intensity import Contrast
    from napari_samara.planes import Plane
    from napari_samara.session.events import Status
    from napari_samara.settings import PredictSettings

# Bytes of embeddings that are kept: slices are looked at from both sides.
_MEMORY = 256 << 20


@dataclass(frozen=True, eq=False)
class VolumeTask:
    """What is asked of a volume, beside image, prompts and model.

    Attributes
    ----------
    axis : int
        Along which objects are followed.
    spacing : sequence of float or None
        Distance between neighbours along each axis.
    z_range : tuple of int or None
        First slice on `axis` that may be written, and the one behind the last.
    settings : PropagateSettings or None
        How objects are followed.
    predict_settings : PredictSettings or None
        Threshold and clean-up.
    masks : mapping of int to mapping of int to array_like, or None
        Masks that are right as they are, bool (rows, cols), by object id and slice; an empty one
        says that the object is not there.
    previous : VolumeSegmentation or None
        An earlier result that prompts and masks correct: only their neighbourhood changes.
    labels : array of int or None
        Objects that are there for good, read slice by slice: none of their pixels is taken.
    out : array of int or None
        Written in place in the stead of a new array; pixels that are not 0 stay.
    store : EmbeddingStore, path-like or None
        Where embeddings are looked for and kept.
    fixed : mapping of int to int or None
        Index on each axis that is no axis of the volume; 0 if left out.
    rgb : bool or None
        Whether the last axis holds channels.
    contrast : Contrast or None
        In place of one for all slices, see `volume_contrast`.
    progress, cancelled : callable or None
        ``progress(done, total)`` in slices times objects; what is found when `cancelled` says so
        is returned.
    """

    axis: int = 0
    spacing: Sequence[float] | None = None
    z_range: tuple[int, int] | None = None
    settings: PropagateSettings | None = None
    predict_settings: PredictSettings | None = None
    masks: Mapping[int, Mapping[int, Any]] | None = None
    previous: VolumeSegmentation | None = None
    labels: Any = None
    out: Any = None
    store: Any = None
    fixed: Mapping[int, int] | None = None
    rgb: bool | None = None
    contrast: Contrast | None = None
    progress: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None


@dataclass(frozen=True)
class _Silent:
    """Report of work that nobody watches."""

    def say(self, status: Status) -> None:
        """Say nothing."""

    def cancelled(self) -> bool:
        """Return False: it is asked elsewhere, where what is found is kept."""
        return False


def checked_span(z_range: Sequence[int] | None, count: int) -> tuple[int, int]:
    """Return the first slice of a range and the one behind the last.

    Parameters
    ----------
    z_range : sequence of int or None
        None for all.
    count : int
        Slices there are.

    Raises
    ------
    ImageError
        If it holds none of them.
    """
    if z_range is None:
        return 0, count
    first, end = (int(n) for n in z_range)
    if not 0 <= first < end <= count:
        raise ImageError(
            f"z_range ({first}, {end}) is no range of the {count} slices: give the first slice and "
            "the one behind the last"
        )
    return first, end


def as_array(values: Any) -> Any:
    """Return an array as it is, lazy or not, and what is none as one."""
    return values if hasattr(values, "ndim") and hasattr(values, "shape") else np.asarray(values)


def slices_of(
    embeddings: Embeddings,
    contrast: Contrast,
    shape: tuple[int, ...],
    axis: int,
    **options: Any,
) -> Slices:
    """Return the slices of an image along an axis.

    Parameters
    ----------
    embeddings : Embeddings
        Of the image.
    contrast : Contrast
        Of all slices.
    shape : tuple of int
        Of the image, an axis of channels left out.
    axis : int
        Along which objects are followed.
    **options
        ``rest``, ``spacing`` and ``taken_of`` of `Slices`, and ``report``.
    """
    from napari_samara.engine.volume_slices import Slices

    report = options.pop("report", _Silent())

    def grey_of(plane: Plane) -> NDArray[np.uint8]:
        rgb = embeddings.encoder_input(plane, contrast)
        return np.asarray(rgb.mean(-1).round(), dtype=np.uint8)

    return Slices(
        shape, axis, lambda plane: embeddings.get(plane, contrast, report), grey_of, **options
    )


def views_of(image: Any, predictor: Predictor, task: VolumeTask) -> Callable[[int], Slices]:
    """Return what gives the slices of a volume along an axis.

    Parameters
    ----------
    image : array
        Of a lazy array one slice is read at a time.
    predictor : Predictor
        The model.
    task : VolumeTask
        Axis, spacing, labels, store, contrast.

    Raises
    ------
    ImageError
        If they do not fit the image.
    """
    image = as_array(image)
    rgb = has_channels(image) if task.rgb is None else task.rgb
    shape = spatial_shape(image, rgb)
    if len(shape) < 3:
        raise ImageError(f"objects are followed through volumes of three axes, got shape {shape}")
    labels = None if task.labels is None else as_array(task.labels)
    if labels is not None and tuple(labels.shape) != shape:
        raise ImageError(f"labels have shape {tuple(labels.shape)}, the volume {shape}")
    rest = dict(planes_of(shape, (task.axis,), task.fixed)[0].fixed)
    del rest[task.axis % len(shape)]
    store = task.store
    if store is not None and not hasattr(store, "get"):
        store = embedding_store(store)
    contrast = volume_contrast(image, task.contrast, rgb)
    embeddings = Embeddings(image, rgb, predictor, MemoryStore(_MEMORY), store)
    options: dict[str, Any] = {"rest": rest, "spacing": task.spacing}
    if labels is not None:
        options["taken_of"] = lambda plane: np.asarray(plane.extract(labels) != 0)
    return lambda axis: slices_of(embeddings, contrast, shape, axis % len(shape), **options)
