"""The way between worker threads and the Qt main thread, which alone touches layers and widgets."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_samara.session.priority import stand_behind

if TYPE_CHECKING:
    from collections.abc import Callable


class _Gate:
    """Whether calls go through; a thread that is just sending one is waited for."""

    def __init__(self) -> None:
        self.open = True
        self.lock = threading.RLock()

    def shut(self, *_: object) -> None:
        """Let nothing through from now on."""
        with self.lock:
            self.open = False


class MainThread(QObject):
    """Runs calls of other threads in the thread that made it.

    Parameters
    ----------
    parent : QObject, optional
        Whose end is the end of this; calls that come later are dropped.
    """

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gate = _Gate()
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)
        self.destroyed.connect(self._gate.shut)

    def deliver(self, call: Callable[[], object]) -> None:
        """Have a call made in the main thread, soon; in any thread.

        Parameters
        ----------
        call : callable
            Without arguments.
        """
        with self._gate.lock:  # Qt does not delete this object while it is used here
            if not self._gate.open:
                return
            try:
                self._posted.emit(call)
            except RuntimeError:  # Qt has deleted it before it could tell
                self._gate.open = False

    def close(self) -> None:
        """Drop all calls from now on, also those on their way."""
        self._gate.shut()

    def _run(self, call: Callable[[], object]) -> None:
        """Make one call, in the main thread."""
        if self._gate.open:
            call()


class Task:
    """One piece of work in a thread of its own, whose end is told in the main thread.

    Parameters
    ----------
    work : callable
        Runs in the thread; its result or its error is delivered.
    main : MainThread
        Where `done` and `failed` are called.
    done : callable
        Takes the result.
    failed : callable
        Takes the error.
    """

    def __init__(
        self,
        work: Callable[[], Any],
        main: MainThread,
        done: Callable[[Any], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._work, self._main, self._done, self._failed = work, main, done, failed
        self._wanted = True
        self._thread = threading.Thread(target=self._run, name="samara-task", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Forget the result; the work itself runs to its end."""
        self._wanted = False

    @property
    def alive(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread, not for the delivery.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        """
        self._thread.join(timeout)

    def _run(self) -> None:
        """Work, then deliver."""
        stand_behind()
        try:
            result = self._work()
        except Exception as error:  # whatever it is, the user is to see it
            self._main.deliver(partial(self._tell, self._failed, error))
        else:
            self._main.deliver(partial(self._tell, self._done, result))

    def _tell(self, slot: Callable[[Any], object], value: Any) -> None:
        """Call one of the two slots, unless nobody waits any more."""
        if self._wanted:
            slot(value)


class Latest:
    """Work in a thread of which only the newest piece counts.

    One piece runs at a time; of those asked for meanwhile only the last is begun, and what has
    become outdated is not told.

    Parameters
    ----------
    main : MainThread
        Where `done` and `failed` are called.
    done : callable
        Takes the result.
    failed : callable
        Takes the error.
    """

    def __init__(
        self,
        main: MainThread,
        done: Callable[[Any], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._main, self._done, self._failed = main, done, failed
        self._task: Task | None = None
        self._next: Callable[[], Any] | None = None
        self._wanted = False

    def ask(self, work: Callable[[], Any]) -> None:
        """Have work done; what was asked for before is dropped.

        Parameters
        ----------
        work : callable
            Runs in the thread.
        """
        self._next = work
        self._wanted = False
        if self._task is None:
            self._begin()

    def cancel(self) -> None:
        """Forget what was asked for; what runs already runs to its end."""
        self._next, self._wanted = None, False

    def _begin(self) -> None:
        """Begin with what was asked for last."""
        work, self._next = self._next, None
        if work is not None:
            self._wanted = True
            self._task = Task(
                work,
                self._main,
                partial(self._ended, self._done),
                partial(self._ended, self._failed),
            )

    def _ended(self, slot: Callable[[Any], object], value: Any) -> None:
        """Tell of what is still wanted, and go on."""
        self._task = None
        if self._wanted:
            slot(value)
        else:
            self._begin()
