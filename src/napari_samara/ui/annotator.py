"""One annotation in a viewer: what is drawn goes to the session, what it finds is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_samara.errors import ImageError, PromptError, SamaraError
from napari_samara.prompts import mask
from napari_samara.session import Session
from napari_samara.ui.binding import ImageBinding, comfortable_level
from napari_samara.ui.contrast import DISPLAYED, chosen
from napari_samara.ui.keys import bind_in_labels, bind_keys, unbind_in_labels
from napari_samara.ui.layer_set import GivenLayers, LayerSet
from napari_samara.ui.prompt_sync import PromptSync
from napari_samara.ui.workers import MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Points, Shapes

    from napari_samara.engine.predictor import Predictor
    from napari_samara.masks import Mask
    from napari_samara.session import JobRunner, LabelEdit
    from napari_samara.session.jobs import Delivery

    MakeRunner = Callable[[Callable[[Delivery], None]], JobRunner]


class Annotator:
    """Handle of an annotation: the session, and the layers it is worked on in.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        That shows the image.
    image : napari.layers.Image
        What is annotated.
    predictor : Predictor
        The model.
    given : GivenLayers
        Layers of the user to work on.
    level : int, optional
        Of a multiscale image; the finest that is comfortable if left out.
    runner : callable, optional
        Makes the job runner, of a function that delivers calls to the main thread; a worker
        thread if left out.

    Raises
    ------
    ImageError
        If the image cannot be annotated or the given labels do not fit it.
    """

    message = Signal(str)
    """A line for the user."""

    sign = Signal(bool)
    """Prompts of the other sign are drawn from now on."""

    closed = Signal()
    """The annotation has ended."""

    def __init__(
        self,
        viewer: ViewerModel,
        image: Image,
        predictor: Predictor,
        given: GivenLayers | None = None,
        level: int | None = None,
        runner: MakeRunner | None = None,
    ) -> None:
        self.viewer = viewer
        self.binding = ImageBinding(image, comfortable_level(image) if level is None else level)
        plane = self.binding.plane(viewer.dims)
        if plane is None:
            raise ImageError(f"the sliders stand outside {image.name!r}; move them onto it")
        self.contrast_name = DISPLAYED
        self._open = True
        self._main = MainThread()
        self.layers = LayerSet(viewer, self.binding, plane, given or GivenLayers())
        self.session = Session(
            self.binding.data,
            predictor,
            rgb=self.binding.rgb,
            contrast=chosen(self.contrast_name, image),
            runner=(runner or _worker)(self._main.deliver),
            labels=self.layers.target,
            source=str(image.source.path) if image.source.path else None,
        )
        self.session.plane = plane
        bind_keys()
        self._label_keys = {"undo": self.undo, "redo": self.redo}
        bind_in_labels(self.labels, self._label_keys)
        self._sync = PromptSync(self.session, self.layers, self.attempt)
        self._connect()
        self._sync.from_layers()

    @property
    def points(self) -> Points:
        """Layer that point prompts are drawn in."""
        return self.layers.points.layer

    @property
    def shapes(self) -> Shapes:
        """Layer that boxes, polygons and scribbles are drawn in."""
        return self.layers.shapes.layer

    @property
    def labels(self) -> Labels:
        """Layer of the accepted objects."""
        return self.layers.target.layer

    @property
    def preview(self) -> Labels:
        """Layer that shows the candidate; one plane of the image."""
        return self.layers.preview.layer

    @property
    def positive(self) -> bool:
        """Sign of what is drawn next; settable."""
        return self.layers.points.positive

    @positive.setter
    def positive(self, positive: bool) -> None:
        for drawing in self.layers.drawings:
            drawing.positive = positive
        self.sign.emit(positive)

    def attempt(self, verb: Callable[..., object], *args: Any) -> bool:
        """Do something that may be refused; a refusal becomes a message.

        Parameters
        ----------
        verb : callable
            A verb of the session.
        *args : object
            Its arguments.

        Returns
        -------
        bool
            Whether it was done.
        """
        try:
            verb(*args)
        except SamaraError as error:
            self.message.emit(str(error))
            return False
        return True

    def choose_contrast(self, name: str) -> None:
        """Set how intensities become what the model sees.

        Parameters
        ----------
        name : str
            One of `contrast.TITLES`.
        """
        self.contrast_name = name
        self._on_limits()

    def refine(self, label: int) -> None:
        """Make a label of the current plane a prompt: its mask, box and deepest point.

        Parameters
        ----------
        label : int
            In the labels layer.

        Raises
        ------
        PromptError
            If it is not in this plane.
        """
        plane = self.session.plane
        here = np.asarray(plane.extract(self.layers.target)) == label
        if label == 0 or not here.any():
            raise PromptError(f"label {label} is not in this plane")
        fixed = dict(plane.fixed)
        self.session.add(mask(here, axis=tuple(fixed) or None, index=tuple(fixed.values()) or None))

    @property
    def selected(self) -> int:
        """Label that is selected in the labels layer; settable."""
        return int(self.labels.selected_label)

    @selected.setter
    def selected(self, label: int) -> None:
        self.labels.selected_label = label

    def accept(self) -> None:
        """Accept the mask and select its label; a refusal becomes a message."""
        if self.attempt(self.session.accept) and self.session.objects:
            self.selected = max(self.session.objects, key=self._accepted_at)

    def undo(self) -> None:
        """Take the last step back; a refusal becomes a message."""
        self.attempt(self.session.undo)

    def redo(self) -> None:
        """Do the step taken back last again; a refusal becomes a message."""
        self.attempt(self.session.redo)

    def reopen(self) -> None:
        """Bring back the prompts of the selected object; a refusal becomes a message."""
        if self.attempt(self.session.reopen, self.selected):
            self.show_object(self.selected)
            self.layers.select_points()

    def delete(self) -> None:
        """Delete the selected object; a refusal becomes a message."""
        self.attempt(self.session.delete, self.selected)

    def step_object(self, step: int) -> None:
        """Go to the object after or before the selected one, in a circle.

        Parameters
        ----------
        step : int
            1 or -1.
        """
        labels = list(self.session.objects)
        if not labels:
            self.message.emit("There are no objects yet.")
            return
        later = [label for label in labels if (label - self.selected) * step > 0]
        later = later or labels
        self.show_object(min(later) if step > 0 else max(later))

    def show_object(self, label: int) -> None:
        """Go to an accepted object and select its label.

        Parameters
        ----------
        label : int
            Of a record.
        """
        record = self.session.objects[label]
        if record.plane is None or record.box is None:
            return
        row0, col0, row1, col1 = record.box
        centre = np.zeros(self.binding.ndim)
        for axis, index in record.plane.fixed:
            centre[axis] = index
        centre[list(record.plane.displayed)] = (row0 + row1 - 1) / 2, (col0 + col1 - 1) / 2
        world = self.binding.to_world(centre, self.viewer.dims)
        first = self.viewer.dims.ndim - self.binding.ndim
        for axis, _ in record.plane.fixed:
            self.viewer.dims.set_point(axis + first, world[axis])
        shown = [axis - first for axis in self.viewer.dims.displayed if axis >= first]
        # napari 0.9 moved the camera to the scene and warns of the old name.
        getattr(self.viewer, "scene", self.viewer).camera.center = tuple(world[shown])
        self.selected = label

    def close(self, keep_layers: bool = False) -> None:
        """End the annotation; labels, points and shapes stay in the viewer.

        Parameters
        ----------
        keep_layers : bool
            Whether the preview stays too: while the viewer itself is closing, nothing of it may
            be touched.
        """
        if not self._open:
            return
        self._open = False
        self._disconnect()
        self._main.close()
        self.session.close()
        self.layers.close(keep_layers)
        unbind_in_labels(self.labels, self._label_keys)
        self.closed.emit()

    def _accepted_at(self, label: int) -> tuple[str, int]:
        """Order in which objects were accepted."""
        return self.session.objects[label].accepted, label

    def _connect(self) -> None:
        """Listen; `_disconnect` is the mirror image."""
        events = self.session.events
        events.candidates.connect(self._on_candidates)
        events.prompts.connect(self._sync.to_layers)
        self.layers.drawn.connect(self._on_drawn)
        self.layers.lost.connect(self._on_lost)
        self.layers.target.painted.connect(self._on_painted)
        self.viewer.dims.events.point.connect(self._on_dims)
        self.viewer.dims.events.order.connect(self._on_dims)
        self.binding.layer.events.contrast_limits.connect(self._on_limits)

    def _disconnect(self) -> None:
        """Stop to listen."""
        events = self.session.events
        events.candidates.disconnect(self._on_candidates)
        events.prompts.disconnect(self._sync.to_layers)
        self.layers.drawn.disconnect(self._on_drawn)
        self.layers.lost.disconnect(self._on_lost)
        self.layers.target.painted.disconnect(self._on_painted)
        self.viewer.dims.events.point.disconnect(self._on_dims)
        self.viewer.dims.events.order.disconnect(self._on_dims)
        self.binding.layer.events.contrast_limits.disconnect(self._on_limits)

    def _on_drawn(self) -> None:
        """Take over what is drawn, and put back a layer that was removed."""
        self._sync.from_layers()
        QTimer.singleShot(0, self.layers.bring_back)

    def _on_candidates(self, masks: tuple[Mask, ...], choice: int) -> None:
        """Show the chosen candidate."""
        self.layers.preview.show(masks[choice] if masks else None, self.session.plane)

    def _on_dims(self) -> None:
        """Follow the sliders to another plane."""
        plane = self.binding.plane(self.viewer.dims)
        if plane is None:
            self.layers.preview.show(None, self.session.plane)
        elif plane != self.session.plane:
            self.session.plane = plane

    def _on_limits(self) -> None:
        """Follow the contrast limits, if they are what was chosen."""
        self.session.contrast = chosen(self.contrast_name, self.binding.layer)

    def _on_painted(self, edit: LabelEdit) -> None:
        """Tell the session what the user painted."""
        self.attempt(self.session.painted, edit)

    def _on_lost(self, line: str) -> None:
        """End, since a layer that annotating needs is gone."""
        self.message.emit(line)
        QTimer.singleShot(0, self.close)


def _worker(deliver: Callable[[Delivery], None]) -> JobRunner:
    """Runner with one worker thread."""
    from napari_samara.session.thread_runner import ThreadRunner

    return ThreadRunner(deliver)
