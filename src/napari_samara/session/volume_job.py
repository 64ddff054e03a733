"""A volume, a model and a store put together into a job that encodes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from napari_samara.engine.plane_order import planes_of
from napari_samara.intensity import Contrast
from napari_samara.session.embed_settings import EmbedSettings
from napari_samara.session.embeddings import Embeddings
from napari_samara.session.opening import spatial_shape
from napari_samara.session.stores import embedding_store
from napari_samara.session.volume_embedding import VolumeEmbedding
from napari_samara.store import MemoryStore
from napari_samara.volume_contrast import volume_contrast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_samara.session.embeddings import PredictorLike
    from napari_samara.store import EmbeddingStore


def has_channels(image: Any) -> bool:
    """Return whether the last of three or more axes is taken for channels: it has 3 or 4 places.

    Parameters
    ----------
    image : array
        Of any number of axes.
    """
    shape: tuple[int, ...] = tuple(getattr(image, "shape", ()))
    return len(shape) > 2 and shape[-1] in (3, 4)


def volume_job(
    image: Any,
    predictor: PredictorLike,
    store: EmbeddingStore | str | os.PathLike[str],
    axes: Sequence[int] = (0,),
    settings: EmbedSettings | None = None,
    *,
    fixed: Mapping[int, int] | None = None,
    rgb: bool | None = None,
    contrast: Contrast | None = None,
) -> VolumeEmbedding:
    """Return a job that encodes the planes of a volume across some of its axes.

    Parameters
    ----------
    image : array
        With any number of axes, and with channels or without; of a lazy array one plane is read
        at a time.
    predictor : PredictorLike
        The model.
    store : EmbeddingStore or path-like
        Where the embeddings go; a path is a `ZarrStore`.
    axes, fixed
        As for `engine.plane_order.planes_of`.
    settings : EmbedSettings, optional
        Contrast, precision on disk, planes at once.
    rgb : bool, optional
        Whether the last axis holds channels; `has_channels` decides where left out.
    contrast : Contrast, optional
        In place of that of the settings, and as it is.

    Returns
    -------
    VolumeEmbedding
        Nothing is read yet but what the contrast is taken from.

    Raises
    ------
    ImageError
        If axes or indices do not fit the image, or it is no array.
    StoreError
        If there is something else at `store`, or the weights have no digest.
    """
    settings = settings or EmbedSettings()
    rgb = has_channels(image) if rgb is None else rgb
    planes = planes_of(spatial_shape(image, rgb), axes, fixed)
    if isinstance(store, str | os.PathLike):
        store = embedding_store(store, settings.store_precision)
    if contrast is None:
        contrast = Contrast(settings.contrast)
        contrast = contrast if settings.per_slice else volume_contrast(image, contrast, rgb)
    embeddings = Embeddings(image, rgb, predictor, MemoryStore(0), store)
    return VolumeEmbedding(embeddings, planes, contrast, settings.batch or None)
