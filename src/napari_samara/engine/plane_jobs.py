"""Many planes encoded: the next ones are read while one is encoded and the last one is written."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from napari_samara.engine.plane_order import PlaneOrder
from napari_samara.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_samara.embedding import Embedding
    from napari_samara.engine.encoding import EncoderInput
    from napari_samara.planes import Plane

QUEUED, ENCODING, ENCODED, FOUND, FAILED = "queued", "encoding", "encoded", "found", "failed"
"""States of a plane; the last three are final."""

_READING = "reading"

# Seconds after which a job that waits for its threads looks whether it is still wanted.
_LOOK = 0.1


class PlaneWork(Protocol):
    """What is done with each plane; an engine knows neither images nor stores."""

    @property
    def batch(self) -> int:
        """Planes that are encoded together at most."""
        ...

    def read(self, plane: Plane) -> EncoderInput | None:
        """Read and prepare a plane, in a reader thread; None where it needs no encoding."""
        ...

    def encode(self, inputs: Sequence[EncoderInput]) -> list[Embedding]:
        """Encode planes, in the thread of the job."""
        ...

    def keep(self, plane: Plane, embedding: Embedding) -> None:
        """Write an embedding, in a writer thread."""
        ...


@dataclass(frozen=True)
class PlaneEnd:
    """What became of a plane.

    Attributes
    ----------
    plane : Plane
        Which.
    state : str
        ``"encoded"`` and kept, ``"found"`` (there already) or ``"failed"``.
    error : Exception or None
        Why it failed.
    """

    plane: Plane
    state: str
    error: Exception | None = None


class PlaneJob:
    """Encodes planes in the order of interest; made for one run.

    Parameters
    ----------
    planes : iterable of Plane
        All there are.
    work : PlaneWork
        What is done with each.
    readers : int
        Threads that read and prepare planes.
    """

    def __init__(self, planes: Iterable[Plane], work: PlaneWork, readers: int = 1) -> None:
        self._work, self._readers = work, readers
        self._states = dict.fromkeys(planes, QUEUED)
        self._order = PlaneOrder(self._states)
        self._changed = threading.Condition()
        self._ready: dict[Plane, EncoderInput] = {}
        self._ends: list[PlaneEnd] = []
        self._focus: Plane | None = None
        self._reading = 0
        self._stopped = False
        self._broken: Exception | None = None
        self._to_keep: queue.Queue[tuple[Plane, Embedding] | None] = queue.Queue()

    @property
    def states(self) -> dict[Plane, str]:
        """State of every plane, in the order they were given; from any thread."""
        with self._changed:
            return {
                plane: QUEUED if state == _READING else state
                for plane, state in self._states.items()
            }

    def focus(self, plane: Plane) -> None:
        """Say which plane is looked at: it is the next one, then those around it.

        Parameters
        ----------
        plane : Plane
            Need not be one of the job.
        """
        with self._changed:
            self._order.focus(plane)
            self._focus = plane
            self._changed.notify_all()

    def run(
        self, told: Callable[[PlaneEnd], None], cancelled: Callable[[], bool] | None = None
    ) -> None:
        """Encode all planes; returns when the last one is kept.

        Parameters
        ----------
        told : callable
            Called in this thread with the end of each plane.
        cancelled : callable, optional
            Asked between batches.

        Raises
        ------
        CancelledError
            If `cancelled` said so; what was encoded until then is kept.
        SamaraError
            What encoding and keeping raise.  A plane that cannot be read fails by itself.
        """
        threads = [
            threading.Thread(target=self._read_planes, name=f"samara-reader-{n}", daemon=True)
            for n in range(self._readers)
        ]
        writer = threading.Thread(target=self._keep_planes, name="samara-writer", daemon=True)
        for thread in (*threads, writer):
            thread.start()
        try:
            self._encode_planes(told, cancelled or (lambda: False))
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
            self._to_keep.put(None)
            for thread in (*threads, writer):
                thread.join()
        self._tell(told)
        if self._broken is not None:
            raise self._broken

    def _encode_planes(
        self, told: Callable[[PlaneEnd], None], cancelled: Callable[[], bool]
    ) -> None:
        """Take what is ready, until nothing is left to be read, encoded or kept."""
        left = len(self._states)
        while left:
            left -= self._tell(told)
            if cancelled():
                done = len(self._states) - left
                raise CancelledError(f"cancelled after {done} of {len(self._states)} planes")
            with self._changed:
                if self._broken is not None:
                    return
                batch = self._next_batch()
                if not batch:
                    if not self._ends:
                        self._changed.wait(_LOOK)
                    continue
            planes = list(batch)
            found = self._work.encode([batch[plane] for plane in planes])
            for kept in zip(planes, found, strict=True):
                self._to_keep.put(kept)

    def _next_batch(self) -> dict[Plane, EncoderInput]:
        """Return the planes to encode now, those of most interest; none while one must wait."""
        urgent = self._focus
        if urgent is not None and urgent in self._ready:
            chosen = [urgent]  # alone: whoever looks at it waits for nothing else
        elif urgent is not None and self._to_come(urgent):
            return {}
        elif self._to_keep.qsize() > self._ahead:
            return {}  # a disk slower than the encoder must not fill the memory
        else:
            chosen = sorted(self._ready, key=self._order.rank)[: self._work.batch]
        for plane in chosen:
            self._states[plane] = ENCODING
        self._changed.notify_all()  # there is room for readers
        return {plane: self._ready.pop(plane) for plane in chosen}

    def _tell(self, told: Callable[[PlaneEnd], None]) -> int:
        """Tell of the planes that have come to an end, and count them."""
        with self._changed:
            ends, self._ends = self._ends, []
        for end in ends:
            told(end)
        return len(ends)

    def _to_come(self, plane: Plane) -> bool:
        """Whether a plane is not ready yet and will be."""
        return plane in self._order or self._states.get(plane) == _READING

    @property
    def _ahead(self) -> int:
        """Planes that are read, or wait to be written, while others are encoded."""
        return 2 * self._work.batch + self._readers - 1

    def _may_read(self) -> bool:
        """Whether a reader has something to do."""
        urgent = self._focus is not None and self._focus in self._order
        return self._stopped or urgent or len(self._ready) + self._reading < self._ahead

    def _read_planes(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._may_read)
                plane = None if self._stopped else self._order.take()
                if plane is None:
                    return
                self._states[plane] = _READING
                self._reading += 1
            error: Exception | None = None
            given = None
            try:
                given = self._work.read(plane)
            except Exception as failure:  # told with the plane; the others go on
                error = failure
            with self._changed:
                self._reading -= 1
                if given is not None:
                    self._states[plane] = QUEUED
                    self._ready[plane] = given
                else:
                    self._end(plane, FOUND if error is None else FAILED, error)
                self._changed.notify_all()

    def _keep_planes(self) -> None:
        while (kept := self._to_keep.get()) is not None:
            if self._broken is not None:
                continue
            try:
                self._work.keep(*kept)
            except Exception as failure:  # raised in the thread of the job
                with self._changed:
                    self._broken = failure
                    self._changed.notify_all()
            else:
                with self._changed:
                    self._end(kept[0], ENCODED)
                    self._changed.notify_all()

    def _end(self, plane: Plane, state: str, error: Exception | None = None) -> None:
        self._states[plane] = state
        self._ends.append(PlaneEnd(plane, state, error))
