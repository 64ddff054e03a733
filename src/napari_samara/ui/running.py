"""Long work in threads, which the end of the program waits for: no half-done step is left."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from napari_samara.ui.workers import Task

# Seconds that the end of the program waits for work to let go of its files.
_FAREWELL = 10.0


class Leaves(Protocol):
    """Work that can be told to end."""

    def leave(self) -> None:
        """End after this step."""
        ...


_running: dict[Leaves, Task] = {}


def started(job: Leaves, task: Task) -> None:
    """Note work, so that the program does not end in the middle of a step.

    Parameters
    ----------
    job : Leaves
        What is done.
    task : Task
        Its thread.
    """
    for old in [old for old, thread in _running.items() if not thread.alive]:
        del _running[old]
    _running[job] = task


@atexit.register
def let_them_end(timeout: float = _FAREWELL) -> None:
    """Have all work end after its step, and wait for that.

    Parameters
    ----------
    timeout : float
        Seconds, for each.
    """
    for job in _running:
        job.leave()
    for task in _running.values():
        task.join(timeout)
