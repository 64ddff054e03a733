"""Embeddings of the planes of one image: from memory, from a store, or made now."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from napari_samara.engine.encode_times import expected_seconds, remember
from napari_samara.engine.turns import Turns
from napari_samara.errors import CancelledError, StoreError
from napari_samara.intensity import Contrast, depends_on_plane, fixed, to_rgb
from napari_samara.session.events import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from napari_samara.embedding import Embedding, EmbeddingKey
    from napari_samara.masks import Mask, PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.jobs import Report
    from napari_samara.settings import PredictSettings
    from napari_samara.store import EmbeddingStore, MemoryStore


class PredictorLike(Protocol):
    """The part of the engine's predictor that a session uses."""

    checkpoint: Any
    device: Any

    def key(self, rgb: NDArray[np.uint8], contrast: Contrast, plane: Any = "") -> EmbeddingKey:
        """Key of the embedding of an RGB plane."""
        ...

    def embed_rgb(self, rgb: NDArray[np.uint8], contrast: Contrast, plane: Any = "") -> Embedding:
        """Encode an RGB plane."""
        ...

    def predict(self, embedding: Embedding, *args: Any, **kwargs: Any) -> list[Mask]:
        """Decode the prompts of one object."""
        ...

    def iterate_many(self, embedding: Embedding, *args: Any, **kwargs: Any) -> Iterator[Mask]:
        """Decode one object for each prompt."""
        ...

    def mask_of(
        self,
        logits: NDArray[np.float32],
        size: tuple[int, int],
        score: float = ...,
        settings: PredictSettings | None = ...,
    ) -> Mask:
        """Make a mask of logits that were decoded before."""
        ...


