"""Which slices the store of a session has already, told from what its entries say of themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.engine.plane_jobs import ENCODED, QUEUED
from napari_samara.session.embeddings import plane_name
from napari_samara.session.volume_embedding import STALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.embedding import EmbeddingKey
    from napari_samara.intensity import Contrast
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings


def kept_states(
    embeddings: Embeddings, planes: Sequence[Plane], contrast: Contrast
) -> dict[Plane, str]:
    """Tell which planes a store has; reads the disk.

    Parameters
    ----------
    embeddings : Embeddings
        Of the image, with or without a store.
    planes : sequence of Plane
        Of the image.
    contrast : Contrast
        That they should be encoded with.

    Returns
    -------
    dict of Plane to str
        ``"encoded"``, ``"stale"`` or ``"queued"``.
    """
    states = dict.fromkeys(planes, QUEUED)
    entries = getattr(embeddings.store, "entries", None)
    if entries is None:
        return states
    wanted = {_without_pixels(_probe(embeddings, plane, contrast)): plane for plane in planes}
    loose = {replace(key, intensity=""): plane for key, plane in wanted.items()}
    for entry in entries():
        if entry.key is None:
            continue
        key = _without_pixels(entry.key)
        if key in wanted:
            states[wanted[key]] = ENCODED
        elif (plane := loose.get(replace(key, intensity=""))) is not None:
            states[plane] = ENCODED if states[plane] == ENCODED else STALE
    return states


def _probe(embeddings: Embeddings, plane: Plane, contrast: Contrast) -> EmbeddingKey:
    """Key as the model makes it, of no pixels in particular."""
    predictor: Any = embeddings.predictor
    key: EmbeddingKey = predictor.key(np.zeros((1, 1, 3), np.uint8), contrast, plane_name(plane))
    return key


def _without_pixels(key: EmbeddingKey) -> EmbeddingKey:
    return replace(key, pixels="")
