"""Which thread goes first where there are fewer cores than work: the one that a user looks at."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

STEPS_BEHIND = 5
"""Steps of the scheduler ("nice") that a worker stands behind."""


def stand_behind() -> None:
    """Let the other threads of this process go first, for as long as this one lives.

    Threads that it starts, those of its matrix products among them, stand behind as well.  Linux
    alone has priorities of single threads that anybody may lower; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            now = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, min(now + STEPS_BEHIND, 19))
