"""What encoding slices takes, the button that begins and ends it, and how far it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_samara.errors import CancelledError, SamaraError
from napari_samara.session.embedding_estimate import duration
from napari_samara.ui.slices_run import SlicesRun
from napari_samara.ui.widgets.forms import wrapped_label
from napari_samara.ui.widgets.progress import ProgressLine
from napari_samara.ui.workers import Latest, MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.planes import Plane
    from napari_samara.session import Session
    from napari_samara.session.embedding_estimate import Estimate
    from napari_samara.session.volume_embedding import VolumeEmbedding
    from napari_samara.session.volume_progress import Embedded, VolumeProgress

_NO_STORE = (
    "Encoding slices beforehand needs a place on the disk. In the Annotate dock: stop, tick Keep "
    "embeddings, and start again."
)
_BUTTON = "Encode slices"


class EncodeControl(QWidget):
    """Encodes what it was offered last."""

    began = Signal()
    """Slices are being encoded."""

    ended = Signal()
    """They are no longer."""

    def __init__(self) -> None:
        super().__init__()
        self.estimate, self.button = wrapped_label(), QPushButton(_BUTTON)
        self.progress = ProgressLine()
        self.runs: list[SlicesRun] = []
        self._main = MainThread(self)
        self._estimating = Latest(self._main, self._on_estimate, self._on_no_estimate)
        self._offered: tuple[Session, tuple[Plane, ...]] | None = None
        self._estimated: tuple[Plane, ...] | None = None
        self._why = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.estimate, self.button, self.progress):
            layout.addWidget(part)
        self.button.clicked.connect(self._on_button)

    @property
    def run(self) -> SlicesRun | None:
        """The run that is under way."""
        return self.runs[-1] if self.runs else None

    def offer(
        self, session: Session, planes: tuple[Plane, ...], missing: tuple[Plane, ...]
    ) -> None:
        """Say what encoding would take, and do it when the button is pressed.

        Parameters
        ----------
        session : Session
            Whose slices they are.
        planes : tuple of Plane
            All that are wanted.
        missing : tuple of Plane
            Those of them that are not known to be encoded.
        """
        self._offered = session, planes
        if self.run is not None or missing == self._estimated:
            return
        self._estimated = missing
        self.button.setEnabled(not missing)
        if not missing:
            self._estimating.cancel()
            self.estimate.setText(f"All {len(planes)} slices are encoded.")
            return
        try:
            job = session.slices_job(missing)
        except SamaraError:
            self.estimate.setText(_NO_STORE)
            return
        self.estimate.setText("Estimating …")
        self._estimating.ask(job.estimate)

    def withdraw(self, line: str) -> None:
        """Say why there is nothing to encode.

        Parameters
        ----------
        line : str
            For the user.
        """
        self.forget()
        self.estimate.setText(line)
        self.button.setEnabled(False)

    def forget(self) -> None:
        """Work out anew what it takes, the next time something is offered."""
        self._estimating.cancel()
        self._offered = self._estimated = None

    def end(self, why: str = "") -> None:
        """End the run after the batch that is in the encoder.

        Parameters
        ----------
        why : str
            What to tell the user before that it has stopped.
        """
        if self.run is not None and not self.run.ending:
            self._why = why
            self.run.leave()
            self._show_button()

    def leave(self) -> None:
        """End the run without a word; touches nothing of Qt."""
        for run in self.runs:
            run.leave()

    def _on_button(self) -> None:
        """Begin, or end what is under way."""
        if self.run is not None:
            self.end()
            return
        if self._offered is None:
            return
        session, planes = self._offered
        try:
            job = session.slices_job(planes)
        except SamaraError as error:
            self.progress.say(str(error))
            return
        self._estimating.cancel()
        done = partial(self._on_end, _line_of, job)
        failed = partial(self._on_end, self._error_of, job)
        self.runs.append(SlicesRun(job, self._main, self._on_progress, done, failed))
        self.progress.say("Reading the first slices …", 0, len(job.planes))
        self._show_button()
        self.began.emit()

    def _show_button(self) -> None:
        """Say what the button does now."""
        run = self.run
        self.estimate.setVisible(run is None)
        if run is None:
            self.button.setText(_BUTTON)
            return
        self.button.setEnabled(not run.ending)
        self.button.setText("Stopping …" if run.ending else "Stop (keeps what is encoded)")

    def _on_estimate(self, found: Estimate) -> None:
        """Say what it takes, before anything is begun."""
        room = "" if found.fits else " There is not enough room on the disk: free some first."
        self.estimate.setText(f"Not encoded yet: {found}.{room}")
        self.button.setEnabled(found.fits)

    def _on_no_estimate(self, error: Exception) -> None:
        self.estimate.setText(str(error))
        self.button.setEnabled(True)

    def _on_progress(self, at: VolumeProgress) -> None:
        line = str(at)
        self.progress.say(line[:1].upper() + line[1:], at.done, at.total)

    def _on_end(
        self, line_of: Callable[[VolumeEmbedding, Any], str], job: VolumeEmbedding, found: Any
    ) -> None:
        """Say what came of it."""
        self.runs.clear()
        self._estimated = None
        self.progress.say(line_of(job, found))
        self._show_button()
        self.ended.emit()

    def _error_of(self, job: VolumeEmbedding, error: Exception) -> str:
        if not isinstance(error, CancelledError):
            return str(error)
        done = sum(state in ("encoded", "found") for state in job.states.values())
        why = f"{self._why} " if self._why else ""
        return f"{why}Stopped: {done} of {len(job.planes)} slices are encoded and kept."


def _line_of(_: VolumeEmbedding, found: Embedded) -> str:
    there = f", {found.found} were there" if found.found else ""
    return f"{found.encoded} slices encoded{there}, in {duration(found.seconds)}."
