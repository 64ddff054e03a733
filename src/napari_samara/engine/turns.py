"""Who encodes next, where a user who waits and a long job share one device."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Turns:
    """One at a time; whoever a user waits for goes before a job in the background.

    An encoder cannot be interrupted: an urgent request waits for the batch that is under way, and
    for nothing else.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._urgent = 0

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Take the next turn, before all that are patient."""
        with self._changed:
            self._urgent += 1
            try:
                self._changed.wait_for(lambda: not self._taken)
                self._taken = True
            finally:
                self._urgent -= 1
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Take a turn once nobody urgent waits."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._taken or self._urgent))
            self._taken = True
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        with self._changed:
            self._taken = False
            self._changed.notify_all()
