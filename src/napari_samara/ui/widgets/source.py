"""What to annotate and with which model: image, level, checkpoint, device, start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_samara.ui.levels import comfortable_level
from napari_samara.ui.widgets.forms import form_of, narrow_combo, wrapped_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import ViewerModel

    from napari_samara.checkpoints import CheckpointInfo


class SourceForm(QWidget):
    """Chooses image and checkpoint.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose images are offered.
    """

    started = Signal(object, int, str)
    """Image layer, level and checkpoint of the annotation that is asked for."""

    stopped = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = viewer
        self.image, self.level, self.checkpoint = narrow_combo(), narrow_combo(), narrow_combo()
        self.device = wrapped_label("The device is told once the checkpoint is loaded.")
        self.start = QPushButton("Start annotating")
        self._running = False
        form_widget = QWidget()
        self._form = form_of(form_widget)
        self._form.addRow("Image", self.image)
        self._form.addRow("Level", self.level)
        self._form.addRow("Checkpoint", self.checkpoint)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (form_widget, self.device, self.start):
            layout.addWidget(widget)
        self.image.currentIndexChanged.connect(self._on_image)
        self.start.clicked.connect(self._on_start)
        self.refresh()

    @property
    def chosen_image(self) -> Image | None:
        """The image layer that is chosen; None where there is none."""
        found: Image | None = self.image.currentData()
        return found

    def set_checkpoints(self, infos: Iterable[CheckpointInfo]) -> None:
        """Offer checkpoints.

        Parameters
        ----------
        infos : iterable of CheckpointInfo
            Those that must be fetched first say so.
        """
        self.checkpoint.clear()
        for info in infos:
            here = "" if info.path is not None else ", to be downloaded"
            self.checkpoint.addItem(f"{info.name} ({info.size_mb:.0f} MB{here})", info.name)
        self._enable()

    def set_running(self, running: bool) -> None:
        """Show whether an annotation is open.

        Parameters
        ----------
        running : bool
            Image and checkpoint cannot be changed while it is.
        """
        self._running = running
        self.start.setText("Stop annotating" if running else "Start annotating")
        for combo in (self.image, self.level, self.checkpoint):
            combo.setEnabled(not running)
        self._enable()

    def set_loading(self, loading: bool) -> None:
        """Show that the model is being loaded.

        Parameters
        ----------
        loading : bool
            Nothing can be started meanwhile.
        """
        if loading:
            self.start.setText("Loading the checkpoint …")
            self.start.setEnabled(False)
        else:
            self.set_running(self._running)

    def refresh(self, *_: Any) -> None:
        """Offer the images that the viewer has now, by the names they have now."""
        chosen = self.chosen_image
        images = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        images = [layer for layer in images if not layer.metadata.get("samara")]
        self.image.blockSignals(True)
        self.image.clear()
        for layer in images:
            self.image.addItem(layer.name, layer)
            self.image.setItemData(self.image.count() - 1, layer.name, _TOOLTIP)
        if chosen is None or chosen not in images:
            active = self.viewer.layers.selection.active
            chosen = active if active in images else (images[-1] if images else None)
        if chosen is not None:
            self.image.setCurrentIndex(images.index(chosen))
        self.image.blockSignals(False)
        self._on_image()

    def _on_image(self) -> None:
        """Offer the levels of a multiscale image."""
        layer = self.chosen_image
        self.image.setToolTip(layer.name if layer is not None else "")
        levels = len(layer.data) if layer is not None and layer.multiscale else 1
        self.level.clear()
        for level in range(levels):
            shape = layer.level_shapes[level] if levels > 1 and layer is not None else ()
            self.level.addItem(f"{level}: {' × '.join(str(side) for side in shape)}", level)
        if layer is not None:
            self.level.setCurrentIndex(comfortable_level(layer))
        self._form.setRowVisible(self.level, levels > 1)
        self._enable()

    def _on_start(self) -> None:
        """Start or stop."""
        if self._running:
            self.stopped.emit()
        elif self.chosen_image is not None:
            self.started.emit(
                self.chosen_image, self.level.currentData(), self.checkpoint.currentData()
            )

    def _enable(self) -> None:
        """Offer to start where there is an image and a checkpoint."""
        ready = self.chosen_image is not None and self.checkpoint.count() > 0
        self.start.setEnabled(self._running or ready)
        self.start.setToolTip("" if self._running or ready else "Open an image first.")


_TOOLTIP = 3
"""Qt.ItemDataRole.ToolTipRole, as PySide6 and PyQt6 both take it."""
