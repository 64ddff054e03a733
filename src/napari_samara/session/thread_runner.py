"""Jobs on one worker thread, answers in the thread that owns the session."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_samara.errors import SessionError
from napari_samara.session.priority import stand_behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.session.events import Status
    from napari_samara.session.jobs import Delivery, Job

Deliver: TypeAlias = "Callable[[Delivery], None]"

# Seconds that closing waits for a job that nobody needs any more; an encoder cannot be interrupted.
_FAREWELL = 10.0

# Runners that were closed and not waited for, while they still work.
_leaving: set[ThreadRunner] = set()


@dataclass(frozen=True, eq=False)
class _Task:
    """A job, its number in its lane, and the report it gets."""

    job: Job
    generation: int
    runner: ThreadRunner
    live = True

    def say(self, status: Status) -> None:
        self.runner.post(self, lambda: self.job.status(status))

    def tell(self, delivery: Delivery) -> None:
        self.runner.post(self, delivery)

    def cancelled(self) -> bool:
        return self.runner.outdated(self)


class ThreadRunner:
    """One daemon thread that does jobs in the order they come, for one session.

    Parameters
    ----------
    deliver : callable, optional
        Called in the worker with a function that must then be called in the thread that owns the
        session (a Qt event, for instance).  Left out, answers are delivered in `wait`.
    name : str
        Of the thread.
    """

    def __init__(self, deliver: Deliver | None = None, name: str = "samara-worker") -> None:
        self.deliver = deliver
        self.writer = False
        self._name = name
        self._changed = threading.Condition()
        self._queue: deque[_Task] = deque()
        self._outbox: deque[tuple[_Task, Delivery]] = deque()
        self._generations: Counter[str] = Counter()
        self._running: _Task | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._companions: list[ThreadRunner] = []

    @property
    def busy(self) -> bool:
        """Whether a job waits, runs or is not delivered."""
        with self._changed:
            return bool(self._queue or self._running is not None or self._outbox)

    def submit(self, job: Job) -> None:
        """Queue a job; jobs of its lane that have not begun are dropped.

        Parameters
        ----------
        job : Job
            `Job.work` runs in the worker, all else in the thread that owns the session.

        Raises
        ------
        SessionError
            If the runner is closed.
        """
        with self._changed:
            if self._closed:
                raise SessionError("this session is closed; open another")
            self._drop(job.lane)
            self._queue.append(_Task(job, self._generations[job.lane], self))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def cancel(self, lane: str) -> None:
        """Drop the jobs of a lane, also the answer of one that runs.

        Parameters
        ----------
        lane : str
            Not "": those jobs must all be done.
        """
        with self._changed:
            self._drop(lane)
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Deliver here what comes, until nothing is left to do.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without end if left out.

        Returns
        -------
        bool
            False where time was over before.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self.drain()
            with self._changed:
                if not self.busy:
                    return True
                rest = None if end is None else end - time.monotonic()
                if rest is not None and rest <= 0:
                    return False
                if not self._outbox:
                    self._changed.wait(rest)

    def drain(self) -> None:
        """Deliver what has come; to be called in the thread that owns the session."""
        while True:
            with self._changed:
                if not self._outbox:
                    return
                task, delivery = self._outbox.popleft()
            if not self.outdated(task):
                delivery()

    def companion(self) -> ThreadRunner:
        """Return a runner with a thread of its own, which delivers in the same way."""

        def deliver(delivery: Delivery) -> None:
            if self.deliver is not None:  # it may be set after this call
                self.deliver(delivery)

        made = ThreadRunner(deliver, f"{self._name}-files")
        made.writer = True
        self._companions.append(made)
        return made

    def close(self, wait: bool = True) -> None:
        """Finish the jobs that must be done, drop the others, and end the thread.

        Parameters
        ----------
        wait : bool
            Whether for the end of the thread.  Without, nothing is delivered any more and the
            thread ends by itself; the interpreter waits for it before it ends.
        """
        for companion in self._companions:
            companion.close(wait)
        with self._changed:
            if not wait and self._thread is not None and not self._closed:
                _leaving.add(self)
            self._closed = True
            for lane in {task.job.lane for task in self._queue} | set(self._generations):
                self._drop(lane)
            self._changed.notify_all()
        if not wait:
            self.deliver = None
        elif self._thread is not None:
            held = any(not task.job.lane for task in (*self._queue, self._running) if task)
            self._thread.join(None if held else _FAREWELL)
            self.drain()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread of a closed runner.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without end if left out.
        """
        if self._thread is not None:
            self._thread.join(timeout)

    def post(self, task: _Task, delivery: Delivery) -> None:
        """Have something done in the thread that owns the session.

        Parameters
        ----------
        task : object
            Whose answer it is; dropped if that is outdated by then.
        delivery : callable
            Without arguments.
        """
        with self._changed:
            self._outbox.append((task, delivery))
            self._changed.notify_all()
        if self.deliver is not None:
            with contextlib.suppress(RuntimeError):  # the viewer is gone
                self.deliver(self.drain)

    def outdated(self, task: _Task) -> bool:
        """Return whether a newer job of its lane, or nobody, waits for the answer."""
        return task.generation != self._generations[task.job.lane]

    def _drop(self, lane: str) -> None:
        """Make the jobs of a lane outdated."""
        if lane:
            self._generations[lane] += 1
            self._queue = deque(task for task in self._queue if task.job.lane != lane)

    def _work(self) -> None:
        stand_behind()
        while True:
            with self._changed:
                while not self._queue:
                    if self._closed:
                        _leaving.discard(self)
                        return
                    self._changed.wait()
                task = self._running = self._queue.popleft()
            answer = _outcome(task)
            with self._changed:
                # The answer is in the outbox before the worker counts as free: `busy` has no gap.
                self._outbox.append((task, answer))
                self._running = None
                self._changed.notify_all()
            if self.deliver is not None:
                with contextlib.suppress(RuntimeError):
                    self.deliver(self.drain)


@atexit.register
def let_them_leave(timeout: float = _FAREWELL, writers: bool = False) -> None:
    """Wait for the threads of runners that were closed without waiting.

    Parameters
    ----------
    timeout : float
        Seconds for each.
    writers : bool
        Whether only for those that write files (`ThreadRunner.companion`).
    """
    for runner in list(_leaving):
        if runner.writer or not writers:
            runner.join(timeout)


def _outcome(task: _Task) -> Delivery:
    """Do a job and return what is to be told of it."""
    try:
        result: Any = task.job.work(task)
    except Exception as error:  # told where the session is
        return partial(task.job.failed, error)
    return partial(task.job.done, result)
