"""Slices of a volume: a strip that shows how far they are, and what is to be encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_samara.errors import ImageError
from napari_samara.ui.contrast import TITLES
from napari_samara.ui.navigation import show_plane
from napari_samara.ui.slice_states import SliceStates
from napari_samara.ui.volume import axis_name
from napari_samara.ui.widgets.elided import ElidedLabel
from napari_samara.ui.widgets.encode_control import EncodeControl
from napari_samara.ui.widgets.forms import form_of, narrow_combo
from napari_samara.ui.widgets.panel import Panel, heading
from napari_samara.ui.widgets.slice_marks import KNOWN, StripState, marks_of
from napari_samara.ui.widgets.slice_strip import SliceStrip
from napari_samara.ui.workers import MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.ui.annotator import Annotator
    from napari_samara.ui.volume import Volume

_FLAT = "This image has no slices: it has two axes only."

# Milliseconds between two drawings of the strip while slices are being encoded.
_TICK = 200


class SlicesPanel(Panel):
    """The strip, the choices below it, and what encodes."""

    along_changed = Signal()
    """Slices follow each other on another axis now."""

    def __init__(self) -> None:
        super().__init__()
        self.strip, self.encode = SliceStrip(), EncodeControl()
        self.about, self.inside = ElidedLabel(keep_end=False), ElidedLabel(keep_end=False)
        self.along, self.ways, self.contrast = narrow_combo(), narrow_combo(), narrow_combo()
        self._main = MainThread(self)
        self._states = SliceStates(self._main, self.later)
        self._marked: tuple[Any, tuple[dict[int, str], dict[int, str]]] | None = None
        self._clock = QTimer(self, interval=_TICK)
        self._clock.timeout.connect(self.refresh)
        self._build()

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
        volume, annotator = self.volume, self.annotator
        for part in (self.strip, self.about, self.inside):
            part.setVisible(volume is not None)
        if annotator is None or volume is None:
            self.strip.show_state(StripState())
            self._form.setRowVisible(self.along, False)
            self.encode.withdraw("" if annotator is None else _FLAT)
            return
        self._states.look(annotator.session, volume)
        self._show_axes(volume)
        state = self._state(volume)
        self.strip.show_state(state)
        about, inside = state.about(volume.index)
        self.about.show_text(about)
        self.inside.show_text(inside)
        planes = volume.three_ways if self.ways.currentData() else volume.slices
        missing = self._states.missing(annotator.session, planes)
        self.encode.offer(annotator.session, planes, missing)

    def part(self) -> None:
        """End the run as well: it belongs to the annotation."""
        self.encode.leave()
        super().part()

    def pairs(self, annotator: Annotator) -> list[tuple[Any, Callable[..., object]]]:
        """Return what changes the slices."""
        events = annotator.session.events
        return [
            (events.stale, self._on_plane),  # with the plane and with the contrast
            (events.candidates, self.later),
            (events.status, self.later),
            (events.objects, self._on_objects),
            (events.propagated, self.later),
            (annotator.review.changed, self._on_objects),
            (annotator.labels.events.selected_label, self.later),
            (annotator.switched, self._on_switched),
            (annotator.contrast_chosen, self._show_contrast),
        ]

    def join(self, annotator: Annotator) -> None:
        """Show the choices of an annotation."""
        super().join(annotator)
        self._states.forget()
        self._marked = None
        self.encode.forget()
        self.encode.progress.say("")
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
        for part in (heading("Slices"), self.strip, self.about, self.inside, fields, self.encode):
            layout.addWidget(part)
        self.strip.picked.connect(self._on_picked)
        self.along.activated.connect(self._on_along)
        self.ways.currentIndexChanged.connect(self.later)
        self.contrast.activated.connect(self._on_contrast)
        self.encode.began.connect(self._clock.start)
        self.encode.began.connect(self.later)
        self.encode.ended.connect(self._clock.stop)
        self.encode.ended.connect(self.later)

    def _state(self, volume: Volume) -> StripState:
        """Put together what is known of each slice."""
        assert self.annotator is not None  # `refresh` has looked
        session, selected = self.annotator.session, self.annotator.selected
        job = self.encode.run.job if self.encode.run is not None else None
        states = self._states.of(session, volume.slices, job)
        has = selected in session.objects
        marks, reasons = self._marks(volume, selected if has else None)
        opened = {volume.index_of(plane) for plane in session.prompts.by_plane(volume.shape)}
        marks = marks | {index: KNOWN for index in opened if index is not None}
        name = axis_name(self.annotator.binding, volume.along)
        whose = f"object {selected}" if has else "objects"
        return StripState(states, volume.index, marks, reasons, name, whose)

    def _marks(self, volume: Volume, label: int | None) -> tuple[dict[int, str], dict[int, str]]:
        """Return the marks of an object or of all, looked for again only after a change."""
        assert self.annotator is not None  # `refresh` has looked
        rest = tuple(item for item in volume.plane.fixed if item[0] != volume.along)
        key = (volume.plane.displayed, rest, label)
        if self._marked is None or self._marked[0] != key:
            objects = self.annotator.session.objects
            records = objects if label is None else {label: objects[label]}
            self._marked = key, marks_of(volume, records, self.annotator.review.at_least)
        return self._marked[1]

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

    def _on_plane(self, *_: Any) -> None:
        """Follow the plane and the contrast; a run with another contrast is of no use."""
        annotator, run = self.annotator, self.encode.run
        if annotator is None or run is None:
            self.later()
            return
        if run.job.contrast != annotator.session.contrast:
            self.encode.end("The contrast was changed.")
        self.later()

    def _on_objects(self) -> None:
        """Mark the slices anew."""
        self._marked = None
        self.later()

    def _on_switched(self, *_: Any) -> None:
        """Begin anew with another checkpoint."""
        self.encode.end("The checkpoint was changed.")
        self._states.forget()
        self.encode.forget()
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
