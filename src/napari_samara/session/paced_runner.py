"""Decoding while prompts change quickly: the first change at once, then when they come to rest."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_samara.errors import CancelledError
from napari_samara.session.decoder import LIVE
from napari_samara.session.thread_runner import ThreadRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.session.jobs import Job, Report
    from napari_samara.session.thread_runner import Deliver

PAUSE = 0.04
"""Seconds without a change after which prompts count as being at rest."""

# Seconds after which a job that waits looks again whether it is still wanted.
_LOOK = 0.005


class PacedRunner(ThreadRunner):
    """Worker thread of a session that a hand draws in.

    A click is decoded at once.  Of changes that follow each other within the pause only the last
    is decoded, the pause after it came; what was found for earlier ones is dropped.

    Parameters
    ----------
    deliver : callable, optional
        As for `ThreadRunner`.
    name : str
        Of the thread.
    pause : float
        Seconds.
    """

    def __init__(
        self, deliver: Deliver | None = None, name: str = "samara-worker", pause: float = PAUSE
    ) -> None:
        super().__init__(deliver, name)
        self._pause = pause
        self._last = float("-inf")

    def submit(self, job: Job) -> None:
        """Queue a job; one that decodes the open object waits while others follow.

        Parameters
        ----------
        job : Job
            As for `ThreadRunner`.

        Raises
        ------
        SessionError
            If the runner is closed.
        """
        if job.lane == LIVE:
            now = time.monotonic()
            rest, self._last = self._last + self._pause, now
            if now < rest:
                job = replace(job, work=partial(_at_rest, job.work, now + self._pause))
        super().submit(job)


def _at_rest(work: Callable[[Report], Any], until: float, report: Report) -> Any:
    """Work once the time has come, unless something newer is asked for by then."""
    while (left := until - time.monotonic()) > 0:
        if report.cancelled():
            raise CancelledError("newer prompts are to be decoded")
        time.sleep(min(left, _LOOK))
    return work(report)
