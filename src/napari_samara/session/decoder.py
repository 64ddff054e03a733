"""The live half of a session: which masks the open object has, and the jobs that find them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_samara.errors import CancelledError
from napari_samara.session.decoding import Answer, decode
from napari_samara.session.events import Status
from napari_samara.session.jobs import Job
from napari_samara.session.request import Request, State, decodable, resolve, upright

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.intensity import Contrast
    from napari_samara.planes import Plane
    from napari_samara.session.embeddings import Embeddings
    from napari_samara.session.jobs import JobRunner, Report

LIVE, MANY = "live", "many"
"""Lanes of jobs: a newer one in a lane makes the older one pointless."""


@dataclass(eq=False)
class Decoder:
    """Answers by plane, and the request that is under way.

    Parameters
    ----------
    runner : JobRunner
        Runs the jobs.
    embeddings : Embeddings
        Of the image.
    status : callable
        Called with each `Status`.
    changed : callable
        Called when an answer has come.
    """

    runner: JobRunner
    embeddings: Embeddings
    status: Callable[[Status], None]
    changed: Callable[[], None]
    answers: dict[Plane, Answer] = field(default_factory=dict)
    encoded: dict[Plane, Contrast] = field(default_factory=dict)
    asked: Request | None = None
    early: Answer | None = None

    def update(self, state: State) -> None:
        """Ask for what the state needs, if it needs anything that is not under way.

        Parameters
        ----------
        state : State
            As it is now.
        """
        groups = state.prompts.by_plane(state.shape)
        self.answers = {
            plane: answer
            for plane, answer in self.answers.items()
            if plane in groups and decodable(groups[plane])
        }
        request = resolve(state)
        if request is None:
            self.cancel()
        elif request != self.asked:
            self.asked = request
            embeddings = self.embeddings
            old = self.answers.get(upright(request.plane))

            def work(report: Report) -> Answer:
                def soon(answer: Answer) -> None:
                    report.tell(lambda: self._came_early(answer))

                return decode(request, embeddings, report, old, soon if report.live else None)

            self.submit(LIVE, work, self._answered)

    def submit(
        self,
        lane: str,
        work: Callable[[Report], Any],
        done: Callable[[Any], None],
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Run a job and show how it goes.

        Parameters
        ----------
        lane : str
            A newer job of the same lane makes this one pointless.
        work : callable
            Called with a report, away from the session.
        done : callable
            Called with the result.
        failed : callable, optional
            Called before an error is told; left out, the request under way is forgotten.
        """

        def on_error(error: Exception) -> None:
            (failed or self._forget)()
            if not isinstance(error, CancelledError):
                self.status(Status("failed", str(error)))

        self.runner.submit(Job(work, done, on_error, self.status, lane))

    def cancel(self) -> None:
        """Drop what is under way."""
        if self.asked is not None:
            self.asked = None
            self.runner.cancel(LIVE)
            self.status(Status())

    def answer(self, plane: Plane) -> Answer | None:
        """Return the masks of a plane as it is shown; None where there are none yet."""
        found = self.answers.get(upright(plane))
        if self.early is not None and self.early.request == self.asked:
            found = self.early if self.early.request.plane == plane else found
        return found if found is not None and found.request.plane == plane else None

    def _came_early(self, answer: Answer) -> None:
        """Show what was found until the answer is there."""
        if answer.request == self.asked:
            self.early = answer
            self.changed()

    def _answered(self, answer: Answer) -> None:
        self.asked = self.early = None
        plane = answer.request.plane
        self.answers[upright(plane)] = answer
        self.encoded.setdefault(plane, answer.request.contrast)
        self.status(Status())
        self.changed()

    def _forget(self) -> None:
        """Ask for it again the next time."""
        self.asked = None
