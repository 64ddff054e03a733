"""What happens in session, layers and viewer, and what it leads to in an annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_samara.ui.contrast import DISPLAYED
from napari_samara.ui.one_paint import OnePaint

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.session import LabelEdit
    from napari_samara.session.events import Status
    from napari_samara.ui.annotator import Annotator
    from napari_samara.ui.prompt_sync import PromptSync


class Wiring:
    """Connects the parts of an annotation until it is closed.

    Parameters
    ----------
    annotator : Annotator
        With all its parts.
    sync : PromptSync
        Of its prompts.
    """

    def __init__(self, annotator: Annotator, sync: PromptSync) -> None:
        self.annotator, self._sync = annotator, sync
        self._paint = OnePaint(annotator.viewer)
        self._open = True
        for event, slot in self._pairs():
            event.connect(slot)

    def close(self) -> None:
        """Disconnect everything."""
        self._open = False
        self._paint.release()
        for event, slot in self._pairs():
            event.disconnect(slot)

    def _pairs(self) -> list[tuple[Any, Callable[..., object]]]:
        """Every event and what it leads to, in one place: closing is the mirror image."""
        annotator, sync, layers = self.annotator, self._sync, self.annotator.layers
        events, dims = annotator.session.events, annotator.viewer.dims.events
        show, channels = annotator.picking.show, annotator.binding.layers
        return [
            (events.candidates, show),
            (events.candidates, self._on_candidates),
            (events.batch, show),
            (events.sighted, annotator.picking.glance),
            (events.status, self._on_status),
            (events.prompts, sync.to_layers),
            (events.seeds, sync.seeds_to_layers),
            (events.objects, annotator.review.refresh),
            (events.propagated, annotator.following.show),
            (sync.switched, show),
            (sync.switched, annotator.each_switched.emit),
            (layers.drawn, self._on_drawn),
            (layers.lost, self._on_lost),
            (layers.target.painted, self._on_painted),
            (dims.point, self._on_dims),
            (dims.order, self._on_dims),
            (layers.told, annotator.message.emit),
            *((layer.events.contrast_limits, self._on_limits) for layer in channels),
        ]

    def _on_drawn(self) -> None:
        """Take over what is drawn, and put back a layer that was removed."""
        self._sync.from_layers()
        if self.annotator.session.awaits_masks:
            self._paint.hold()
        QTimer.singleShot(0, self._bring_back)

    def _on_status(self, status: Status) -> None:
        """Show what there is, unless a mask comes in a moment."""
        if status.state != "decoding":
            self._paint.release()

    def _on_candidates(self, *_: object) -> None:
        """Show the mask, also one that is only shown until a better one has come."""
        self._paint.release()

    def _bring_back(self) -> None:
        """Put back layers that were removed, with what they showed, while the image is there."""
        annotator = self.annotator
        here = self._open and annotator.binding.layer in annotator.viewer.layers
        if here and annotator.layers.bring_back():
            self.annotator.picking.show()

    def _on_dims(self) -> None:
        """Follow the sliders to another plane."""
        session = self.annotator.session
        plane = self.annotator.binding.plane(self.annotator.viewer.dims)
        if plane is None:
            self.annotator.layers.preview.show(None, session.plane)
        elif plane != session.plane:
            session.plane = plane

    def _on_limits(self) -> None:
        """Follow the contrast limits, if they are what was chosen."""
        if self.annotator.contrast_name == DISPLAYED:
            self.annotator.choose_contrast(DISPLAYED)

    def _on_painted(self, edits: tuple[LabelEdit, ...]) -> None:
        """Tell the session what the user painted."""
        self.annotator.attempt(self.annotator.session.painted, *edits)

    def _on_lost(self, line: str) -> None:
        """End, since a layer that annotating needs is gone."""
        self.annotator.message.emit(line)
        QTimer.singleShot(0, self.annotator.close)
