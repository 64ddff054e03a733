"""The Annotate dock widget: its parts side by side, and their signals joined."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_samara.errors import ImageError, SamaraError
from napari_samara.ui import open_annotators
from napari_samara.ui.keeping import Keeping, Subject
from napari_samara.ui.keys import bind_keys, key_text
from napari_samara.ui.layer_events import changes_of
from napari_samara.ui.offers import list_offers, look_at_machine
from napari_samara.ui.own_checkpoints import keep_own
from napari_samara.ui.widgets.autosave import AutosaveForm
from napari_samara.ui.widgets.dock import Dock
from napari_samara.ui.widgets.joined import Joined
from napari_samara.ui.widgets.loading import Loader
from napari_samara.ui.widgets.objects import ObjectsTable
from napari_samara.ui.widgets.options import OptionsForm
from napari_samara.ui.widgets.prompting import PromptForm
from napari_samara.ui.widgets.source import SourceForm
from napari_samara.ui.widgets.status import StatusLine
from napari_samara.ui.workers import MainThread, Task

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_samara.ui.annotator import Annotator
    from napari_samara.ui.choice import Choice
    from napari_samara.ui.offers import Offer

VERBS = {"accept": "Accept", "undo": "Undo", "redo": "Redo", "clear": "Clear"}
"""Buttons below the prompts, by the name of their command."""

# Milliseconds after which a dock that was opened is drawn: loading the libraries of torch would
# hold up the graphics driver, which loads its own while it draws for the first time.
_SETTLED = 300


class AnnotateWidget(Dock):
    """Dock widget to annotate the images of a viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        bind_keys()
        self.source, self.prompting = SourceForm(self.viewer), PromptForm()
        self.options, self.objects, self.status = OptionsForm(), ObjectsTable(), StatusLine()
        self.autosave = AutosaveForm()
        self.verbs = {name: QPushButton(title) for name, title in VERBS.items()}
        self.more, self.volumes = QPushButton(), QPushButton("Slices and volumes …")
        self.joined: Joined | None = None
        self._main = MainThread(self)
        self._soon = QTimer(self, singleShot=True, interval=_SETTLED)
        self._soon.timeout.connect(self._look)
        self._loader = Loader(self)
        self._build()
        self.source.started.connect(self._on_start)
        self.source.stopped.connect(self._on_stop)
        self.autosave.said.connect(self.status.say)
        self.source.cancelled.connect(self._loader.cancel)
        self.source.checkpoints.own_chosen.connect(self._on_own)
        self._loader.told.connect(self.status.show_status)
        self._layers = changes_of(self.viewer.layers.events)
        for event in self._layers:
            event.connect(self.source.refresh)
        open_annotators.events.opened.connect(self._on_opened)
        self._end = partial(_end, self, self._layers)
        self.destroyed.connect(self._end)
        self._list_checkpoints()
        if (found := open_annotators.annotator_of(self.viewer)) is not None:
            self._join(found)
        self._show_running()

    @property
    def annotator(self) -> Annotator | None:
        """The annotation that is open; None where there is none."""
        return self.joined.annotator if self.joined is not None else None

    def _build(self) -> None:
        """Put the parts below each other, in an area that scrolls where the dock is short."""
        layout = self.column()
        rows = self._verb_rows()
        self.more.setCheckable(True)
        self.more.toggled.connect(self._on_more)
        self._on_more(False)
        kept = self.autosave
        upper = (self.source, kept.panel, self.status, kept.warning, self.prompting)
        for part in (*upper, *rows):
            layout.addWidget(part)
        layout.addWidget(self.objects, 1)
        self.volumes.setToolTip("Opens the Volumes dock: slices ahead, whole objects, review.")
        self.volumes.clicked.connect(self._on_volumes)
        for part in (self.volumes, kept, self.more, self.options):
            layout.addWidget(part)

    def _leave(self) -> None:
        """Stay: an annotation goes on while its dock is closed."""

    def _on_more(self, shown: bool) -> None:
        """Show or hide the options."""
        self.options.setVisible(shown)
        self.more.setText("▾ Options" if shown else "▸ Options")

    def _on_volumes(self) -> None:
        """Open the dock for volumes."""
        self.viewer.window.add_plugin_dock_widget("napari-samara", "Volumes", tabify=True)

    def _verb_rows(self) -> list[QWidget]:
        """Accept by itself, the others in a row."""
        rows = []
        for names in (["accept"], ["undo", "redo", "clear"]):
            row = QWidget()
            layout = QHBoxLayout(row)
            layout.setContentsMargins(0, 0, 0, 0)
            for name in names:
                self.verbs[name].setMinimumWidth(1)
                layout.addWidget(self.verbs[name], 1)
            rows.append(row)
        return rows

    def _list_checkpoints(self) -> None:
        """Fill the list of checkpoints, away from the main thread: it reads the disk."""
        self._listing = Task(list_offers, self._main, self._on_offers, self._failed)

    def _on_offers(self, offers: tuple[Offer, ...]) -> None:
        """Offer checkpoints, and find out where they will run: that imports torch."""
        self.source.set_checkpoints(offers)
        self._soon.start()

    def _look(self, *_: object) -> None:
        """Find out how long encoding takes, now that more may be known of it."""
        look = partial(look_at_machine, self.source.checkpoints.offers)
        self._looking = Task(look, self._main, self.source.set_machine, self._failed)

    def _on_own(self, path: Path) -> None:
        """Keep weights of the user for the next start, and find out how long they take."""
        self._keeping = Task(partial(keep_own, path), self._main, self._look, self._failed)

    def _on_start(self, choice: Choice) -> None:
        """Load the model; the annotation begins when it is there."""
        try:
            choice.binding()
        except SamaraError as error:
            self.status.say(str(error))
            return
        self.source.set_loading(True)
        self._loader.load(choice.checkpoint, partial(self._begin, choice), self._failed)

    def _begin(self, choice: Choice, predictor: Any) -> None:
        """Find out where it is saved, now that the model is there."""
        self.source.set_loading(False)
        self.status.say("")
        try:
            subject = Subject.of(choice.binding())
        except SamaraError as error:
            self.status.say(str(error))
            return
        self.autosave.prepare(subject, partial(self._open, choice, predictor))

    def _open(self, choice: Choice, predictor: Any, keeping: Keeping) -> None:
        """Open the annotation, now that it is known where it is saved."""
        from napari_samara.ui.annotator import Annotator

        try:
            gone = [layer for layer in choice.layers if layer not in self.viewer.layers]
            if gone:
                raise ImageError(f"The layer {gone[0].name!r} was removed meanwhile.")
            given = choice.given
            annotator = open_annotators.register(
                self.viewer,
                lambda: Annotator(self.viewer, choice.binding(), predictor, given, keeping),
            )
        except SamaraError as error:
            keeping.close()
            self.status.say(str(error))
            return
        annotator.layers.select_points()

    def _failed(self, error: Exception) -> None:
        """Say why there is no model."""
        self.source.set_loading(False)
        self.status.say(str(error))

    def _on_stop(self) -> None:
        """End the annotation; its layers stay."""
        if self.annotator is not None:
            self.annotator.close()

    def _on_opened(self, viewer: Any, annotator: Annotator) -> None:
        """Take over an annotation of this viewer, whoever began it."""
        if viewer is self.viewer:
            self._join(annotator)

    def _join(self, annotator: Annotator) -> None:
        """Show an annotation."""
        self.joined = Joined(self, annotator)
        annotator.closed.connect(self._on_closed)
        self._show_running()

    def _on_closed(self) -> None:
        """Show that there is no annotation any more."""
        if self.joined is not None:
            self.joined.part()
            self.joined = None
        self.autosave.show_running(None, None)
        self._show_running()
        self._look()

    def _show_running(self) -> None:
        """Enable what makes sense now."""
        running = self.joined is not None
        self.source.set_running(running)
        annotator = self.annotator
        self.volumes.setVisible(annotator is not None and annotator.binding.ndim > 2)
        for part in (self.prompting, self.options, self.objects, *self.verbs.values()):
            part.setEnabled(running)
        self.prompting.show_keys()
        for name, button in self.verbs.items():
            button.setToolTip(f"Key: {key_text(name)}")
        self.verbs["accept"].setText(f"Accept ({key_text('accept')})")


def _end(widget: AnnotateWidget, layers: tuple[Any, ...], *_: Any) -> None:
    """Let go of everything when Qt deletes the widget; Qt's half of it is gone by then."""
    for event in layers:
        event.disconnect(widget.source.refresh)
    open_annotators.events.opened.disconnect(widget._on_opened)  # noqa: SLF001
    if widget.joined is not None:
        annotator = widget.joined.annotator
        annotator.closed.disconnect(widget._on_closed)  # noqa: SLF001
        widget.joined.part()
        widget.joined = None
        annotator.close(keep_layers=True)