class Embeddings:
    """Finds or makes the embedding of a plane.

    Used by one worker at a time, and by one job in the background that encodes many planes
    (`VolumeEmbedding`): whatever one of them made, the other finds.

    Parameters
    ----------
    image : array
        Anything that `Plane.extract` reads; taken not to change.
    rgb : bool
        Whether its last axis holds channels.
    predictor : PredictorLike
        The model.
    memory : MemoryStore
        Looked into first.
    store : EmbeddingStore, optional
        Looked into next, and written to.

    Attributes
    ----------
    turns : Turns
        Who may encode.
    store : EmbeddingStore or None
        None as well where the weights have no digest.
    """

    def __init__(
        self,
        image: Any,
        rgb: bool,
        predictor: PredictorLike,
        memory: MemoryStore,
        store: EmbeddingStore | None = None,
    ) -> None:
        self.predictor = predictor
        self.seconds: float | None = None
        self._image, self._rgb = image, rgb
        self._memory = memory
        # Weights without a digest cannot be told apart: nothing of them outlives the session.
        self.store = store if predictor.checkpoint is not None else None
        self.turns = Turns()
        self._keys: dict[tuple[Plane, Contrast, PixelBox | None], EmbeddingKey] = {}
        self._contrasts: dict[Plane, frozenset[Contrast]] = {}
        self._fixed: dict[tuple[Plane, Contrast], Contrast] = {}
        self._unwritten: dict[EmbeddingKey, Embedding] = {}
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # files behind a lazy array may not bear two readers

    def encoder_input(
        self, plane: Plane, contrast: Contrast, crop: PixelBox | None = None
    ) -> NDArray[np.uint8]:
        """Plane, or a crop of it, as the model sees it.

        Parameters
        ----------
        plane : Plane
            Which; only this plane is read.
        contrast : Contrast
            How values become 8-bit; what it takes from the plane it takes from all of it.
        crop : tuple of int, optional
            Half-open (row0, col0, row1, col1) of the plane.

        Returns
        -------
        ndarray of uint8, shape (rows, cols, 3)
            A new array.

        Raises
        ------
        ImageError
            If the plane cannot be shown to the model.
        """
        with self._reading:
            if crop is not None and depends_on_plane(self._image.dtype, contrast):
                contrast = self._fixed_contrast(plane, contrast)
            pixels = plane.extract(self._image, rgb=self._rgb, box=crop)
        return to_rgb(pixels, contrast)

    def get(
        self, plane: Plane, contrast: Contrast, report: Report, crop: PixelBox | None = None
    ) -> Embedding:
        """Embedding of a plane, or of a crop of it.

        Parameters
        ----------
        plane : Plane
            Which.
        contrast : Contrast
            How values become 8-bit.
        report : Report
            Told before the plane is encoded.
        crop : tuple of int, optional
            Half-open (row0, col0, row1, col1) of the plane; all of it if left out.

        Returns
        -------
        Embedding
            Whose key is that of the plane, the crop, the contrast and the checkpoint.

        Raises
        ------
        CancelledError
            If nobody waits for it any more.
        SamaraError
            What reading and encoding raise.
        """
        known = self._keys.get((plane, contrast, crop))
        found = self.find(known) if known is not None else None
        if found is not None:
            self._memory.put(found)
            return found
        rgb = self.encoder_input(plane, contrast, crop)
        key = replace(self.predictor.key(rgb, contrast, plane_name(plane)), crop=crop)
        found = self.find(key)
        if found is None:
            with self.turns.urgent():
                found = self.find(key)  # the background may have made it while this one waited
                if found is None:
                    found = replace(self._encode(rgb, contrast, plane, report), key=key)
                    self._memory.put(found)
            self._keep(found, report)
        self._memory.put(found)
        self.note(plane, contrast, key)
        return found

    def size(self, plane: Plane) -> tuple[int, int]:
        """Return (rows, cols) of a plane as shown."""
        return plane.size(self._image.shape)

    def find(self, key: EmbeddingKey) -> Embedding | None:
        """Embedding of a key, if it was made already; may be called in any thread.

        Parameters
        ----------
        key : EmbeddingKey
            As `PredictorLike.key` gives it.

        Returns
        -------
        Embedding or None
            From memory, from what waits to be written, or from the store.
        """
        with self._lock:
            unwritten = self._unwritten.get(key)
        found = self._memory.get(key) or unwritten
        return found or (self.store.get(key) if self.store is not None else None)

    def hold(self, embedding: Embedding) -> None:
        """Have `find` give an embedding that is not written yet.

        Parameters
        ----------
        embedding : Embedding
            With a key.
        """
        if embedding.key is not None:
            with self._lock:
                self._unwritten[embedding.key] = embedding

    def release(self, key: EmbeddingKey | None) -> None:
        """Hold an embedding no longer: it is written, or never will be.

        Parameters
        ----------
        key : EmbeddingKey or None
            Of it.
        """
        with self._lock:
            if key is not None:
                self._unwritten.pop(key, None)

    def note(self, plane: Plane, contrast: Contrast, key: EmbeddingKey) -> None:
        """Remember the key of a plane, which then need not be read again.

        Parameters
        ----------
        plane : Plane
            Of the image.
        contrast : Contrast
            It was encoded with.
        key : EmbeddingKey
            Under which its embedding is found; its crop counts.
        """
        with self._lock:
            self._keys[plane, contrast, key.crop] = key
            if key.crop is None:
                known = self._contrasts.get(plane, frozenset())
                self._contrasts[plane] = known | {contrast}

    def contrasts(self, plane: Plane) -> frozenset[Contrast]:
        """Return the contrasts with which a plane is known to have been encoded whole."""
        with self._lock:
            return self._contrasts.get(plane, frozenset())

    def at_hand(self, plane: Plane, contrast: Contrast, crop: PixelBox | None = None) -> bool:
        """Return whether the embedding of a plane, or of a crop of it, is in memory."""
        with self._lock:
            key = self._keys.get((plane, contrast, crop))
        return key is not None and key in self._memory

    def _fixed_contrast(self, plane: Plane, contrast: Contrast) -> Contrast:
        """Contrast with the limits of the whole plane, which is read once for that."""
        found = self._fixed.get((plane, contrast))
        if found is None:
            found = fixed(plane.extract(self._image, rgb=self._rgb), contrast)
            self._fixed[plane, contrast] = found
        return found

    def _encode(
        self, rgb: NDArray[np.uint8], contrast: Contrast, plane: Plane, report: Report
    ) -> Embedding:
        if report.cancelled():
            raise CancelledError("the plane is no longer asked for")
        where = f" {dict(plane.fixed)}" if plane.fixed else ""
        if self.seconds is None:
            self.seconds = expected_seconds(self.predictor)
        report.say(Status("encoding", f"encoding plane{where}", 0, 1, self.seconds))
        start = time.perf_counter()
        found = self.predictor.embed_rgb(rgb, contrast, plane_name(plane))
        self.seconds = time.perf_counter() - start
        remember(self.predictor, self.seconds)
        return found

    def _keep(self, found: Embedding, report: Report) -> None:
        """Write to the store; a store that fails costs time later, but not this answer."""
        if self.store is None:
            return
        try:
            self.store.put(found)
        except StoreError as error:
            report.say(Status("decoding", f"the embedding is not kept: {error}"))


def plane_name(plane: Plane) -> dict[str, Any] | str:
    """Return what the key of an embedding says of a plane; "" for a whole 2D image."""
    return plane.to_dict() if plane.fixed or plane.transposed else ""
