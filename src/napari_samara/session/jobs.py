"""Work away from the caller's thread: one worker, late answers dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from napari_samara.session.events import Status

Delivery: TypeAlias = Callable[[], None]
"""Something to do in the thread that owns the session."""


class Report(Protocol):
    """What a running job may say and ask.

    Attributes
    ----------
    live : bool
        Whether anybody sees what is told before the answer is there.
    """

    @property
    def live(self) -> bool:
        """See above."""
        ...

    def say(self, status: Status) -> None:
        """Show what is going on."""
        ...

    def tell(self, delivery: Delivery) -> None:
        """Have something done in the thread of the session before the answer is there."""
        ...

    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        ...


@dataclass(frozen=True, eq=False)
class Job:
    """Work and what becomes of it.

    Attributes
    ----------
    work : callable
        Called with a `Report` in the worker; touches nothing of the session.
    done : callable
        Called with the result in the thread of the session.
    failed : callable
        Called with the error in the thread of the session.
    status : callable
        Called with each status in the thread of the session.
    lane : str
        A newer job of the same lane makes this one pointless; "" for jobs that must all be done.
    """

    work: Callable[[Report], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    status: Callable[[Status], None]
    lane: str = ""


class JobRunner(Protocol):
    """Runs jobs one after the other."""

    def submit(self, job: Job) -> None:
        """Take a job; its answer is delivered in the thread of the session."""
        ...

    def cancel(self, lane: str) -> None:
        """Drop the jobs of a lane, also the answer of one that runs."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Deliver until nothing is left to do; False where the time was over before."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a job waits, runs or is not delivered."""
        ...

    def companion(self) -> JobRunner:
        """Return another runner of the same kind, for jobs that must not wait behind these."""
        ...

    def close(self, wait: bool = True) -> None:
        """Finish the jobs that must be done, drop the others, and end the worker."""
        ...


class InlineRunner:
    """Does each job in the call that submits it; an error reaches the caller."""

    busy = False

    def submit(self, job: Job) -> None:
        """Do a job.

        Parameters
        ----------
        job : Job
            Done when the call returns.

        Raises
        ------
        Exception
            What the job raises, after `Job.failed` was told.
        """
        try:
            result = job.work(_Inline(job.status))
        except Exception as error:
            job.failed(error)
            raise
        job.done(result)

    def cancel(self, lane: str) -> None:
        """Do nothing: no job outlives its call."""

    def wait(self, timeout: float | None = None) -> bool:
        """Return True: nothing is ever left to do."""
        del timeout
        return True

    def companion(self) -> InlineRunner:
        """Return this runner."""
        return self

    def close(self, wait: bool = True) -> None:
        """Do nothing: there is no worker."""


@dataclass(frozen=True)
class _Inline:
    """Report of a job whose caller waits."""

    status: Callable[[Status], None]
    live = False

    def say(self, status: Status) -> None:
        self.status(status)

    def tell(self, delivery: Delivery) -> None:
        delivery()

    def cancelled(self) -> bool:
        return False
