"""The slices of a volume encoded into a store, in the background or for their own sake."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_samara.engine.encode_times import expected_seconds, remember
from napari_samara.engine.plane_jobs import ENCODED, FAILED, FOUND, PlaneJob
from napari_samara.errors import ImageError, StoreError
from napari_samara.session.embedding_estimate import Estimate, estimate
from napari_samara.session.embeddings import plane_name
from napari_samara.session.volume_progress import Embedded, VolumeProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_samara.embedding import Embedding
    from napari_samara.engine.encoding import BatchEncoder, EncoderInput
    from napari_samara.engine.plane_jobs import PlaneEnd
    from napari_samara.intensity import Contrast
    from napari_samara.masks import PixelBox
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings

STALE = "stale"
"""State of a slice that is queued and was encoded with another contrast before."""

# Planes whose times make up the time that is left.
_RECENT = 16

# Threads that read and prepare planes for a GPU, at most; a CPU encodes with its own cores.
_READERS = 4


class VolumeEmbedding:
    """Encodes planes into the store of a session, a few at a time; made for one run.

    A plane counts once it is in the store: after a cancel or a kill, another run goes on behind
    the last one.  Every plane is read once, hashed, and encoded only if its key is not in the
    store; so a changed slice is encoded anew and the others are not.  `focus` may be called from
    any thread while it runs, and whoever needs a plane at once takes it from the same
    `Embeddings`: that waits for the batch under way and for nothing else.

    Parameters
    ----------
    embeddings : Embeddings
        Image, model and store.
    planes : sequence of Plane
        All to be encoded, each once.
    contrast : Contrast
        How values become 8-bit; see `volume_contrast` for one that fits all slices.
    batch : int, optional
        Planes encoded together; as many as help and fit where left out.

    Raises
    ------
    StoreError
        If there is no store, or the weights have no digest by which they could be told apart.
    ImageError
        If there is no plane, or one lies outside the image.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        planes: Sequence[Plane],
        contrast: Contrast,
        batch: int | None = None,
    ) -> None:
        if embeddings.store is None:
            raise StoreError(
                "embeddings of a volume need a store, and weights with a digest: give a folder, "
                "and load the checkpoint by its name or path"
            )
        if not planes:
            raise ImageError("there is no plane to encode: the volume is empty along that axis")
        self.embeddings, self.contrast = embeddings, contrast
        self.planes = tuple(dict.fromkeys(planes))
        self._batch = batch
        self._encoder: BatchEncoder | None = None
        self._counts = dict.fromkeys((ENCODED, FOUND, FAILED), 0)
        self._times: deque[float] = deque(maxlen=_RECENT)
        self._ended: deque[float] = deque(maxlen=_RECENT)
        self._seconds = 0.0
        self._first_failure: PlaneEnd | None = None
        cores = min(_READERS, os.cpu_count() or 1)
        on_cpu = embeddings.predictor.device.device == "cpu"
        self._job = PlaneJob(self.planes, self, readers=1 if on_cpu else cores)

    @property
    def states(self) -> dict[Plane, str]:
        """State of every plane: queued, stale, encoding, encoded, found or failed."""
        states = self._job.states
        for plane, state in states.items():
            if state == "queued" and self.embeddings.contrasts(plane) - {self.contrast}:
                states[plane] = STALE
        return states

    def estimate(self) -> Estimate:
        """Estimate time, disk and memory, before anything is begun.

        Returns
        -------
        Estimate
            For all planes; those in the store already take no time.
        """
        return estimate(self.embeddings.predictor, self.embeddings.store, self.planes)

    def focus(self, plane: Plane) -> None:
        """Encode the plane looked at next, then those around it, first in the scroll direction.

        Parameters
        ----------
        plane : Plane
            Need not be one of the job.
        """
        self._job.focus(plane)

    def run(
        self,
        progress: Callable[[VolumeProgress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Embedded:
        """Encode what is not in the store; call it in a worker where a user goes on working.

        Parameters
        ----------
        progress : callable, optional
            Told of every plane, in this thread.
        cancelled : callable, optional
            Asked between batches; what is encoded by then is kept.

        Returns
        -------
        Embedded
            What was done.

        Raises
        ------
        CancelledError
            If `cancelled` said so.
        ImageError
            If planes could not be read: the others are encoded first.
        StoreError
            If the store cannot be written to.
        OutOfMemoryError
            If there is no memory for one plane.
        """
        from napari_samara.engine.encoding import BatchEncoder

        start = time.perf_counter()
        predictor: Any = self.embeddings.predictor
        self._encoder = BatchEncoder(predictor, self._batch)
        self._seconds = expected_seconds(predictor) or 0.0

        def told(end: PlaneEnd) -> None:
            self._counts[end.state] += 1
            if end.state == ENCODED:
                self._ended.append(time.perf_counter())
            if end.state == FAILED and self._first_failure is None:
                self._first_failure = end
            if progress is not None:
                progress(self._progress(end))

        self._job.run(told, cancelled)
        if self._times and self._encoder.size == 1:
            remember(predictor, sum(self._times) / len(self._times))
        self._check_failures()
        seconds = time.perf_counter() - start
        counts = self._counts
        return Embedded(len(self.planes), counts[ENCODED], counts[FOUND], self.contrast, seconds)

    def place(self, plane: Plane) -> tuple[Plane, PixelBox | None]:
        """Return which plane of the image is encoded, and which crop; here all of it."""
        return plane, None

    # What the job asks for, in threads of its own

    @property
    def batch(self) -> int:
        """Planes that are encoded together at most."""
        return self._encoder.size if self._encoder is not None else 1

    def read(self, plane: Plane) -> EncoderInput | None:
        """Read a plane and prepare it; None where it is in the store."""
        from napari_samara.engine.encoding import prepare

        predictor: Any = self.embeddings.predictor
        where, crop = self.place(plane)
        rgb = self.embeddings.encoder_input(where, self.contrast, crop)
        key = replace(predictor.key(rgb, self.contrast, plane_name(where)), crop=crop)
        if self._kept(key):
            self.embeddings.note(where, self.contrast, key)
            return None
        return prepare(predictor, rgb, key)

    def encode(self, inputs: Sequence[EncoderInput]) -> list[Embedding]:
        """Encode planes, but for those that somebody else has encoded since they were read."""
        assert self._encoder is not None  # `run` makes it
        with self.embeddings.turns.patient():
            known = {given.key: self.embeddings.find(given.key) for given in inputs}
            missing = [given for given in inputs if known[given.key] is None]
            start = time.perf_counter()
            made = self._encoder.encode(missing) if missing else []
            if made:
                self._times.append((time.perf_counter() - start) / len(made))
            for embedding in made:
                self.embeddings.hold(embedding)
        fresh = {embedding.key: embedding for embedding in made}
        return [known[given.key] or fresh[given.key] for given in inputs]

    def keep(self, plane: Plane, embedding: Embedding) -> None:
        """Write an embedding."""
        assert self.embeddings.store is not None  # seen to at birth
        try:
            self.embeddings.store.put(embedding)
        finally:
            self.embeddings.release(embedding.key)
        if embedding.key is not None:
            self.embeddings.note(self.place(plane)[0], self.contrast, embedding.key)

    def _kept(self, key: Any) -> bool:
        """Whether an embedding is in the store, where memory alone is not enough."""
        return self.embeddings.store is not None and key in self.embeddings.store

    def _progress(self, end: PlaneEnd) -> VolumeProgress:
        done, total = sum(self._counts.values()), len(self.planes)
        each = self._each()
        left = each * (total - done) if each > 0 else None
        return VolumeProgress(
            end.plane,
            end.state,
            done,
            total,
            self._counts[ENCODED],
            self._counts[FOUND],
            self._counts[FAILED],
            left,
        )

    def _each(self) -> float:
        """Seconds from one encoded plane to the next: lately, or by what is known."""
        ended, times = list(self._ended), list(self._times)
        if len(ended) > 2:  # with the time for reading and writing
            return (ended[-1] - ended[0]) / (len(ended) - 1)
        return sum(times) / len(times) if times else self._seconds

    def _check_failures(self) -> None:
        first, count = self._first_failure, self._counts[FAILED]
        if first is not None:
            raise ImageError(
                f"{count} of {len(self.planes)} planes could not be read, the first at "
                f"{dict(first.plane.fixed)}: {first.error}; the others are in the store"
            ) from first.error
