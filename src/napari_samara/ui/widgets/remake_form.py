"""Redo the objects of the open annotation with another checkpoint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_samara.errors import SamaraError
from napari_samara.ui import open_annotators
from napari_samara.ui.remaking import Remaking
from napari_samara.ui.widgets.checkpoint_form import CheckpointForm
from napari_samara.ui.widgets.forms import wrapped_label
from napari_samara.ui.widgets.loading import Loader

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_samara.session import Status
    from napari_samara.ui.annotator import Annotator

_TIP = (
    "Decodes the prompts of all accepted objects again and shows what comes out, before anything "
    "changes. Objects that were painted or changed by hand stay as they are."
)


class RemakeForm(QWidget):
    """Chooses the checkpoint, and takes or leaves what it finds.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose annotation it is.
    """

    asked = Signal()
    """There is something to accept or to discard."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = viewer
        self.checkpoints, self.line, self.bar = CheckpointForm(), wrapped_label(), QProgressBar()
        self.redo = QPushButton("Redo my objects")
        self.accept, self.discard = QPushButton("Accept"), QPushButton("Discard")
        self.remaking: Remaking | None = None
        self._loading = False
        self._loader = Loader(self)
        self.checkpoints.set_brief(True)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.redo.setToolTip(_TIP)
        self.accept.setToolTip("Replaces the labels of the objects; one undo takes it back.")
        buttons = QHBoxLayout()
        for button in (self.accept, self.discard):
            button.setMinimumWidth(1)
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.checkpoints, self.redo, self.line, self.bar):
            layout.addWidget(part)
        layout.addLayout(buttons)
        self.redo.clicked.connect(self._on_redo)
        self.accept.clicked.connect(self._on_accept)
        self.discard.clicked.connect(self._on_discard)
        self._loader.told.connect(self._on_loading)
        self.checkpoints.combo.currentIndexChanged.connect(self.refresh)
        self._say("")
        self.refresh()

    @property
    def annotator(self) -> Annotator | None:
        """The annotation that is open in the viewer."""
        return open_annotators.annotator_of(self.viewer)

    def refresh(self, *_: Any) -> None:
        """Offer what makes sense now."""
        running = self.remaking is not None or self._loading
        objects = len(self.annotator.session.objects) if self.annotator is not None else 0
        ready = objects > 0 and self.checkpoints.chosen is not None
        self.checkpoints.setEnabled(not running)
        self.redo.setVisible(not running)
        self.redo.setEnabled(ready)
        self.accept.setVisible(self.remaking is not None)
        self.discard.setVisible(running)
        complete = self.remaking is not None and self.remaking.ready
        self.accept.setEnabled(complete)
        self.discard.setText("Discard" if complete else "Cancel")

    def close_down(self) -> None:
        """Stop, and take what is shown of it away."""
        if self.remaking is not None or self._loading:
            self._on_discard()

    def _on_redo(self) -> None:
        """Load the checkpoint, then begin."""
        checkpoint, annotator = self.checkpoints.chosen, self.annotator
        if checkpoint is None or annotator is None:
            return
        self._loading = True
        self._loader.load(checkpoint, partial(self._begin, annotator), self._on_failed)
        self.refresh()

    def _begin(self, annotator: Annotator, predictor: Any) -> None:
        """Decode, now that the model is there."""
        self._loading = False
        if annotator is not self.annotator:
            self._on_failed(RuntimeError("The annotation was closed meanwhile."))
            return
        self.remaking = begun = Remaking(annotator)
        begun.told.connect(self._on_told)
        begun.ended.connect(self._on_ended)
        try:
            begun.begin(predictor)
        except SamaraError as error:
            if self.remaking is begun:  # has not said so itself
                begun.close(str(error))
        self.refresh()

    def _on_accept(self) -> None:
        if self.remaking is not None:
            try:
                self.remaking.accept()
            except SamaraError as error:
                self._say(str(error))

    def _on_discard(self) -> None:
        if self.remaking is not None:
            self.remaking.discard()
        else:
            self._loader.cancel()

    def _on_loading(self, status: Status) -> None:
        text = status.message[:1].upper() + status.message[1:]
        self._say(f"{text} …", status.done, status.total or 1)

    def _on_told(self, line: str, done: int, total: int) -> None:
        self._say(line, done, total if done < total else 0)
        self.refresh()
        if done == total:
            self.asked.emit()

    def _on_ended(self, line: str) -> None:
        self.remaking = None
        self._say(line)
        self.refresh()

    def _on_failed(self, error: Exception) -> None:
        self._loading = False
        self._say(str(error))
        self.refresh()

    def _say(self, line: str, done: int = 0, total: int = 0) -> None:
        """Show a line, and a bar while there is something to wait for."""
        self.line.setText(line)
        self.line.setVisible(bool(line))
        self.bar.setVisible(total > 0)
        self.bar.setRange(0, total if total > 1 else 0)
        self.bar.setValue(done)
