"""The Fine-tune dock widget: a checkpoint adapted to the user's own objects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QLabel,
    QPushButton,
    QWidget,
)

from napari_samara.errors import SamaraError
from napari_samara.ui import open_annotators, own_checkpoints
from napari_samara.ui.finetune_data import TrainingData
from napari_samara.ui.finetune_job import FinetuneJob, can_continue
from napari_samara.ui.layer_events import changes_of
from napari_samara.ui.offers import list_offers, look_at_machine
from napari_samara.ui.own_checkpoints import keep_own
from napari_samara.ui.running import started
from napari_samara.ui.widgets.checkpoint_form import CheckpointForm
from napari_samara.ui.widgets.dock import Dock
from napari_samara.ui.widgets.loading import Loader
from napari_samara.ui.widgets.mode_form import ModeForm
from napari_samara.ui.widgets.pairs import PairsForm
from napari_samara.ui.widgets.remake_form import RemakeForm
from napari_samara.ui.widgets.target_form import TargetForm
from napari_samara.ui.widgets.training_view import TrainingView
from napari_samara.ui.workers import MainThread, Task

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_samara.session import Status
    from napari_samara.training.finetune_progress import Finetuned, Progress
    from napari_samara.ui.annotator import Annotator
    from napari_samara.ui.offers import Machine, Offer


class FinetuneWidget(Dock):
    """Dock widget to fine-tune a checkpoint on layers of a viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.pairs, self.checkpoints = PairsForm(self.viewer), CheckpointForm()
        self.mode, self.target, self.view = ModeForm(), TargetForm(), TrainingView()
        self.start, self.remake = QPushButton(), RemakeForm(self.viewer)
        self._main = MainThread(self)
        self._loader = Loader(self)
        self._runs: list[FinetuneJob] = []
        self._busy = False
        self._build()
        self._connect()
        self._layers = changes_of(self.viewer.layers.events)
        for event in self._layers:
            event.connect(self.refresh)
        open_annotators.events.opened.connect(self._on_opened)
        self._end = partial(_end, self, self._runs, self._layers)
        self.destroyed.connect(self._end)
        self._listing = Task(list_offers, self._main, self._on_offers, self._on_failed)
        if (annotator := self.pairs.annotator) is not None:
            self._on_opened(self.viewer, annotator)
        self.refresh()

    @property
    def job(self) -> FinetuneJob | None:
        """The run that is under way."""
        return self._runs[-1] if self._runs else None

    def refresh(self, *_: Any) -> None:
        """Offer the layers and objects that there are now."""
        if not self._busy:
            self.pairs.refresh()
        self.remake.refresh()
        self._show()

    def _build(self) -> None:
        """Put the parts below each other, in an area that scrolls where the dock is short."""
        self._given = (self.pairs, self.checkpoints, self.mode, self.target)
        layout = self.column()
        layout.addWidget(_heading("Learn from"))
        for part in (*self._given, self.start, self.view):
            layout.addWidget(part)
        layout.addWidget(_heading("Redo my objects"))
        layout.addWidget(self.remake)
        layout.addStretch(1)

    def _uncover(self, part: QWidget) -> None:
        """Scroll to a part, once it has its size."""
        QTimer.singleShot(0, self, partial(self.area.ensureWidgetVisible, part))

    def _connect(self) -> None:
        self.start.clicked.connect(self._on_start)
        self.remake.asked.connect(lambda: self._uncover(self.remake.discard))
        self.pairs.changed.connect(self._show)
        self.target.changed.connect(self._show)
        self.checkpoints.combo.currentIndexChanged.connect(self._show)
        for checkpoints in (self.checkpoints, self.remake.checkpoints):
            checkpoints.own_chosen.connect(self._on_own)
        self._loader.told.connect(self._on_loading)

    def _show(self, *_: Any) -> None:
        """Say what the button does now."""
        for part in self._given:
            part.setEnabled(not self._busy)
        if self._busy:
            ending = self.job is not None and self.job.cancelled
            text = "Ending …" if ending else "Cancel (keeps the best so far)"
            self.start.setText(text if self.job is not None else "Cancel")
            self.start.setEnabled(not ending)
            return
        self._suggest()
        again = self.target.ready and can_continue(self.target.folder)
        self.start.setText("Continue training" if again else "Start training")
        chosen = self.checkpoints.chosen is not None
        self.start.setEnabled(self.pairs.ready and chosen and self.target.ready)
        tip = "" if self.pairs.ready else "Choose an image and the labels of its objects first."
        self.start.setToolTip(tip)

    def _suggest(self) -> None:
        """Propose a name after the first image, unless a run is to be gone on with."""
        if self.target.ready and can_continue(self.target.folder):
            return
        annotator = self.pairs.annotator
        if self.pairs.from_session and annotator is not None:
            self.target.suggest(annotator.binding.layer.name)
            return
        pair = next((row.pair for row in self.pairs.rows if row.pair is not None), None)
        if pair is not None:
            self.target.suggest(pair[0].name)

    def _on_offers(self, offers: tuple[Offer, ...]) -> None:
        """Offer checkpoints, and find out where they will run: that imports torch."""
        for checkpoints in (self.checkpoints, self.remake.checkpoints):
            checkpoints.set_offers(offers)
        self.refresh()
        look = partial(look_at_machine, offers)
        self._looking = Task(look, self._main, self._on_machine, self._on_failed)

    def _on_machine(self, machine: Machine) -> None:
        for checkpoints in (self.checkpoints, self.remake.checkpoints):
            known = {offer.source for offer in machine.offers}
            late = [one for one in checkpoints.offers if one.source not in known]
            checkpoints.set_offers((*machine.offers, *late))

    def _on_own(self, path: Path) -> None:
        """Keep weights of the user for the next start."""
        self._keeping = Task(partial(keep_own, path), self._main, self.refresh, self._on_failed)

    def _on_start(self) -> None:
        """Read what is learned from, or end what is under way."""
        if self._busy:
            self._on_cancel()
            return
        try:
            sources = self.pairs.sources()
        except SamaraError as error:
            self.view.say(str(error))
            return
        self._busy = True
        self.view.begin(self.mode.settings.minutes)
        self.view.say("Reading images and labels …", busy=True)
        read = partial(TrainingData.read, sources)
        self._reading = Task(read, self._main, self._on_data, self._on_failed)
        self._show()

    def _on_cancel(self) -> None:
        """End training after this step, or forget what comes before it."""
        if self.job is not None:
            self.job.cancel()
            self.view.say("Ending: one more look at the held-out objects …", busy=True)
        else:
            self._reading.cancel()
            self._loader.cancel()
            self._busy = False
            self.view.say("Nothing was trained.")
        self._show()

    def _on_data(self, data: TrainingData) -> None:
        """Load the checkpoint, now that it is known to be worth it."""
        checkpoint = self.checkpoints.chosen
        if checkpoint is not None:
            self._loader.load(checkpoint, partial(self._train, data), self._on_failed)

    def _train(self, data: TrainingData, predictor: Any) -> None:
        """Train, now that the model is there."""
        job = FinetuneJob(
            data,
            predictor,
            self.target.folder,
            self.mode.settings,
            lambda at: self._main.deliver(partial(self._on_progress, job, at)),
            lambda offer: self._main.deliver(partial(self._on_made, offer)),
        )
        self._runs.append(job)
        self.view.say(f"Looking at {data.about} before training …", busy=True)
        started(job, Task(job.run, self._main, self._on_trained, self._on_failed))
        self._show()

    def _on_progress(self, job: FinetuneJob, at: Progress) -> None:
        if job is self.job and not job.cancelled:
            self.view.show_progress(at)
            if not at.step:
                self._uncover(self.view)

    def _on_made(self, offer: Offer) -> None:
        """Offer the new checkpoint everywhere."""
        own_checkpoints.events.made.emit(offer)

    def _on_trained(self, found: Finetuned) -> None:
        """Say what it gave; the objects can be redone with it."""
        folder = self.target.folder
        self._stop()
        self.view.show_result(found, folder.name)
        self.remake.checkpoints.choose(folder)
        self.refresh()

    def _on_failed(self, error: Exception) -> None:
        """Say why there is nothing, or nothing more."""
        self._stop()
        self.view.say(str(error))
        self.refresh()

    def _stop(self) -> None:
        self._runs.clear()
        self._busy = False

    def _on_loading(self, status: Status) -> None:
        self.view.say(f"{status.message[:1].upper()}{status.message[1:]} …", busy=True)

    def _on_opened(self, viewer: Any, annotator: Annotator) -> None:
        """Follow the objects of an annotation of this viewer."""
        if viewer is self.viewer:
            annotator.session.events.objects.connect(self.refresh)
            annotator.closed.connect(self.refresh)
            self.refresh()

    def close_down(self) -> None:
        """Discard objects that are redone and not accepted."""
        self.remake.close_down()


def _end(widget: FinetuneWidget, runs: list[FinetuneJob], layers: tuple[Any, ...], *_: Any) -> None:
    """Let go of everything when Qt deletes the widget; Qt's half of it is gone by then."""
    for job in runs:
        job.leave()
    for event in layers:
        event.disconnect(widget.refresh)
    open_annotators.events.opened.disconnect(widget._on_opened)  # noqa: SLF001
    annotator = widget.pairs.annotator
    if annotator is not None:
        annotator.session.events.objects.disconnect(widget.refresh, missing_ok=True)
        annotator.closed.disconnect(widget.refresh, missing_ok=True)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold;")
    return label
