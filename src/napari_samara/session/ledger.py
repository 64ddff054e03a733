"""The steps of a session in memory and in its journal; used by the one thread that writes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.errors import OutputError, SessionError
from napari_samara.session.label_runs import blocks_of_runs, encode_blocks, without_edits
from napari_samara.session.log import BESIDE, Log
from napari_samara.session.record import write_session
from napari_samara.session.restored import image_digest

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from napari_samara.session.edits import Edits, LabelEdit
    from napari_samara.session.held import Held
    from napari_samara.session.journal import Journal
    from napari_samara.session.record import SavedSession
    from napari_samara.session.scene import Scene


class Ledger:
    """Writes steps to a journal, or to memory where there is none.

    Parameters
    ----------
    journal : Journal or None
        Where to.
    saved : SavedSession or None
        What is gone on with.
    must_save : bool
        Whether a step that cannot be written is refused.  Without, it is taken all the same, and
        written with the next one that can.

    Attributes
    ----------
    problem : str
        Why steps are not on the disk; "" where all are.
    """

    def __init__(
        self, journal: Journal | None, saved: SavedSession | None, must_save: bool
    ) -> None:
        self.problem = ""
        self._journal, self._must_save = journal, must_save
        self._log = Log.of(saved) if saved is not None else None
        self._digest: str | None = None
        self._behind = False  # whether the journal lacks steps
        # Edits since the first labels were read, until a stroke that may have been under way then.
        self._unsure: list[LabelEdit] | None = None

    def add(self, step: Mapping[str, Any], held: Held, scene: Scene, edits: Edits) -> None:
        """Make a step durable.

        Parameters
        ----------
        step : mapping
            As `Log.take` reads it.
        held : Held
            What is not accepted yet, from then on.
        scene : Scene
            What it is saved with.
        edits : Edits
            What the step does to the labels.

        Raises
        ------
        OutputError
            If it cannot be written and must be.
        SessionError
            If the journal is closed.
        """
        if self._log is None:
            self._begin(self._start(scene, edits.edits if edits.made else ()))
            self._unsure = list(edits.edits)
        elif self._unsure is not None:
            self._unsure += edits.edits
            if edits.made:
                self._mend(self._unsure)
                self._unsure = None
        self._append(step, held, scene)

    def note(self, held: Held, scene: Scene) -> None:
        """Write what is not accepted yet, if that can be done.

        Parameters
        ----------
        held : Held
            From now on.
        scene : Scene
            What it is saved with.
        """
        if self._journal is None:
            return
        with contextlib.suppress(OutputError, SessionError):
            if self._log is None:
                self._begin(self._start(scene, ()))
                self._unsure = []
            self._append({}, held, scene, durable=False)

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

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        saved = self._log.snapshot() if self._log else self._start(scene, ())
        self._digest = self._digest or image_digest(scene.image)
        write_session(path, replace(saved, about=scene.described(self._digest), held=held))

    def retype(self, scene: Scene) -> None:
        """Begin anew with the type that the labels now have, steps and all.

        Parameters
        ----------
        scene : Scene
            As it is now.

        Raises
        ------
        OutputError
            If it cannot be written and must be.
        """
        if self._log is not None:
            kind = np.dtype(scene.labels.dtype).str
            self._log.saved = replace(self._log.saved, dtype=kind)
            self.catch_up()

    def move(self, journal: Journal | None) -> None:
        """Go on in another folder, which first gets all that was done until now.

        Parameters
        ----------
        journal : Journal or None
            None to write nothing from now on.

        Raises
        ------
        OutputError
            If it cannot be written and must be.
        """
        old, self._journal = self._journal, journal
        self._behind, self.problem = False, ""
        if old is not None:
            old.close()
        self.catch_up()

    def catch_up(self) -> None:
        """Write all that was done as a session file.

        Raises
        ------
        OutputError
            If it cannot be written and must be.
        """
        self._attempt(self._catch_up)

    def compact(self) -> None:
        """Write the session file anew where the journal has become long."""
        if self._journal is not None and self._journal.due and not self._behind:
            self._journal.compact()

    def close(self) -> None:
        """Write what is left and let go of the folder.

        Raises
        ------
        OutputError
            If it cannot be written and must be.
        """
        if self._journal is not None:
            if self._behind:
                self.catch_up()
            self._journal.close()

    def _begin(self, saved: SavedSession) -> None:
        journal = self._journal
        if journal is not None:
            self._attempt(lambda: journal.begin(saved))
        self._log = Log.of(saved)

    def _append(
        self, step: Mapping[str, Any], held: Held, scene: Scene, durable: bool = True
    ) -> None:
        assert self._log is not None  # `add` has begun
        saved = self._log.saved
        line = {**step, **held.entries(saved.held), **scene.news(saved.about)}
        if self._journal is not None:
            self._attempt(lambda: self._write(line, durable, held))
        self._log.take({**line, "seq": self._log.sequence + 1}, held)

    def _write(self, line: Mapping[str, Any], durable: bool, held: Held) -> None:
        """Write a line, and before it all that could not be written."""
        assert self._log is not None
        assert self._journal is not None
        if self._behind or not self._journal.begun:
            self._catch_up()
        if "redo" in line and not self._journal.can_redo:
            # The folder was begun anew since the step was undone, so it has to have it first.
            step = self._log.steps[self._log.position]
            line = {**step, **{name: line[name] for name in BESIDE if name in line}}
        self._journal.append(line, durable, held)

    def _catch_up(self) -> None:
        if self._journal is not None and self._log is not None:
            self._journal.begin(self._log.snapshot())
            self._behind = False

    def _attempt(self, write: Callable[[], None]) -> None:
        """Write; where that fails, refuse the step or go on in memory, as was asked for."""
        try:
            write()
        except OutputError as error:
            if self._must_save:
                raise OutputError(
                    f"{error}; nothing was accepted: make room and try again"
                ) from error
            self._behind, self.problem = True, str(error)
        else:
            self.problem = ""

    def _mend(self, made: Sequence[LabelEdit]) -> None:
        """Take out of the first labels what was being painted while they were read."""
        assert self._log is not None
        saved = self._log.snapshot()
        blocks = blocks_of_runs(saved.start, saved.shape, saved.dtype)
        start = encode_blocks(without_edits(blocks, made))
        if start != saved.start:
            self._begin(replace(saved, start=start))

    def _start(self, scene: Scene, made: Sequence[LabelEdit]) -> SavedSession:
        self._digest = self._digest or image_digest(scene.image)
        return scene.start(self._digest, made)
