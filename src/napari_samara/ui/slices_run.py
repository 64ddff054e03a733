"""One run that encodes slices in a thread, as the window sees it; no Qt but the way back."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from napari_samara.ui.running import started
from napari_samara.ui.workers import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.session.volume_embedding import VolumeEmbedding
    from napari_samara.session.volume_progress import Embedded, VolumeProgress
    from napari_samara.ui.workers import MainThread

# Seconds between two lines of progress: slices that are found in the store come very fast.
_PACE = 0.1


class SlicesRun:
    """Encodes slices until all are done or it is told to end; made for one run.

    Parameters
    ----------
    job : VolumeEmbedding
        What is done.
    main : MainThread
        Where the callables are called.
    told : callable
        Takes a `VolumeProgress` now and then.
    done : callable
        Takes the `Embedded`.
    failed : callable
        Takes the error; a `CancelledError` after `leave`.
    """

    def __init__(
        self,
        job: VolumeEmbedding,
        main: MainThread,
        told: Callable[[VolumeProgress], object],
        done: Callable[[Embedded], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self.job = job
        self._main, self._told = main, told
        self._ending = threading.Event()
        self._last = 0.0
        run = partial(job.run, self._progress, self._ending.is_set)
        self._task = Task(run, main, done, failed)
        started(self, self._task)

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self._ending.is_set()

    def leave(self) -> None:
        """End after the batch that is in the encoder; what is encoded by then is kept."""
        self._ending.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        """
        self._task.join(timeout)

    def _progress(self, at: VolumeProgress) -> None:
        """Pass progress on, in the worker, not too often."""
        now = time.monotonic()
        if now - self._last >= _PACE or at.done == at.total:
            self._last = now
            self._main.deliver(partial(self._told, at))
