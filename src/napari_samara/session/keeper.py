"""Makes lasting steps durable before they count, in the order they were taken."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_samara.errors import SessionError
from napari_samara.session.events import Status
from napari_samara.session.jobs import Job
from napari_samara.session.ledger import Ledger

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from napari_samara.session.edits import Edits
    from napari_samara.session.held import Held
    from napari_samara.session.jobs import JobRunner
    from napari_samara.session.journal import Journal
    from napari_samara.session.record import SavedSession
    from napari_samara.session.scene import Scene

# Seconds between two looks whether a step is through, while something else is being written.
_GLANCE = 0.005


class Keeper:
    """Has a ledger written away from the thread of the session.

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
        self._status, self._unsaved = status, unsaved
        self._ledger = Ledger(journal, saved, must_save=unsaved is None)
        self._pending = 0
        self._told = ""
        if saved is not None:
            self._submit(self._ledger.catch_up)

    def keep(
        self,
        step: Callable[[], Mapping[str, Any]],
        held: Held,
        scene: Scene,
        done: Callable[[], None],
        edits: Edits,
    ) -> None:
        """Make a step durable, then tell.

        Parameters
        ----------
        step : callable
            Returns the step as `Log.take` reads it; called where it is written.
        held : Held
            What is not accepted yet, from then on.
        scene : Scene
            What it is saved with.
        done : callable
            Called in the thread of the session once the step is on the disk.
        edits : Edits
            What the step does to the labels.
        """
        self._pending += 1
        self._submit(lambda: self._ledger.add(step(), held, scene, edits), done, step=True)
        # By itself, after the step was told: it may take long.
        self._submit(self._ledger.compact)

    def note(self, held: Held, scene: Scene) -> None:
        """Write what is not accepted yet into the journal, without waiting and without fail.

        Parameters
        ----------
        held : Held
            From now on.
        scene : Scene
            What it is saved with.
        """
        self._submit(partial(self._ledger.note, held, scene))

    def save(self, path: str | os.PathLike[str], scene: Scene, held: Held) -> None:
        """Write a session file of all that was done.

        Parameters
        ----------
        path : path-like
            Where.
        scene : Scene
            As it is now.
        held : Held
            Prompts not accepted yet.
        """
        self._submit(partial(self._ledger.save, path, scene, held))

    def restart(self, scene: Scene) -> None:
        """Begin anew with the type that the labels now have, steps and all.

        Parameters
        ----------
        scene : Scene
            As it is now.
        """
        self._submit(partial(self._ledger.retype, scene))

    def move(self, journal: Journal | None) -> None:
        """Go on in another folder; all that was done until now is written there first.

        Parameters
        ----------
        journal : Journal or None
            None to write nothing from now on.
        """
        self._submit(partial(self._ledger.move, journal))

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
            self._ledger.close()
            return
        self.settle()
        with contextlib.suppress(SessionError):  # closed before
            self._submit(self._ledger.close)

    def _submit(
        self,
        work: Callable[[], None],
        done: Callable[[], None] | None = None,
        step: bool = False,
    ) -> None:
        def came(_: object) -> None:
            self._pending -= step
            if done is not None:
                done()
            self._tell()

        def failed(error: Exception) -> None:
            self._pending -= step
            self._status(Status("failed", str(error)))

        self.runner.submit(Job(lambda _: work(), came, failed, self._status))

    def _tell(self) -> None:
        """Say whether steps are not on the disk, where that has changed."""
        problem = self._ledger.problem
        if self._unsaved is not None and problem != self._told:
            self._told = problem
            self._unsaved(problem)
