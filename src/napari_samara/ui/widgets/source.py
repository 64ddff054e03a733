"""What to annotate and with which model: images, layers, checkpoint, device, start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_samara.ui.choice import Choice
from napari_samara.ui.widgets.checkpoint_form import CheckpointForm
from napari_samara.ui.widgets.forms import wrapped_label
from napari_samara.ui.widgets.image_form import ImageForm
from napari_samara.ui.widgets.layers_form import LayersForm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import ViewerModel

    from napari_samara.engine.device import DeviceChoice
    from napari_samara.ui.offers import Machine, Offer


class SourceForm(QWidget):
    """Chooses images and checkpoint.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose images are offered.
    """

    started = Signal(object)
    """`Choice` of the annotation that is asked for."""

    stopped = Signal()
    """The annotation that is open is to end."""

    cancelled = Signal()
    """Loading is to stop."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.images, self.layers = ImageForm(viewer), LayersForm(viewer)
        self.checkpoints = CheckpointForm()
        self.image, self.level = self.images.image, self.images.level
        self.checkpoint = self.checkpoints.combo
        self.device = wrapped_label("Looking for the device …")
        self.start = QPushButton("Start annotating")
        self._running = self._loading = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.images, self.layers, self.checkpoints, self.device, self.start):
            layout.addWidget(widget)
        self.refresh = self.images.refresh
        self.images.changed.connect(self._on_images)
        self.checkpoint.currentIndexChanged.connect(self._enable)
        self.start.clicked.connect(self._on_start)
        self._on_images()

    def set_checkpoints(self, offers: Iterable[Offer]) -> None:
        """Offer checkpoints.

        Parameters
        ----------
        offers : iterable of Offer
            Those that must be fetched first say so.
        """
        self.checkpoints.set_offers(offers)
        self._enable()

    def set_machine(self, machine: Machine) -> None:
        """Tell where a model will run and how long encoding takes there.

        Parameters
        ----------
        machine : Machine
            Own checkpoints that were chosen meanwhile stay in the list.
        """
        known = {offer.source for offer in machine.offers}
        late = (offer for offer in self.checkpoints.offers if offer.source not in known)
        self.set_checkpoints((*machine.offers, *late))
        if not self._running:
            self.device.setText(f"Device: {machine.device}")

    def show_device(self, device: DeviceChoice) -> None:
        """Tell in a few words where the model runs; why, in the tooltip.

        Parameters
        ----------
        device : DeviceChoice
            Of the predictor.
        """
        self.device.setText(f"Device: {device.device}, {device.precision} encoder")
        self.device.setToolTip(device.reason)

    def set_running(self, running: bool) -> None:
        """Show whether an annotation is open.

        Parameters
        ----------
        running : bool
            Images and checkpoint cannot be changed while it is.
        """
        self._running = running
        self._on_images()
        self._show()

    def set_loading(self, loading: bool) -> None:
        """Show that the model is being loaded.

        Parameters
        ----------
        loading : bool
            All that can be done meanwhile is to stop it.
        """
        self._loading = loading
        self._show()

    def _show(self) -> None:
        """Say what the button does now."""
        text = "Stop annotating" if self._running else "Start annotating"
        self.start.setText("Cancel loading" if self._loading else text)
        for part in (self.images, self.layers, self.checkpoints):
            part.setEnabled(not self._running and not self._loading)
        self.checkpoints.set_brief(self._running)
        self._enable()

    def _on_start(self) -> None:
        """Start, stop, or stop loading."""
        checkpoint = self.checkpoints.chosen
        if self._loading:
            self.cancelled.emit()
        elif self._running:
            self.stopped.emit()
        elif self.images.images and checkpoint is not None:
            images, level = self.images.images, self.images.chosen_level
            self.started.emit(Choice(images, level, checkpoint, self.layers.given))

    def _on_images(self) -> None:
        """Offer what goes with the image that is chosen now; an annotation has its layers."""
        if self._running:
            self.layers.hide()
        else:
            self.layers.offer(self.images.images)
        self._enable()

    def _enable(self) -> None:
        """Offer to start where there is an image and a checkpoint."""
        ready = bool(self.images.images) and self.checkpoints.chosen is not None
        usable = self._running or self._loading or ready
        self.start.setEnabled(usable)
        self.start.setToolTip("" if usable else "Open an image first.")
