"""What is known of slices: from the session, from its store, and from a run that is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_samara.ui.workers import Latest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_samara.planes import Plane
    from napari_samara.session import Session
    from napari_samara.session.volume_embedding import VolumeEmbedding
    from napari_samara.ui.volume import Volume
    from napari_samara.ui.workers import MainThread

# State of a job or a session -> as the user reads it.
_SAID = {"found": "encoded", "queued": "not encoded"}


class SliceStates:
    """Keeps what the store was found to have; the disk is read in a worker.

    Parameters
    ----------
    main : MainThread
        Where `told` is called.
    told : callable
        Called when more is known.
    """

    def __init__(self, main: MainThread, told: Callable[[], object]) -> None:
        self._told = told
        self._kept: dict[Plane, str] = {}
        self._looked: Any = None
        self._looking = Latest(main, self._on_kept, lambda _: None)

    def forget(self) -> None:
        """Look at the store anew the next time."""
        self._looking.cancel()
        self._kept, self._looked = {}, None

    def look(self, session: Session, volume: Volume) -> None:
        """Find out what the store has of a volume, unless that is known.

        Parameters
        ----------
        session : Session
            With a store, or without.
        volume : Volume
            Slices in all three directions are looked for.
        """
        rest = [(axis, at) for axis, at in volume.plane.fixed if axis != volume.along]
        spatial = frozenset({*volume.plane.displayed, volume.along})
        looked = (spatial, tuple(rest), session.contrast)
        if looked != self._looked:
            self._looked, self._kept = looked, {}
            self._looking.ask(session.kept_reader(volume.three_ways))

    def of(
        self, session: Session, planes: Sequence[Plane], job: VolumeEmbedding | None
    ) -> tuple[str, ...]:
        """States of planes for the user.

        Parameters
        ----------
        session : Session
            Whose embeddings they are.
        planes : sequence of Plane
            In order.
        job : VolumeEmbedding or None
            That is under way.

        Returns
        -------
        tuple of str
            As `slice_marks` names them.
        """
        known, running = session.slice_states(planes), {} if job is None else job.states
        return tuple(self._one(known, running, plane) for plane in planes)

    def missing(self, session: Session, planes: Sequence[Plane]) -> tuple[Plane, ...]:
        """Return the planes that are not known to be encoded.

        Parameters
        ----------
        session : Session
            Whose embeddings they are.
        planes : sequence of Plane
            In order.
        """
        known = session.slice_states(planes)
        return tuple(plane for plane in planes if self._one(known, {}, plane) != "encoded")

    def _one(self, known: dict[Plane, str], running: dict[Plane, str], plane: Plane) -> str:
        now = running.get(plane)
        if now in ("encoded", "found", "encoding", "failed"):
            return _SAID.get(now, now)
        states = {known[plane], self._kept.get(plane, "queued")}
        if "encoded" in states:
            return "encoded"
        if "stale" in states:
            return "stale"
        return "queued" if now is not None else "not encoded"

    def _on_kept(self, found: dict[Plane, str]) -> None:
        self._kept = found
        self._told()
