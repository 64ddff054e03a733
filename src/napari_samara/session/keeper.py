"""Makes lasting steps durable before they count, in the order they were taken."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.embedding import pixels_digest
from napari_samara.errors import OutputError, SessionError
from napari_samara.session.events import Status
from napari_samara.session.jobs import Job
from napari_samara.session.log import Log
from napari_samara.session.record import SavedSession, encode_start, write_session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from napari_samara.session.edits import LabelEdit
    from napari_samara.session.jobs import JobRunner, Report
    from napari_samara.session.journal import Journal
    from napari_samara.session.objects import OpenObject

# Larger images are known by name, shape and the planes that were annotated.
_HASHED = 1 << 28

# Seconds between two looks whether a step is through, while something else is being written.
_GLANCE = 0.005


def image_digest(image: Any) -> str | None:
    """Digest of the pixels of an image that is in memory and not too large.

    Parameters
    ----------
    image : array
        As the session has it.

    Returns
    -------
    str or None
        None where it would take long to read.
    """
    if isinstance(image, np.ndarray) and image.nbytes <= _HASHED:
        return pixels_digest(image)
    return None


@dataclass(frozen=True, eq=False)
class Scene:
    """What a step is saved with.

    Attributes
    ----------
    about : dict
        Entries of the session file that no label depends on.
    image, labels : array
        Read when the first step is saved.
    """

    about: Mapping[str, Any]
    image: Any
    labels: Any


class Keeper:
    """Writes steps to a journal, or to memory where there is none.

    Parameters
    ----------
    runner : JobRunner
        Does the writing, in order.
    journal : Journal or None
        Where to.
    status : callable
        Told of what cannot be written, where nobody waits for it.
    saved : SavedSession, optional
        What is gone on with.
    """

    def __init__(
        self,
        runner: JobRunner,
        journal: Journal | None,
        status: Callable[[Status], None],
        saved: SavedSession | None = None,
    ) -> None:
        self.runner = runner
        self._journal, self._status = journal, status
        self._log: Log | None = None
        self._digest: str | None = None
        self._pending = 0
        if saved is not None:
            self._begin(saved)

    def keep(
        self,
        line: Mapping[str, Any],
        scene: Scene,
        done: Callable[[], None],
        made: Sequence[LabelEdit] = (),
    ) -> None:
        """Make a step durable, then tell.

        Parameters
        ----------
        line : mapping
            As `Log.take` reads it.
        scene : Scene
            For the session file, where this is the first step.
        done : callable
            Called in the thread of the session once the line is on the disk.
        made : sequence of LabelEdit
            Edits of this step that the labels have already.
        """

        def work(_: Report) -> None:
            if self._log is None:
                self._begin(self._start(scene, made))
            self._append(line)

        self._pending += 1
        self._submit(work, done, step=True)
        # By itself, after the step was told: it may take long.
        self._submit(lambda _: self._compact(), lambda: None)

    def note(self, opened: OpenObject) -> None:
        """Write what is open into the journal, without waiting and without fail.

        Parameters
        ----------
        opened : OpenObject
            From now on.
        """

        def work(_: Report) -> None:
            if self._log is not None and self._journal is not None:
                with contextlib.suppress(OutputError, SessionError):
                    self._append({"open": opened.to_dict()}, durable=False)

        if self._journal is not None:
            self._submit(work, lambda: None)

    def save(self, path: str | os.PathLike[str], scene: Scene, opened: OpenObject) -> None:
        """Write a session file of all that was done.

        Parameters
        ----------
        path : path-like
            Where.
        scene : Scene
            As it is now.
        opened : OpenObject
            Prompts not accepted yet.
        """

        def work(_: Report) -> None:
            saved = self._log.snapshot() if self._log else self._start(scene, ())
            about = self._about(scene)
            write_session(path, replace(saved, about=about, opened=opened))

        self._submit(work, lambda: None)

    def restart(self, scene: Scene) -> None:
        """Begin anew with the type that the labels now have, steps and all.

        Parameters
        ----------
        scene : Scene
            As it is now.
        """

        def work(_: Report) -> None:
            if self._log is not None:
                saved = self._log.snapshot()
                self._begin(replace(saved, dtype=np.dtype(scene.labels.dtype).str))

        self._submit(work, lambda: None)

    def settle(self) -> None:
        """Wait until every step that was handed in has come to its end."""
        while self._pending:
            self.runner.wait(_GLANCE)

    def close(self) -> None:
        """Write what is left and let go of the folder."""
        self.runner.wait()
        if self._journal is not None:
            self._journal.close()

    def _submit(
        self, work: Callable[[Report], None], done: Callable[[], None], step: bool = False
    ) -> None:
        def came(_: object) -> None:
            self._pending -= step
            done()

        def failed(error: Exception) -> None:
            self._pending -= step
            self._status(Status("failed", str(error)))

        self.runner.submit(Job(work, came, failed, self._status))

    def _compact(self) -> None:
        if self._journal is not None and self._journal.due:
            self._journal.compact()

    def _begin(self, saved: SavedSession) -> None:
        if self._journal is not None:
            self._journal.begin(saved)
        self._log = Log.of(saved)

    def _append(self, line: Mapping[str, Any], durable: bool = True) -> None:
        assert self._log is not None  # `keep` has begun
        if self._journal is not None:
            self._journal.append(line, durable)
        self._log.take({"seq": self._log.sequence + 1, **line})

    def _start(self, scene: Scene, made: Sequence[LabelEdit]) -> SavedSession:
        """Return the session before its first step."""
        labels = scene.labels
        if made:
            labels = np.array(labels)
            for edit in reversed(made):
                edit.inverse().apply(labels)
        shape = tuple(int(size) for size in labels.shape)
        kind = np.dtype(labels.dtype).str
        return SavedSession(self._about(scene), shape, kind, encode_start(labels))

    def _about(self, scene: Scene) -> dict[str, Any]:
        """Return `scene.about` with the digest of an image that is not too large for one."""
        self._digest = self._digest or image_digest(scene.image)
        about = dict(scene.about)
        about["image"] = {**about["image"], "sha256": self._digest}
        return about
