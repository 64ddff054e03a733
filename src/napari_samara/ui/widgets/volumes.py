"""The Volumes dock widget: slices encoded ahead, objects followed through them, doubts reviewed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QPushButton

from napari_samara.ui import open_annotators
from napari_samara.ui.keys import bind_keys
from napari_samara.ui.widgets.dock import Dock
from napari_samara.ui.widgets.follow_panel import FollowPanel
from napari_samara.ui.widgets.forms import wrapped_label
from napari_samara.ui.widgets.review_panel import ReviewPanel
from napari_samara.ui.widgets.slices_panel import SlicesPanel
from napari_samara.ui.workers import MainThread, Task

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_samara.ui.annotator import Annotator

_NONE = "No annotation is open in this viewer: start one in the Annotate dock."


class VolumesWidget(Dock):
    """Dock widget for the volume of the annotation that is open in a viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        bind_keys()
        self.slices, self.following, self.review = SlicesPanel(), FollowPanel(), ReviewPanel()
        self.panels = (self.slices, self.following, self.review)
        self.line, self.open = wrapped_label(), QPushButton("Open the Annotate dock")
        self._joined: list[Annotator] = []
        self._main = MainThread(self)
        self._build()
        self.open.clicked.connect(self._on_open)
        self.slices.along_changed.connect(self.following.refresh)
        self.slices.along_changed.connect(self.review.refresh)
        open_annotators.events.opened.connect(self._on_opened)
        self._end = partial(_end, self, self._joined)
        self.destroyed.connect(self._end)
        self._show_joined()
        if (found := open_annotators.annotator_of(self.viewer)) is not None:
            self._join(found)

    @property
    def annotator(self) -> Annotator | None:
        """The annotation that is open; None where there is none."""
        return self._joined[-1] if self._joined else None

    def say(self, line: str) -> None:
        """Show a line for the user.

        Parameters
        ----------
        line : str
            Empty for none.
        """
        self.line.setText(line)
        self.line.setVisible(bool(line))

    def _build(self) -> None:
        """Put the parts below each other, in an area that scrolls where the dock is short."""
        layout = self.column()
        for part in (self.line, self.open, self.slices, self.following):
            layout.addWidget(part)
        layout.addWidget(self.review, 1)

    def _on_open(self) -> None:
        """Open the dock that annotations are begun in."""
        self.viewer.window.add_plugin_dock_widget("napari-samara", "Annotate")

    def _on_opened(self, viewer: Any, annotator: Annotator) -> None:
        """Take over an annotation of this viewer, whoever began it."""
        if viewer is self.viewer:
            self._join(annotator)

    def _join(self, annotator: Annotator) -> None:
        """Show an annotation."""
        self._joined.append(annotator)
        annotator.closed.connect(self._on_closed)
        annotator.message.connect(self.say)
        annotator.review.moved.connect(self._on_going_on)
        annotator.following.told.connect(self._on_going_on)
        for panel in self.panels:
            panel.join(annotator)
        self._show_joined()
        self._loading = Task(_load, self._main, _pass, _pass)

    def _on_going_on(self, *_: Any) -> None:
        """Take away what was said before: it is over."""
        self.say("")

    def _on_closed(self) -> None:
        """Show that there is no annotation any more."""
        _part(self, self._joined)
        self._show_joined()

    def _show_joined(self) -> None:
        """Enable what makes sense now."""
        there = self.annotator is not None
        self.say("" if there else _NONE)
        self.open.setVisible(not there)
        for panel in self.panels:
            panel.setEnabled(there)
            panel.refresh()

    def close_down(self) -> None:
        """Let go of the annotation."""
        _part(self, self._joined)


def _load() -> None:
    """Import what following needs, so that its first slice does not wait for it."""
    import napari_samara.engine.volume
    import napari_samara.engine.volume_result  # noqa: F401


def _pass(_: object) -> None:
    """Do nothing: where it cannot be imported, following says so."""


def _part(widget: VolumesWidget, joined: list[Annotator]) -> None:
    """Let go of an annotation and end what runs; touches nothing of Qt."""
    for annotator in joined:
        annotator.closed.disconnect(widget._on_closed)  # noqa: SLF001
        annotator.message.disconnect(widget.say)
        annotator.review.moved.disconnect(widget._on_going_on)  # noqa: SLF001
        annotator.following.told.disconnect(widget._on_going_on)  # noqa: SLF001
    joined.clear()
    for panel in widget.panels:
        panel.part()


def _end(widget: VolumesWidget, joined: list[Annotator], *_: Any) -> None:
    """Let go of everything when Qt deletes the widget; Qt's half of it is gone by then."""
    open_annotators.events.opened.disconnect(widget._on_opened)  # noqa: SLF001
    _part(widget, joined)
