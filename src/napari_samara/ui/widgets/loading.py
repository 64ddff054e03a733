"""Loading a checkpoint away from the main thread: progress of the download, and a way to stop."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_samara.checkpoints.transfer import Reporter
from napari_samara.errors import CancelledError
from napari_samara.session import Status
from napari_samara.ui.workers import MainThread, Task

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds between two reports of a download, and bytes of a megabyte.
_PAUSE, _MEGA = 0.1, 1_000_000


class Loader(QObject):
    """Loads one checkpoint at a time.

    Parameters
    ----------
    parent : QObject
        Whose end is the end of this.
    """

    told = Signal(object)
    """A `Status` of what is going on."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._main = MainThread(self)
        self._job: _Job | None = None

    def load(
        self,
        checkpoint: str,
        done: Callable[[Any], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Begin to load; what was being loaded is forgotten.

        Parameters
        ----------
        checkpoint : str
            As for `napari_samara.load`.
        done : callable
            Takes the predictor.
        failed : callable
            Takes the error; a `CancelledError` after `cancel`.
        """
        self._forget()
        self.told.emit(Status("loading", f"loading {checkpoint}"))
        self._job = _Job(checkpoint, self._main, self.told.emit, (done, failed))

    def cancel(self) -> None:
        """Stop a download, or forget what is being loaded."""
        job = self._job
        if job is not None:
            self._forget()
            job.failed(CancelledError(f"Loading {job.checkpoint} was stopped{job.kept}."))

    def _forget(self) -> None:
        if self._job is not None:
            self._job.stop()
            self._job = None


class _Job:
    """One checkpoint on its way."""

    def __init__(
        self,
        checkpoint: str,
        main: MainThread,
        tell: Callable[[Status], object],
        ends: tuple[Callable[[Any], object], Callable[[Exception], object]],
    ) -> None:
        from napari_samara.api import load

        self.checkpoint = checkpoint
        self.kept = ""
        self._main, self._tell = main, tell
        self.done, self.failed = ends
        self._wanted, self._told = True, 0.0
        reporter = Reporter(self._progress, lambda: not self._wanted)
        work = partial(load, checkpoint, reporter=reporter)
        self._task = Task(work, main, self.done, self.failed)

    def stop(self) -> None:
        """Have the download end at its next block, and tell nobody."""
        self._wanted = False
        self._task.cancel()

    def _progress(self, done: int, total: int) -> None:
        """Pass the progress of a download on, ten times a second; in the worker."""
        now = time.monotonic()
        if now - self._told >= _PAUSE or done == total:
            self._told = now
            self._main.deliver(partial(self._show, done // _MEGA, total // _MEGA))

    def _show(self, done: int, total: int) -> None:
        """Show the progress; in the main thread."""
        if not self._wanted:
            return
        self.kept = "; what is downloaded is kept and gone on with next time"
        if total and done >= total:  # digests are compared and weights are read now
            self._tell(Status("loading", f"loading {self.checkpoint}"))
            return
        of = f" of {total}" if total else ""
        line = f"downloading {self.checkpoint}: {done}{of} MB"
        self._tell(Status("loading", line, done, total))
