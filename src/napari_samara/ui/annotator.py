"""One annotation in a viewer: what is drawn goes to the session, what it finds is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_samara.errors import SamaraError
from napari_samara.prompts import PromptSet
from napari_samara.session.paced_runner import PacedRunner
from napari_samara.session.restored import Restored
from napari_samara.ui.beginning import layers_for, open_session, with_restored
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.contrast import adopted, chosen
from napari_samara.ui.following import Following
from napari_samara.ui.keeping import Keeping
from napari_samara.ui.keys import bind_in_labels, bind_keys, unbind_in_labels
from napari_samara.ui.layer_set import GivenLayers, LayerSet
from napari_samara.ui.navigation import show_held, shown_plane
from napari_samara.ui.object_tools import look_at, refine
from napari_samara.ui.picking import Picking
from napari_samara.ui.prompt_sync import PromptSync
from napari_samara.ui.review import Review
from napari_samara.ui.wiring import Wiring
from napari_samara.ui.workers import MainThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Points, Shapes

    from napari_samara.engine.predictor import Predictor
    from napari_samara.session import JobRunner
    from napari_samara.session.jobs import Delivery
    from napari_samara.session.journal import Journal

    MakeRunner = Callable[[Callable[[Delivery], None]], JobRunner]


class Annotator:
    """Handle of an annotation: the session, and the layers it is worked on in.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        That shows the image.
    image : napari.layers.Image, sequence of them, or ImageBinding
        What is annotated: one layer, or up to three that become red, green and blue, at the
        finest level that is comfortable; a binding says which level.
    predictor : Predictor
        The model.
    given : GivenLayers
        Layers of the user to work on.
    keeping : Keeping, optional
        Where it is saved, what is gone on with, and where embeddings are kept.
    runner : callable, optional
        Makes the job runner, of a function that delivers calls to the main thread; a worker
        thread if left out.

    Raises
    ------
    ImageError
        If the image cannot be annotated, or the given labels or what was saved do not fit it.
    SessionError, FileFormatError
        If what was saved cannot be gone on with.

    Attributes
    ----------
    folder : Path or None
        Where the annotation is saved.
    resumed : bool
        Whether it goes on with what was saved.
    """

    message = Signal(str)
    """A line for the user."""

    sign = Signal(bool)
    """Prompts of the other sign are drawn from now on."""

    each_switched = Signal(bool)
    """Each prompt is an object of its own from now on, or all are prompts of one."""

    contrast_chosen = Signal(str)
    """The choice of contrast is another one now."""

    switched = Signal(object)
    """The predictor of another checkpoint is used from now on."""

    closed = Signal()
    """The annotation has ended."""

    def __init__(
        self,
        viewer: ViewerModel,
        image: Image | Sequence[Image] | ImageBinding,
        predictor: Predictor,
        given: GivenLayers | None = None,
        keeping: Keeping | None = None,
        runner: MakeRunner | None = None,
    ) -> None:
        self.viewer = viewer
        self.binding = image if isinstance(image, ImageBinding) else ImageBinding.of(image)
        keeping = with_restored(keeping or Keeping(), self.binding)
        if isinstance(keeping.saved, Restored):
            show_held(viewer.dims, self.binding, keeping.saved.saved.held)
        plane = shown_plane(viewer.dims, self.binding)
        self._open = True
        predictor.spare_cores = 1  # the window is drawn while a click is decoded
        self._main = MainThread()
        self.folder, self.resumed = keeping.folder, keeping.saved is not None
        given = layers_for(keeping, given or GivenLayers(), self.binding, viewer.layers)
        self.layers = LayerSet(viewer, self.binding, plane, given)
        made = (runner or PacedRunner)(self._main.deliver)
        self.session = open_session(self.binding, predictor, self.layers, keeping, made)
        self.contrast_name = adopted(self.session.contrast, *self.binding.layers)
        self.session.plane = plane
        bind_keys()
        self._label_keys = {"undo": self.undo, "redo": self.redo}
        bind_in_labels(self.labels, self._label_keys)
        self._sync = PromptSync(self.session, self.layers, self.attempt)
        self.picking = Picking(self.session, self.layers, self._sync, self.attempt)
        self.following, self.review = Following(self), Review(self)
        self.next_class: str | None = None
        self._wiring = Wiring(self, self._sync)
        self._sync.begin()
        self.picking.show()

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
        before, self.contrast_name = self.contrast_name, name
        self.session.contrast = chosen(name, *self.binding.layers)
        if name != before:
            self.contrast_chosen.emit(name)

    @property
    def selected(self) -> int:
        """Label that is selected in the labels layer; settable."""
        return int(self.labels.selected_label)

    @selected.setter
    def selected(self, label: int) -> None:
        self.labels.selected_label = label

    @property
    def each(self) -> bool:
        """Whether each prompt of the plane is an object of its own; settable."""
        return self._sync.each

    @each.setter
    def each(self, each: bool) -> None:
        self.attempt(self._sync.set_each, each)

    def accept(self) -> None:
        """Accept what is shown and select its label; a refusal becomes a message."""
        self.attempt(self._accept_each if self.each else self._accept)

    def clear(self) -> None:
        """Take the prompts away, of the open object or of all; a refusal becomes a message."""
        if self.each:
            self.attempt(self.session.many, PromptSet(), True)
        else:
            self.attempt(self.session.clear)

    def undo(self) -> None:
        """Take the last step back; a refusal becomes a message."""
        self.attempt(self.session.undo)

    def redo(self) -> None:
        """Do the step taken back last again; a refusal becomes a message."""
        self.attempt(self.session.redo)

    def reopen(self) -> None:
        """Bring back the prompts of the selected object; a refusal becomes a message."""
        self.each = False
        if self.attempt(self.session.reopen, self.selected):
            look_at(self, self.selected)
            self.layers.select_points()

    def delete(self) -> None:
        """Delete the selected object; a refusal becomes a message."""
        self.attempt(self.session.delete, self.selected)

    def refine(self) -> None:
        """Make the selected label a prompt; a refusal becomes a message."""
        self.each = False
        self.attempt(refine, self, self.selected)

    def use(self, predictor: Predictor) -> None:
        """Make masks with another checkpoint from now on.

        Parameters
        ----------
        predictor : Predictor
            Its embeddings are made where they are asked for.
        """
        predictor.spare_cores = 1
        self.session.predictor = predictor
        self.switched.emit(predictor)

    def move(self, journal: Journal | None) -> None:
        """Go on saving in another folder; all that was done until now is written there first.

        Parameters
        ----------
        journal : Journal or None
            None to save nothing from now on.
        """
        self.folder = journal.folder if journal is not None else None
        self.session.move_journal(journal)

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
        self._wiring.close()
        # The window is not to freeze until a plane is encoded that nobody asks for any more.
        self.session.close(wait=False)
        self._main.close()
        self.layers.close(keep_layers)
        unbind_in_labels(self.labels, self._label_keys)
        self.closed.emit()

    def _accept(self) -> None:
        """Accept the open object."""
        new = self.session.open_label is None  # a reopened object keeps its class
        self.selected = self.session.accept(klass=self.next_class if new else None).label

    def _accept_each(self) -> None:
        """Accept the objects that are picked of all that were found at once."""
        records = self.session.accept_many(klass=self.next_class)
        if records:
            self.selected = records[-1].label
