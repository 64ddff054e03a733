"""Makes lasting steps durable before they count, in the order they were taken."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import OutputError, SessionError
from napari_samara.session.events import Status
from napari_samara.session.jobs import Job
from napari_samara.session.log import Log
from napari_samara.session.record import encode_start, write_session
from napari_samara.session.restored import image_digest
from napari_samara.session.scene import take_back

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from napari_samara.session.edits import LabelEdit
    from napari_samara.session.jobs import JobRunner, Report
    from napari_samara.session.journal import Journal
    from napari_samara.session.objects import OpenObject
    from napari_samara.session.record import SavedSession
    from napari_samara.session.scene import Scene

# Seconds between two looks whether a step is through, while something else is being written.
_GLANCE = 0.005


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
    unsaved : callable, optional
        Takes why steps are not on the disk, and "" once all are: a step that cannot be written is
        then taken all the same, and written with the next one that can.  Without, it is refused.
    """

    def __init__(
        self,
        runner: JobRunner,
        journal: Journal | None,
        status: Callable[[Status], None],
        saved: SavedSession | None = None,
        unsaved: Callable[[str], None] | None = None,
    ) -> None:
        self.runner = runner
        self._journal, self._status, self._unsaved = journal, status, unsaved
        self._log: Log | None = None
        self._digest: str | None = None
        self._pending = 0
        # Whether the journal lacks steps, why, and what was told of that.
        self._behind, self._problem, self._told = False, "", ""
        # Whether no step was taken since the labels were read.
        self._blank = False
        if saved is not None:
            self._log = Log.of(saved)
            self._submit(lambda _: self._attempt(self._catch_up), lambda: None)

    def keep(
        self,
        line: Callable[[], Mapping[str, Any]],
        scene: Scene,
        done: Callable[[], None],
        made: Sequence[LabelEdit] = (),
    ) -> None:
        """Make a step durable, then tell.

        Parameters
        ----------
        line : callable
            Returns what `Log.take` reads; called where it is written.
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
            elif self._blank and made:
                self._mend(made)
            self._append(line())
            self._blank = False

        self._pending += 1
        self._submit(work, done, step=True)
        # By itself, after the step was told: it may take long.
        self._submit(lambda _: self._compact(), lambda: None)

    def note(self, opened: OpenObject, scene: Scene) -> None:
        """Write what is open into the journal, without waiting and without fail.

        Parameters
        ----------
        opened : OpenObject
            From now on.
        scene : Scene
            For the session file, where no step was taken yet.
        """

        def work(_: Report) -> None:
            if self._journal is None:
                return
            with contextlib.suppress(OutputError, SessionError):
                if self._log is None:
                    self._begin(self._start(scene, ()))
                    self._blank = True
                self._append({"open": opened.to_dict()}, durable=False)

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
            self._digest = self._digest or image_digest(scene.image)
            about = scene.described(self._digest)
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
                kind = np.dtype(scene.labels.dtype).str
                self._log.saved = replace(self._log.saved, dtype=kind)
                self._attempt(self._catch_up)

        self._submit(work, lambda: None)

    def move(self, journal: Journal | None) -> None:
        """Go on in another folder; all that was done until now is written there first.

        Parameters
        ----------
        journal : Journal or None
            None to write nothing from now on.
        """

        def work(_: Report) -> None:
            old, self._journal = self._journal, journal
            self._behind, self._problem = False, ""
            if old is not None:
                old.close()
            if self._log is not None:
                self._attempt(self._catch_up)

        self._submit(work, lambda: None)

    def settle(self) -> None:
        """Wait until every step that was handed in has come to its end."""
        while self._pending:
            self.runner.wait(_GLANCE)

    def close(self, wait: bool = True) -> None:
        """Write what is left and let go of the folder.

        Parameters
        ----------
        wait : bool
            Whether until that is done; without, only until all steps have come to their end.
        """
        if wait:
            self.runner.wait()
            self._end()
            return
        self.settle()
        with contextlib.suppress(SessionError):  # closed before
            self._submit(lambda _: self._end(), lambda: None)

    def _submit(
        self, work: Callable[[Report], None], done: Callable[[], None], step: bool = False
    ) -> None:
        def came(_: object) -> None:
            self._pending -= step
            done()
            self._tell()

        def failed(error: Exception) -> None:
            self._pending -= step
            self._status(Status("failed", str(error)))

        self.runner.submit(Job(work, came, failed, self._status))

    def _tell(self) -> None:
        """Say whether steps are not on the disk, where that has changed."""
        problem = self._problem
        if self._unsaved is not None and problem != self._told:
            self._told = problem
            self._unsaved(problem)

    def _end(self) -> None:
        if self._journal is not None:
            if self._behind:
                self._attempt(self._catch_up)
            self._journal.close()

    def _compact(self) -> None:
        if self._journal is not None and self._journal.due and not self._behind:
            self._journal.compact()

    def _begin(self, saved: SavedSession) -> None:
        if self._journal is not None:
            self._attempt(lambda: self._begun(saved))
        self._log = Log.of(saved)

    def _begun(self, saved: SavedSession) -> None:
        assert self._journal is not None  # `_begin` has looked
        self._journal.begin(saved)

    def _append(self, line: Mapping[str, Any], durable: bool = True) -> None:
        assert self._log is not None  # `keep` has begun
        if self._journal is not None:
            self._attempt(lambda: self._write(line, durable))
        self._log.take({**line, "seq": self._log.sequence + 1})

    def _write(self, line: Mapping[str, Any], durable: bool) -> None:
        """Write a line, and before it all that could not be written."""
        assert self._log is not None
        assert self._journal is not None
        if self._behind or not self._journal.begun:
            self._catch_up()
        if "redo" in line and not self._journal.can_redo:
            # The folder was begun anew since the step was undone, so it has to have it first.
            step = self._log.steps[self._log.position]
            line = {**step, **{name: line[name] for name in ("open",) if name in line}}
        self._journal.append(line, durable)

    def _catch_up(self) -> None:
        """Write all that was done as a session file."""
        if self._journal is not None and self._log is not None:
            self._journal.begin(self._log.snapshot())
            self._behind = False

    def _attempt(self, write: Callable[[], None]) -> None:
        """Write; where that fails, refuse the step or go on in memory, as was asked for."""
        try:
            write()
        except OutputError as error:
            if self._unsaved is None:
                raise OutputError(
                    f"{error}; nothing was accepted: make room and try again"
                ) from error
            self._behind, self._problem = True, str(error)
        else:
            self._problem = ""

    def _mend(self, made: Sequence[LabelEdit]) -> None:
        """Take out of the first labels what was painted while they were read."""
        assert self._log is not None
        saved = self._log.snapshot()
        labels = saved.labels_before()
        before = labels.copy()
        take_back(made, labels)
        if not np.array_equal(before, labels):
            self._begin(replace(saved, start=encode_start(labels)))

    def _start(self, scene: Scene, made: Sequence[LabelEdit]) -> SavedSession:
        self._digest = self._digest or image_digest(scene.image)
        return scene.start(self._digest, made)
