"""Candidates in the viewer: one, or many of which a click leaves one out or takes it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_samara.ui.keys import bind_in_labels
from napari_samara.ui.layers.batch_preview import BatchPreview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.layers import Labels

    from napari_samara.session import Session
    from napari_samara.session.finding import Sighting
    from napari_samara.ui.layer_set import LayerSet
    from napari_samara.ui.prompt_sync import PromptSync

# Pixels of the screen that the mouse may move in a click.
_STEADY = 4.0

_HINT = "click on a mask to leave it out or to take it in"


class Picking:
    """Shows the candidates of a session, and picks among many.

    Parameters
    ----------
    session : Session
        Has the candidates.
    layers : LayerSet
        Its preview shows them, and takes the clicks while it is the active layer.
    sync : PromptSync
        Knows whether there are many.
    attempt : callable
        Calls a verb of the session; a refusal becomes a message.
    """

    def __init__(
        self,
        session: Session,
        layers: LayerSet,
        sync: PromptSync,
        attempt: Callable[..., bool],
    ) -> None:
        self.session, self.layers, self._sync, self._attempt = session, layers, sync, attempt
        self._drawn = BatchPreview(layers.preview)

    def show(self, *_: object) -> None:
        """Draw what accepting would take now: the chosen mask, or the many."""
        session = self.session
        if self._sync.each:
            self.layers.preview.show(None, session.plane)
            self._drawn.show(session.batch, session.picked, session.plane)
        else:
            self._drawn.show((), (), session.plane)
            self.layers.preview.show(session.candidate, session.plane)

    def glance(self, seen: tuple[Sighting, ...]) -> None:
        """Draw what a search has seen so far; what can be accepted comes at its end.

        Parameters
        ----------
        seen : tuple of Sighting
            Perhaps none: what there was before is shown again.
        """
        if seen:
            self.layers.preview.show(None, self.session.plane)
            self._drawn.show(seen, range(len(seen)), self.session.plane)
        else:
            self.show()

    def begin(self) -> None:
        """Make clicks on the canvas pick."""
        layer = self.layers.preview.layer
        if self._on_press not in layer.mouse_drag_callbacks:
            layer.mouse_drag_callbacks.append(self._on_press)
            bind_in_labels(layer, {"undo": self._undo, "redo": self._redo})
        layer.mode = "pan_zoom"
        layer.help = _HINT
        self.layers.viewer.layers.selection.active = layer

    def pick_all(self, wanted: bool) -> None:
        """Take all candidates in, or leave all out.

        Parameters
        ----------
        wanted : bool
            Whether they are to be accepted.
        """
        self._attempt(self.session.pick, range(len(self.session.batch)) if wanted else ())

    def toggle(self, row: int, col: int) -> None:
        """Leave out the candidate at a pixel of the plane, or take it in; a miss does nothing.

        Parameters
        ----------
        row, col : int
            Where; of several candidates there the one on top counts.
        """
        session, picked = self.session, set(self.session.picked)
        here = [
            (at in picked, one.score, at)
            for at, one in enumerate(session.batch)
            if one.plane == session.plane and one.covers(row, col)
        ]
        if here:
            self._attempt(session.pick, picked ^ {max(here)[2]})

    def _undo(self) -> None:
        self._attempt(self.session.undo)

    def _redo(self) -> None:
        self._attempt(self.session.redo)

    def _on_press(self, layer: Labels, event: Any) -> Iterator[None]:
        """Take a click, but not a drag, which moves the image."""
        if event.button != 1 or not self.session.batch:
            return
        start = np.asarray(event.pos)
        yield
        while event.type == "mouse_move":
            if np.abs(np.asarray(event.pos) - start).max() > _STEADY:
                return
            yield
        at = np.round(layer.world_to_data(event.position)).astype(int)
        row, col = (int(at[axis]) for axis in sorted(self.session.plane.displayed))
        self.toggle(row, col)
