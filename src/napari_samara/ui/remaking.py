"""Objects of an annotation made again with another checkpoint: shown before they are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from psygnal import Signal

from napari_samara.ui.layers.preview import COLOUR

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor
    from napari_samara.planes import Plane
    from napari_samara.session.remade import Remade
    from napari_samara.ui.annotator import Annotator

# Pixels of the outlines.
_OUTLINE = 2


class Remaking:
    """Draws what the session finds, and passes the answer of the user on.

    Parameters
    ----------
    annotator : Annotator
        Open; this ends with it.
    """

    told = Signal(str, int, int)
    """A line for the user, planes that are done, and of how many."""

    ended = Signal(str)
    """It is over, with a line for the user."""

    def __init__(self, annotator: Annotator) -> None:
        self.annotator = annotator
        self.layer: Labels | None = None
        self._drawn: set[Plane] = set()
        self._predictor: Predictor | None = None
        annotator.session.events.remade.connect(self._on_remade)
        annotator.closed.connect(self._on_closed)

    @property
    def ready(self) -> bool:
        """Whether there is something to accept."""
        remade = self.annotator.session.remade
        return remade is not None and remade.complete and bool(remade.taken)

    def begin(self, predictor: Predictor) -> None:
        """Decode all accepted objects again.

        Parameters
        ----------
        predictor : Predictor
            The other checkpoint.

        Raises
        ------
        SessionError
            If there is no object to make again.
        """
        predictor.spare_cores = 1  # the window is drawn meanwhile
        self._predictor = predictor
        self.annotator.session.remake(predictor)

    def accept(self) -> None:
        """Replace the objects, and go on with the checkpoint that they were made with.

        Raises
        ------
        SessionError, OutputError
            As for `Session.accept_remade`.
        """
        session = self.annotator.session
        remade = session.remade
        records = session.accept_remade()
        if self._predictor is not None:
            self.annotator.use(self._predictor)
        count = len(records)
        stay = len(remade.taken) - count if remade is not None else 0
        left = f" {stay} changed meanwhile and left as before." if stay else ""
        self.close(
            f"{count} object{'s' * (count != 1)} replaced; undo brings the old back.{left} New "
            "objects are made with this checkpoint, too."
        )

    def discard(self) -> None:
        """Leave the objects as they are."""
        self.annotator.session.discard_remade()
        self.close("The objects are as before.")

    def close(self, line: str = "") -> None:
        """Let go of the annotation and take the drawing away.

        Parameters
        ----------
        line : str
            For the user.
        """
        annotator = self.annotator
        annotator.session.events.remade.disconnect(self._on_remade, missing_ok=True)
        annotator.closed.disconnect(self._on_closed, missing_ok=True)
        layer, self.layer = self.layer, None
        if layer is not None and layer in annotator.viewer.layers:
            annotator.viewer.layers.remove(layer)
        self.ended.emit(line)

    def _on_closed(self) -> None:
        """End with the annotation; while the viewer itself closes, its layers stay untouched."""
        if self.annotator.preview in self.annotator.viewer.layers:
            self.layer = None
        self.close()

    def _on_remade(self, remade: Remade | None) -> None:
        """Draw planes that are new, and say how far it is."""
        if remade is None:
            return
        if remade.failed:
            self.annotator.session.discard_remade()
            self.close(remade.failed)
            return
        planes = {one.plane for found in remade.found.values() for one in found} - self._drawn
        for plane in planes:
            self._draw(plane)
        if planes and self.layer is not None:
            self._drawn |= planes
            self.layer.refresh()
        self.told.emit(_line(remade), remade.done, remade.total)

    def _draw(self, plane: Plane) -> None:
        """Draw the objects of one plane as outlines."""
        if self.layer is None:
            self.layer = self._new_layer()
        plane.extract(self.layer.data)[...] = self.annotator.session.remade_labels(plane)

    def _new_layer(self) -> Labels:
        """Layer on top of all, without taking the place of the one that is worked in."""
        from napari.utils.colormaps import DirectLabelColormap

        labels, layers = self.annotator.labels, self.annotator.viewer.layers
        layer = Labels(
            np.zeros(labels.data.shape, labels.data.dtype),
            name="Samara redone",
            metadata={"samara": True},
            colormap=DirectLabelColormap(color_dict={0: (0, 0, 0, 0), None: COLOUR}),
            opacity=1.0,
            **self.annotator.binding.placement(),
        )
        layer.contour = _OUTLINE
        layer.editable = False
        active = layers.selection.active
        layers.append(layer)
        layers.selection.active = active
        return layer


def _line(remade: Remade) -> str:
    """How far it is, or what it came to."""
    if not remade.complete:
        doing = remade.status.message or "beginning"
        return f"Plane {remade.done + 1} of {remade.total}: {doing} …"
    count = len(remade.taken)
    found = f"{count} object{'s' * (count != 1)} redone (yellow outlines)"
    same = f", mean IoU {remade.mean_iou:.2f} with the labels there are" if count else ""
    return f"{found}{same}." + (f" {remade.left}." if remade.left else "")
