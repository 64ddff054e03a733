"""The headless verb that finds objects like some that are known."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.api import DEFAULT_CHECKPOINT, load
from napari_samara.engine.similar_settings import SimilarSettings
from napari_samara.errors import ImageError
from napari_samara.images import read_image
from napari_samara.intensity import Contrast

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.similar_search import SimilarFound
    from napari_samara.masks import PixelBox

# Embeddings of tiles that are kept, those with examples among them.
_KEPT = 32


def find_similar(
    image: Any,
    labels: Any,
    checkpoint: str | os.PathLike[str] | Predictor | None = None,
    settings: SimilarSettings | None = None,
    **options: Any,
) -> SimilarFound:
    """Find objects like those that are labelled.

    Parameters
    ----------
    image : array_like or path-like
        (rows, cols) or (rows, cols, channels), any real type.  A path is read with `read_image`.
    labels : array_like of int, shape (rows, cols)
        Objects that are known, all of which are examples; 0 is background.
    checkpoint : str, path-like or Predictor, optional
        As for `load`; samara-tiny if left out.
    settings : SimilarSettings, optional
        What is left out.
    **options
        ``rejected`` (labels of what is none of them), ``target`` (another image in which they are
        looked for, encoded by the same checkpoint; the first one if left out), ``contrast``
        (`Contrast`), ``device``, ``progress`` and ``cancelled``.

    Returns
    -------
    SimilarFound
        ``.objects``, most alike first, each with ``.likeness`` and ``.outline`` (box and mask), and
        the ``.similarity`` map.

    Raises
    ------
    ImageError
        If an image is empty or no array of real numbers, labels do not fit it, or nothing is
        labelled.
    CancelledError
        If `cancelled` said so.
    FileFormatError, FileNotFoundError
        If a file cannot be read.
    CheckpointError, DownloadError, DeviceError
        As for `load`.
    """
    from napari_samara.engine.outlines import outlines_of
    from napari_samara.engine.predictor import Predictor
    from napari_samara.engine.similar_search import learn_in_tiles, search

    device = options.pop("device", "auto")
    given = DEFAULT_CHECKPOINT if checkpoint is None else checkpoint
    predictor = given if isinstance(given, Predictor) else load(given, device)
    contrast = options.pop("contrast", None)
    source = _Encoded(image, predictor, contrast)
    numbers, rejected = np.asarray(labels), options.pop("rejected", None)
    accepted = outlines_of(source.checked(numbers))
    unlike = [] if rejected is None else outlines_of(source.checked(np.asarray(rejected)))
    looks = learn_in_tiles(source.embedding, source.size, accepted, unlike)
    target = options.pop("target", None)
    where = source if target is None else _Encoded(target, predictor, contrast)
    return search(
        predictor,
        where.embedding,
        where.size,
        looks,
        settings or SimilarSettings(),
        known=[*accepted, *unlike] if target is None else (),
        **options,
    )


class _Encoded:
    """An image whose crops are encoded as they are asked for; those used last are kept."""

    def __init__(self, image: Any, predictor: Predictor, contrast: Contrast | None) -> None:
        from napari_samara.engine.crop_decoding import CropEncoder

        pixels = read_image(image) if isinstance(image, str | os.PathLike) else np.asarray(image)
        if pixels.ndim not in (2, 3):
            raise ImageError(f"an image of one plane is looked at, got shape {pixels.shape}")
        self.size = (int(pixels.shape[0]), int(pixels.shape[1]))
        self._encoder = CropEncoder(predictor, pixels, contrast or Contrast())
        self._kept: OrderedDict[PixelBox | None, Embedding] = OrderedDict()

    def embedding(self, crop: PixelBox | None) -> Embedding:
        found = self._kept.pop(crop, None) or self._encoder.encode(crop)
        self._kept[crop] = found
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    def checked(self, labels: NDArray[Any]) -> NDArray[Any]:
        if labels.shape != self.size or labels.dtype.kind not in "bui":
            raise ImageError(
                f"labels are whole numbers of shape {self.size}, got {labels.dtype} of shape "
                f"{labels.shape}"
            )
        return labels
