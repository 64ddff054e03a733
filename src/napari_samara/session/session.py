"""One annotation of one image: prompts in, candidates shown, objects accepted into labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.session.tidying import TidySession

if TYPE_CHECKING:
    import os

    from napari_samara.session.change import Change
    from napari_samara.session.journal import Journal


class Session(TidySession):
    """One annotation; used from one thread, which owns it.

    Every verb can be undone.  With a runner that works elsewhere (`ThreadRunner`), masks come
    later and an accepted object counts once it is on the disk: `events` tell.

    Parameters
    ----------
    image : array
        Anything that can be indexed and has `ndim`, `shape` and `dtype` (NumPy, dask, zarr); of a
        lazy array only the planes looked at are read.  Taken not to change meanwhile.
    predictor : PredictorLike
        As `napari_samara.load` returns it.
    rgb : bool
        Whether the last axis of the image holds channels.
    store : EmbeddingStore, optional
        Keeps embeddings beyond the session.
    contrast : Contrast, optional
        How intensities become what the model sees.
    settings : PredictSettings, optional
        Threshold and clean-up of masks.
    runner : JobRunner, optional
        Where work is done, for this session alone.  Left out, in the calling thread: every call
        returns with its result.
    labels : array of int, optional
        Written in place; of the shape of the image without channels.  New zeros if left out.
    journal : path-like or Journal, optional
        Folder in which every accepted object is made durable.
    source : str, optional
        Where the image came from, for the saved session.
    saved : SavedSession or Restored, optional
        What to go on with, as `recover` returns it; labels that are given are filled with what
        they were then.
    must_save : bool
        Whether a step that cannot be written to the journal is refused.  Without, it counts all
        the same: `events.unsaved` says why it is not on the disk, and it is written with the next
        step that can be.

    Raises
    ------
    ImageError
        If the image, the labels and what was saved do not fit each other.
    SessionError
        If the folder of the journal is in use or holds another annotation.
    OutputError
        If it cannot be written to.
    """

    # History

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.last is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return self._history.next is not None

    def undo(self) -> bool:
        """Take the last step back, whatever it was; return whether there was one."""
        self._settle()
        step = self._history.last
        if step is not None:
            self._commit(step.inverse(), self._stepped_back, {"undo": 1})
        return step is not None

    def redo(self) -> bool:
        """Do the step taken back last again; return whether there was one."""
        self._settle()
        step = self._history.next
        if step is not None:
            self._commit(step, lambda _: self._history.step_forward(), {"redo": 1})
        return step is not None

    # The end

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a session file, from which `replay` makes the same labels.

        Parameters
        ----------
        path : path-like
            ``.samara.json`` by custom; appears whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written, with the inline runner; otherwise `status` tells.
        """
        self._settle()
        self._keeper.save(path, self._scene(), self._held())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; results are delivered in this call.

        Parameters
        ----------
        timeout : float, optional
            Seconds for each of reading and writing; without end if left out.

        Returns
        -------
        bool
            False where time was over before.
        """
        return self._keeper.runner.wait(timeout) and self._runner.wait(timeout)

    def move_journal(self, journal: Journal | None) -> None:
        """Go on saving in another folder; all that was done until now is written there first.

        Parameters
        ----------
        journal : Journal or None
            None to write nothing from now on.
        """
        self._settle()
        self._keeper.move(journal)
        self._keeper.note(self._held(), self._scene())

    def close(self, wait: bool = True) -> None:
        """Finish what is being written and end the workers.

        Parameters
        ----------
        wait : bool
            Whether until that is done.  Without, this returns once every accepted object is on
            the disk; the rest is written, and the workers end, by themselves.
        """
        self._keeper.close(wait)
        self._runner.close(wait)
        if self._stored is not None:
            self._stored.release()

    def _stepped_back(self, change: Change) -> None:
        """Go back in the history; a label that is free again is given out again."""
        self._history.step_back()
        if change.lasting:
            self._book.recount()
