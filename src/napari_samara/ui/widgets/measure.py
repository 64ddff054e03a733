"""The Measure dock widget: a table of what labels hold, and labels put in order."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QTableView,
    QWidget,
)

from napari_samara.errors import SamaraError
from napari_samara.ui import open_annotators
from napari_samara.ui.layer_events import changes_of
from napari_samara.ui.tidying import Cleaned, Columns, Subject, fits
from napari_samara.ui.widgets.cleanup_form import CleanupForm
from napari_samara.ui.widgets.dock import Dock
from napari_samara.ui.widgets.forms import fill_layers, form_of, narrow_combo, wrapped_label
from napari_samara.ui.widgets.measure_table import MeasureModel
from napari_samara.ui.widgets.panel import heading
from napari_samara.ui.workers import Latest, MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer
    from napari.viewer import Viewer
    from qtpy.QtCore import QModelIndex

_VOLUME = 3


class MeasureWidget(Dock):
    """Dock widget to measure the objects of a Labels layer and to clean it up.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.labels, self.image = narrow_combo(), narrow_combo()
        self.everywhere = QCheckBox("All slices, objects in 3D")
        self.start, self.save = QPushButton("Measure"), QPushButton("Save as CSV …")
        self.model, self.table = MeasureModel(self), QTableView()
        self.cleanup, self.line = CleanupForm(), wrapped_label()
        self._main = MainThread(self)
        self._measuring = Latest(self._main, self._on_measured, self._on_failed)
        self._cleaning = Latest(self._main, self._on_cleaned, self._on_failed)
        self._subject: Subject | None = None
        self._cleaned: Subject | None = None
        self._build()
        self._connect()
        self._layers = changes_of(self.viewer.layers.events)
        for event in self._layers:
            event.connect(self.refresh)
        open_annotators.events.opened.connect(self._on_opened)
        self.destroyed.connect(partial(_end, self, self._layers))
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Offer the layers that there are now; the labels of an annotation come first."""
        annotator = open_annotators.annotator_of(self.viewer)
        own = annotator.labels if annotator is not None else None
        labels = sorted(self._offered(Labels), key=lambda layer: layer is own)
        fill_layers(self.labels, labels, "no labels")
        self._show()

    def say(self, line: str) -> None:
        """Show a line for the user.

        Parameters
        ----------
        line : str
            Empty for none.
        """
        self.line.setText(line)
        self.line.setVisible(bool(line))

    def ask(self) -> QFileDialog:
        """Ask where to save, without waiting for the answer.

        Returns
        -------
        QFileDialog
            Is shown already.
        """
        dialog = QFileDialog(self, "Save the table", f"{self.labels.currentText()}.csv")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Table (*.csv)")
        dialog.setDefaultSuffix("csv")
        dialog.fileSelected.connect(self.write)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def write(self, path: str) -> None:
        """Save the table; a refusal becomes a message.

        Parameters
        ----------
        path : str
            Replaced if it is there.
        """
        from napari_samara.measures import write_table

        try:
            write_table(Path(path), self.model.columns)
        except (SamaraError, OSError) as error:
            self.say(str(error))
        else:
            self.say(f"Saved {len(self.model.columns['label'])} rows in {path}")

    def _build(self) -> None:
        """Put the parts below each other, in an area that scrolls where the dock is short."""
        self.table.setModel(self.model)
        self.table.setSortingEnabled(True)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.horizontalHeader().setDefaultSectionSize(78)
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setWordWrap(False)
        self.table.setMinimumHeight(160)
        choice = QWidget()
        form = form_of(choice)
        form.addRow("Labels", self.labels)
        form.addRow("Image", self.image)
        self.image.setToolTip("Its intensities are measured as well.")
        self.everywhere.setToolTip("Else the slice that is shown, its objects flat.")
        buttons = QHBoxLayout()
        for button in (self.start, self.save):
            button.setMinimumWidth(1)
            buttons.addWidget(button, 1)
        layout = self.column()
        layout.addWidget(choice)
        layout.addWidget(self.everywhere)
        layout.addLayout(buttons)
        layout.addWidget(self.line)
        layout.addWidget(self.table, 1)
        layout.addWidget(heading("Put in order"))
        layout.addWidget(self.cleanup)
        self.say("")

    def _connect(self) -> None:
        self.labels.currentIndexChanged.connect(self._show)
        self.start.clicked.connect(self._on_start)
        self.save.clicked.connect(lambda: self.ask())
        self.cleanup.asked.connect(self._on_clean_up)
        self.table.clicked.connect(self._on_row)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)

    def _offered(self, kind: type[Layer]) -> list[Any]:
        annotator = open_annotators.annotator_of(self.viewer)
        preview = annotator.preview if annotator is not None else None
        found = [layer for layer in self.viewer.layers if isinstance(layer, kind)]
        return [one for one in found if one is not preview and not one.metadata.get("samara")]

    def _show(self, *_: Any) -> None:
        """Enable what makes sense for the labels that are chosen."""
        layer = self.labels.currentData()
        images = [one for one in self._offered(Image) if layer is not None and fits(one, layer)]
        fill_layers(self.image, [None, *images], "no image")
        self.everywhere.setVisible(layer is not None and layer.ndim == _VOLUME)
        for part in (self.start, self.cleanup):
            part.setEnabled(layer is not None)
        self.save.setEnabled(bool(self.model.columns))

    def _looked_at(self) -> Subject:
        everywhere = self.everywhere.isVisibleTo(self) and self.everywhere.isChecked()
        return Subject.of(self.viewer, self.labels.currentData(), everywhere)

    def _attempt(self, verb: Callable[[], object]) -> None:
        """Do something that may be refused; a refusal becomes a message."""
        try:
            verb()
        except SamaraError as error:
            self.say(str(error))

    def _on_start(self) -> None:
        self._attempt(self._measure)

    def _measure(self) -> None:
        """Measure in a thread."""
        self._subject = self._looked_at()
        self._measuring.ask(self._subject.measuring(self.image.currentData()))
        self.say("Measuring …")

    def _on_measured(self, found: Columns) -> None:
        self.model.show(found)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        count = len(found["label"])
        self.say(f"{count} object{'s' * (count != 1)}. A row leads to its object.")
        self._show()

    def _on_clean_up(self) -> None:
        self._attempt(self._clean_up)

    def _clean_up(self) -> None:
        """Put labels in order in a thread."""
        subject = self._looked_at()
        self._cleaned = subject
        self._cleaning.ask(subject.cleaning(self.cleanup.settings))
        self.say("Putting the labels in order …")

    def _on_cleaned(self, found: Cleaned) -> None:
        subject = self._cleaned
        if subject is not None and subject.labels in self.viewer.layers:
            self._attempt(lambda: self.say(subject.take_over(found)))

    def _on_failed(self, error: Exception) -> None:
        self.say(str(error))

    def _on_row(self, index: QModelIndex | Any, _: Any = None) -> None:
        """Lead to the object of a row, if its labels are still there."""
        subject = self._subject
        if index.isValid() and subject is not None and subject.labels in self.viewer.layers:
            row = self.model.row_of(index)
            self._attempt(lambda: subject.show(self.model.columns, row))

    def _on_opened(self, viewer: Any, _: Any) -> None:
        if viewer is self.viewer:
            self.refresh()


def _end(widget: MeasureWidget, layers: tuple[Any, ...], *_: Any) -> None:
    """Let go of everything when Qt deletes the widget; Qt's half of it is gone by then."""
    for event in layers:
        event.disconnect(widget.refresh)
    open_annotators.events.opened.disconnect(widget._on_opened)  # noqa: SLF001
