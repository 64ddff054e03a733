"""Slices of a volume: which are encoded, what encoding them takes, and the run that does it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_samara.errors import CancelledError, ImageError, SamaraError
from napari_samara.session.embedding_estimate import duration
from napari_samara.ui.contrast import TITLES
from napari_samara.ui.navigation import show_plane
from napari_samara.ui.slice_states import SliceStates
from napari_samara.ui.slices_run import SlicesRun
from napari_samara.ui.volume import axis_name
from napari_samara.ui.widgets.elided import ElidedLabel
from napari_samara.ui.widgets.forms import form_of, narrow_combo, wrapped_label
from napari_samara.ui.widgets.panel import Panel, heading
from napari_samara.ui.widgets.progress import ProgressLine
from napari_samara.ui.widgets.slice_marks import KNOWN, StripState, marks_of
from napari_samara.ui.widgets.slice_strip import SliceStrip
from napari_samara.ui.workers import Latest, MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.planes import Plane
    from napari_samara.session.embedding_estimate import Estimate
    from napari_samara.session.volume_embedding import VolumeEmbedding
    from napari_samara.session.volume_progress import Embedded, VolumeProgress
    from napari_samara.ui.annotator import Annotator
    from napari_samara.ui.volume import Volume

_NO_STORE = (
    "Encoding slices beforehand needs a place on the disk. In the Annotate dock: stop, tick Keep "
    "embeddings, and start again."
)
_FLAT = "This image has no slices: it has two axes only."

# Milliseconds between two drawings of the strip while slices are being encoded.
_TICK = 200


class SlicesPanel(Panel):
    """The strip, the estimate, and the button that encodes."""

    along_changed = Signal()
    """Slices follow each other on another axis now."""

    def __init__(self) -> None:
        super().__init__()
        self.strip, self.about = SliceStrip(), ElidedLabel(keep_end=False)
        self.inside = ElidedLabel(keep_end=False)
        self.along, self.ways, self.contrast = narrow_combo(), narrow_combo(), narrow_combo()
        self.estimate, self.encode = wrapped_label(), QPushButton("Encode slices")
        self.progress = ProgressLine()
        self.runs: list[SlicesRun] = []
        self._main = MainThread(self)
        self._states = SliceStates(self._main, self._on_known)
        self._estimating = Latest(self._main, self._on_estimate, self._on_failed)
        self._estimated: tuple[Plane, ...] | None = None
        self._why = ""
        self._clock = QTimer(self, interval=_TICK)
        self._clock.timeout.connect(self.refresh)
        self._build()

    @property
    def run(self) -> SlicesRun | None:
        """The run that is under way."""
        return self.runs[-1] if self.runs else None

    @property
    def volume(self) -> Volume | None:
        """The volume that is shown; None for a 2D image, or without an annotation."""
        if self.annotator is None:
            return None
        try:
            return self.annotator.following.volume
        except ImageError:
            return None

    def refresh(self) -> None:
        """Show how far the slices are."""
        volume = self.volume
        if self.annotator is None or volume is None:
            self.strip.show_state(StripState())
            self.strip.setVisible(False)
            self.about.setVisible(False)
            self.inside.setVisible(False)
            self._form.setRowVisible(self.along, False)
            self.estimate.setText("" if self.annotator is None else _FLAT)
            self.encode.setEnabled(False)
            return
        self._states.look(self.annotator.session, volume)
        self._show_axes(volume)
        state = self._state(volume)
        self.strip.show_state(state)
        self.strip.setVisible(True)
        self.about.setVisible(True)
        self.inside.setVisible(True)
        about, inside = state.about(volume.index)
        self.about.show_text(about)
        self.inside.show_text(inside)
        self._show_button()
        self._estimate(volume)

    def part(self) -> None:
        """End the run as well: it belongs to the annotation."""
        for run in self.runs:
            run.leave()
        super().part()

    def pairs(self, annotator: Annotator) -> list[tuple[Any, Callable[..., object]]]:
        """Return what changes the slices."""
        events = annotator.session.events
        return [
            (events.stale, self._on_plane),  # with the plane and with the contrast
            (events.candidates, self.later),
            (events.status, self.later),
            (events.objects, self.later),
            (events.propagated, self.later),
            (annotator.review.changed, self.later),
            (annotator.labels.events.selected_label, self.later),
            (annotator.switched, self._on_switched),
            (annotator.contrast_chosen, self._show_contrast),
        ]

    def join(self, annotator: Annotator) -> None:
        """Show the choices of an annotation."""
        super().join(annotator)
        self._states.forget()
        self._estimated = None
        self.progress.say("")
        self._show_contrast(annotator.contrast_name)
        self.refresh()

    def _build(self) -> None:
        fields = QWidget()
        self._form = form_of(fields)
        self._form.addRow("Along", self.along)
        self._form.addRow("Encode", self.ways)
        self._form.addRow("Contrast", self.contrast)
        self.ways.addItem("this direction", False)
        self.ways.addItem("all three directions", True)
        self.ways.setToolTip("All three directions let you prompt in XY, XZ and YZ at once.")
        for name, title in TITLES.items():
            self.contrast.addItem(title, name)
        self.contrast.setToolTip(
            "How values become the 8 bits that the model sees, for all slices; the windows for CT "
            "need Hounsfield units. The same choice as in the options of the Annotate dock."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        parts = (
            self.strip,
            self.about,
            self.inside,
            fields,
            self.estimate,
            self.encode,
            self.progress,
        )
        for part in (heading("Slices"), *parts):
            layout.addWidget(part)
        self.strip.picked.connect(self._on_picked)
        self.along.activated.connect(self._on_along)
        self.ways.currentIndexChanged.connect(self.later)
        self.contrast.activated.connect(self._on_contrast)
        self.encode.clicked.connect(self._on_encode)

    def _planes(self, volume: Volume) -> tuple[Plane, ...]:
        """Return what is to be encoded."""
        return volume.three_ways if self.ways.currentData() else volume.slices

    def _state(self, volume: Volume) -> StripState:
        """Put together what is known of each slice."""
        assert self.annotator is not None  # `refresh` has looked
        session, selected = self.annotator.session, self.annotator.selected
        job = self.run.job if self.run is not None else None
        states = self._states.of(session, volume.slices, job)
        record = session.objects.get(selected)
        whose = f"object {selected}" if record is not None else "objects"
        records = {selected: record} if record is not None else session.objects
        marks, reasons = marks_of(volume, records, self.annotator.review.at_least)
        opened = {volume.index_of(plane) for plane in session.prompts.by_plane(volume.shape)}
        marks |= {index: KNOWN for index in opened if index is not None}
        name = axis_name(self.annotator.binding, volume.along)
        return StripState(states, volume.index, marks, reasons, name, whose)

    def _show_axes(self, volume: Volume) -> None:
        """Offer the axes that slices can follow each other on, where there are several."""
        assert self.annotator is not None  # `refresh` has looked
        binding = self.annotator.binding
        wanted = [
            (f"{axis_name(binding, axis)} ({volume.shape[axis]} slices)", axis)
            for axis in volume.hidden
        ]
        shown = [
            (self.along.itemText(i), self.along.itemData(i)) for i in range(self.along.count())
        ]
        if shown != wanted:
            self.along.clear()
            for title, axis in wanted:
                self.along.addItem(title, axis)
        self.along.setCurrentIndex(self.along.findData(volume.along))
        self._form.setRowVisible(self.along, len(wanted) > 1)

    def _show_contrast(self, name: str) -> None:
        self.contrast.setCurrentIndex(self.contrast.findData(name))

    def _show_button(self) -> None:
        """Say what the button does now."""
        self.estimate.setVisible(self.run is None)
        if self.run is None:
            self.encode.setText("Encode slices")
            return
        self.encode.setEnabled(not self.run.ending)
        ending = self.run.ending
        self.encode.setText("Stopping …" if ending else "Stop (keeps what is encoded)")

    def _estimate(self, volume: Volume) -> None:
        """Work out what is left to do, away from the viewer, where that has changed."""
        assert self.annotator is not None  # `refresh` has looked
        if self.run is not None:
            return
        planes = self._planes(volume)
        missing = self._states.missing(self.annotator.session, planes)
        if missing == self._estimated:
            return
        self._estimated = missing
        if not missing:
            self._estimating.cancel()
            self.estimate.setText(f"All {len(planes)} slices are encoded.")
            self.encode.setEnabled(True)
            return
        self.encode.setEnabled(False)
        try:
            job = self.annotator.session.slices_job(missing)
        except SamaraError:
            self.estimate.setText(_NO_STORE)
            return
        self.estimate.setText("Estimating …")
        self._estimating.ask(job.estimate)

    def _on_estimate(self, found: Estimate) -> None:
        """Say what it takes, before anything is begun."""
        room = "" if found.fits else " There is not enough room on the disk: free some first."
        self.estimate.setText(f"Not encoded yet: {found}.{room}")
        self.encode.setEnabled(found.fits)

    def _on_known(self) -> None:
        self.later()

    def _on_encode(self) -> None:
        """Begin, or end what is under way."""
        if self.run is not None:
            self._why = ""
            self.run.leave()
            self.refresh()
            return
        volume = self.volume
        if self.annotator is None or volume is None:
            return
        session = self.annotator.session
        try:
            job = session.slices_job(self._planes(volume))
        except SamaraError as error:
            self.progress.say(str(error))
            return
        job.focus(session.plane)
        done = partial(self._on_end, self._line_of, job)
        failed = partial(self._on_end, self._error_of, job)
        self.runs.append(SlicesRun(job, self._main, self._on_progress, done, failed))
        self.progress.say("Reading the first slices …", 0, len(job.planes))
        self._clock.start()
        self.refresh()

    def _on_progress(self, at: VolumeProgress) -> None:
        line = str(at)
        self.progress.say(line[:1].upper() + line[1:], at.done, at.total)

    def _on_end(
        self, line_of: Callable[[VolumeEmbedding, Any], str], job: VolumeEmbedding, found: Any
    ) -> None:
        """Say what came of it."""
        self.runs.clear()
        self._clock.stop()
        self._estimated = None
        self.progress.say(line_of(job, found))
        self.refresh()

    def _line_of(self, _: VolumeEmbedding, found: Embedded) -> str:
        there = f", {found.found} were there" if found.found else ""
        return f"{found.encoded} slices encoded{there}, in {duration(found.seconds)}."

    def _error_of(self, job: VolumeEmbedding, error: Exception) -> str:
        if not isinstance(error, CancelledError):
            return str(error)
        done = sum(state in ("encoded", "found") for state in job.states.values())
        return f"{self._why}Stopped: {done} of {len(job.planes)} slices are encoded and kept."

    def _on_failed(self, error: Exception) -> None:
        self.estimate.setText(str(error))

    def _on_plane(self, *_: Any) -> None:
        """Follow the plane and the contrast; a run with another contrast is of no use."""
        annotator, run = self.annotator, self.run
        if annotator is None or run is None:
            self.later()
            return
        if not run.ending and run.job.contrast != annotator.session.contrast:
            self._why = "The contrast was changed. "
            run.leave()
        self.later()

    def _on_switched(self, *_: Any) -> None:
        """Begin anew with another checkpoint."""
        if self.run is not None:
            self._why = "The checkpoint was changed. "
            self.run.leave()
        self._states.forget()
        self._estimated = None
        self.later()

    def _on_picked(self, index: int) -> None:
        volume = self.volume
        if self.annotator is not None and volume is not None:
            plane = volume.plane.at(index, volume.along)
            show_plane(self.annotator.viewer.dims, self.annotator.binding, plane)

    def _on_along(self) -> None:
        if self.annotator is not None:
            self.annotator.following.along = self.along.currentData()
            self.refresh()
            self.along_changed.emit()

    def _on_contrast(self) -> None:
        if self.annotator is not None:
            self.annotator.choose_contrast(self.contrast.currentData())
