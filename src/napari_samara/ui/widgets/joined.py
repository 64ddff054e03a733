"""An annotation and a dock widget that shows it, joined until one of them ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.session.request import upright
from napari_samara.ui.keeping import Subject
from napari_samara.ui.layers.encoder_view import EncoderView
from napari_samara.ui.layers.similarity import SimilarityView
from napari_samara.ui.object_tools import look_at
from napari_samara.ui.tool_watch import ToolWatch
from napari_samara.ui.widgets.classes import class_of, offer_classes
from napari_samara.ui.workers import Latest, MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import Mask
    from napari_samara.session import Candidate, Status
    from napari_samara.settings import PredictSettings
    from napari_samara.ui.annotator import Annotator
    from napari_samara.ui.widgets.annotate import AnnotateWidget


class Joined:
    """Passes what the user does in the widget on, and what becomes of it back.

    Parameters
    ----------
    widget : AnnotateWidget
        Shows the annotation.
    annotator : Annotator
        Is shown.
    """

    def __init__(self, widget: AnnotateWidget, annotator: Annotator) -> None:
        self.widget, self.annotator = widget, annotator
        self._main = MainThread()
        self._view = EncoderView(annotator.viewer, annotator.binding)
        self._similarity = SimilarityView(annotator.viewer, annotator.binding)
        self._watch = ToolWatch(annotator.viewer)
        self._seeing = Latest(self._main, self._show_seen, self._on_unseen)
        self._seen_plane = annotator.session.plane
        self._signals = self._pairs()
        for signal, slot in self._signals:
            signal.connect(slot)
        session = annotator.session
        device = session.predictor.device
        widget.source.show_device(device)
        widget.prompting.set_sign(annotator.positive)
        self._on_candidates(session.candidates, session.choice)
        self._on_objects()
        widget.autosave.show_running(annotator.folder, Subject.of(annotator.binding))
        self._agree()
        widget.prompting.set_each(annotator.each)
        self._on_batch(session.batch)
        self._on_next_class("")
        widget.options.set_stale(session.stale)
        self._watch.tell()

    def _agree(self) -> None:
        """Make form and session alike: what was resumed keeps what it was made with."""
        session, options = self.annotator.session, self.widget.options
        if self.annotator.resumed:
            options.show_values(
                session.settings, self.annotator.contrast_name, session.mode, session.crop
            )
            self.widget.prompting.many.show_score(session.at_least)
            return
        session.at_least = self.widget.prompting.many.at_least
        session.settings = options.settings
        session.mode = options.mode.currentData()
        session.crop = options.crop.currentData()
        self.annotator.choose_contrast(options.contrast.currentData())

    def part(self) -> None:
        """Let go of both."""
        for signal, slot in self._signals:
            signal.disconnect(slot)
        self._signals = []
        self._watch.close()
        self._main.close()

    def _pairs(self) -> list[tuple[Any, Callable[..., object]]]:
        """Every signal and what it leads to, in one place: `part` is the mirror image."""
        widget, annotator, session = self.widget, self.annotator, self.annotator.session
        return [
            (session.events.status, self._on_status),
            (session.events.candidates, self._on_candidates),
            (session.events.objects, self._on_objects),
            (session.events.stale, widget.options.set_stale),
            (session.events.unsaved, widget.autosave.warn),
            (widget.autosave.moved, annotator.move),
            (annotator.message, widget.status.say),
            (annotator.sign, widget.prompting.set_sign),
            (annotator.switched, self._on_switched),
            (annotator.contrast_chosen, widget.options.show_contrast),
            (widget.objects.table.itemSelectionChanged, self._on_rows),
            (annotator.closed, self._view.hide),
            (self._watch.changed, self._on_active),
            (session.events.stale, self._on_sees),  # with the plane and with the contrast
            (widget.prompting.sign_chosen, self._on_sign),
            (widget.prompting.tool_chosen, self._on_tool),
            (widget.prompting.candidate_chosen, self._on_candidate),
            (widget.options.settings_changed, self._on_settings),
            (widget.options.contrast_chosen, self._on_contrast),
            (widget.options.mode_chosen, self._on_mode),
            (widget.options.crop_chosen, self._on_crop),
            (widget.prompting.similar_asked, self._on_similar),
            (widget.options.sees_toggled, self._on_sees),
            (widget.options.encode_asked, session.encode),
            (widget.objects.jumped, self._on_jump),
            (session.events.batch, self._on_batch),
            (widget.prompting.find_all.asked, self._on_find_all),
            (widget.prompting.find_all.stop_asked, session.stop_finding),
            (widget.prompting.each_toggled, self._on_each),
            (annotator.each_switched, widget.prompting.set_each),
            (widget.prompting.many.pick_asked, self._on_pick),
            (widget.prompting.many.all_asked, self._on_pick_all),
            (widget.prompting.many.score_changed, self._on_score),
            (widget.prompting.many.map_toggled, self._on_map),
            (annotator.closed, self._similarity.hide),
            (session.events.stale, self._on_map),  # with the plane
            (widget.prompting.klass.editTextChanged, self._on_next_class),
            (widget.objects.classed, self._on_class),
            (widget.prompting.refine_asked, self._on_refine),
            (widget.objects.reopened, self._on_reopen),
            (widget.objects.deleted, self._on_delete),
            (widget.objects.merged, self._on_merge),
            (widget.verbs["accept"].clicked, self._on_accept),
            (widget.verbs["undo"].clicked, self._on_undo),
            (widget.verbs["redo"].clicked, self._on_redo),
            (widget.verbs["clear"].clicked, self._on_clear),
        ]

    def _on_status(self, status: Status) -> None:
        self.widget.status.show_status(status)
        self.widget.autosave.follow(status)
        self.widget.prompting.find_all.set_finding(self.annotator.session.finding)

    def _on_candidates(self, masks: tuple[Mask, ...], choice: int) -> None:
        self.widget.prompting.set_candidates(masks, choice)
        self._on_history()

    def _on_history(self) -> None:
        """Enable undo, redo and accept where there is something to do."""
        session, verbs = self.annotator.session, self.widget.verbs
        verbs["undo"].setEnabled(session.can_undo)
        verbs["redo"].setEnabled(session.can_redo)
        each = self.annotator.each
        verbs["accept"].setEnabled(bool(session.picked if each else session.candidates))
        verbs["clear"].setEnabled(len(session.seeds if each else session.prompts) > 0)

    def _on_objects(self) -> None:
        self.widget.objects.show_records(self.annotator.session.objects)
        offer_classes(self.widget.prompting.klass, self.widget.objects.classes)
        self._on_history()

    def _on_switched(self, predictor: Predictor) -> None:
        """Show the checkpoint that is used now."""
        widget, checkpoint = self.widget.source, predictor.checkpoint
        widget.show_device(predictor.device)
        if checkpoint is not None:
            widget.checkpoints.show_used(checkpoint)

    def _on_sign(self, positive: bool) -> None:
        self.annotator.positive = positive

    def _on_tool(self, which: str, mode: str) -> None:
        self.annotator.layers.select_tool(which, mode)
        self._watch.tell()  # also where the tool was chosen already

    def _on_active(self, layer: Layer | None, mode: str) -> None:
        """Show the tool that the next click uses."""
        layers = self.annotator.layers
        known = {"points": layers.points, "shapes": layers.shapes}
        which = next((name for name, own in known.items() if own.layer is layer), "")
        which = "preview" if layer is layers.preview.layer else which
        self.widget.prompting.set_tool(which, mode)

    def _on_candidate(self, number: int) -> None:
        self.annotator.attempt(self.annotator.session.choose, number)

    def _on_settings(self, settings: PredictSettings) -> None:
        self.annotator.session.settings = settings

    def _on_contrast(self, name: str) -> None:
        self.annotator.choose_contrast(name)

    def _on_mode(self, mode: str) -> None:
        self.annotator.session.mode = mode

    def _on_crop(self, crop: str) -> None:
        self.annotator.session.crop = crop

    def _on_similar(self) -> None:
        self.annotator.attempt(self.annotator.session.find_similar)

    def _on_map(self, *_: Any) -> None:
        """Show where similar objects were seen in this plane, or nothing."""
        session = self.annotator.session
        plane = upright(session.plane)
        found = session.similar.found.get(plane) if session.similar is not None else None
        if found is None or not self.widget.prompting.many.map.isChecked():
            self._similarity.hide()
        else:
            self._similarity.show(found.similarity, found.step, plane)

    def _on_sees(self, *_: Any) -> None:
        """Show or hide what the model sees; a worker reads it."""
        if not self.widget.options.sees.isChecked():
            self._seeing.cancel()
            self._view.hide()
            return
        self._seen_plane = self.annotator.session.plane
        self._seeing.ask(self.annotator.session.encoder_reader())

    def _show_seen(self, rgb: NDArray[np.uint8]) -> None:
        self._view.show(rgb, self._seen_plane)

    def _on_unseen(self, error: Exception) -> None:
        self.widget.status.say(str(error))

    def _on_jump(self, label: int) -> None:
        look_at(self.annotator, label)

    def _on_rows(self) -> None:
        """Have the chosen objects followed together."""
        self.annotator.following.chosen = tuple(self.widget.objects.selected)

    def _on_find_all(self, preset: str) -> None:
        session = self.annotator.session
        self.annotator.attempt(session.find_all, AutomaticSettings.preset(preset))
        self.widget.prompting.find_all.set_finding(session.finding)

    def _on_each(self, each: bool) -> None:
        self.annotator.each = each

    def _on_batch(self, found: tuple[Candidate, ...]) -> None:
        """Say how many objects one key accepts now."""
        self.widget.prompting.set_count(len(found), len(self.annotator.session.picked))
        self._on_map()
        self._on_history()

    def _on_pick(self) -> None:
        self.annotator.picking.begin()
        self._watch.tell()

    def _on_pick_all(self, wanted: bool) -> None:
        self.annotator.picking.pick_all(wanted)

    def _on_score(self, at_least: float) -> None:
        self.annotator.session.at_least = at_least

    def _on_next_class(self, _: str) -> None:
        self.annotator.next_class = class_of(self.widget.prompting.klass)

    def _on_class(self, label: int, klass: str) -> None:
        """Set a class; the cell shows what became of it."""
        self.annotator.attempt(self.annotator.session.set_class, label, klass)
        self._on_objects()

    def _on_refine(self) -> None:
        self.annotator.refine()

    def _on_reopen(self, label: int) -> None:
        self.annotator.selected = label
        self.annotator.reopen()

    def _on_delete(self, label: int) -> None:
        self.annotator.attempt(self.annotator.session.delete, label)

    def _on_merge(self, keep: int, other: int) -> None:
        self.annotator.attempt(self.annotator.session.merge, keep, other)

    def _on_accept(self) -> None:
        self.annotator.accept()

    def _on_undo(self) -> None:
        self.annotator.undo()

    def _on_redo(self) -> None:
        self.annotator.redo()

    def _on_clear(self) -> None:
        self.annotator.clear()
