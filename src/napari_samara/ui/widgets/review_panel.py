"""The review list: doubtful slices, and what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
)

from napari_samara.errors import ImageError
from napari_samara.ui.keys import key_text
from napari_samara.ui.review import AT_LEAST
from napari_samara.ui.widgets.panel import Panel, heading
from napari_samara.ui.widgets.review_table import COLUMNS, DoubtModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QModelIndex

    from napari_samara.session.reviewing import Doubt
    from napari_samara.ui.annotator import Annotator

_BUTTONS = {
    "previous": ("Back", "previous_doubtful", "To the slice above in the list."),
    "next": ("Next", "next_doubtful", "To the slice below in the list."),
    "fine": (
        "Fine",
        "confirm_slice",
        "The object is right here: the slice leaves the list and stays as it is, and the next one "
        "is shown. Undo brings it back.",
    ),
    "correct": (
        "Correct",
        "",
        "Opens the object for prompts on this slice. Or paint in the labels. Then follow again.",
    ),
    "again": (
        "Follow again",
        "follow",
        "From the slices that were corrected, only as far as masks change.",
    ),
}

_ROWS = (("previous", "next"), ("fine", "correct"), ("again",))


class ReviewPanel(Panel):
    """The table and its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.table = DoubtModel(self), QTableView()
        self.title, self.at_least = heading("Review"), QDoubleSpinBox()
        self.buttons = {name: QPushButton() for name in _BUTTONS}
        self._build()

    def refresh(self) -> None:
        """Show what is doubtful now."""
        annotator = self.annotator
        listed = annotator.review.listed if annotator is not None else ()
        every = annotator.review.every if annotator is not None else ()
        try:
            volume = annotator.following.volume if annotator is not None else None
        except ImageError:
            volume = None
        self.table.selectionModel().blockSignals(True)
        changed = self.model.show(listed, volume)
        self.table.selectionModel().blockSignals(False)
        if changed and annotator is not None:
            self._on_moved(annotator.review.here)
        line = f"Review: {len(listed)} of {len(every)} slices" if every else "Review"
        self.title.setText(line)
        for name, (title, command, tip) in _BUTTONS.items():
            key = key_text(command) if command else ""
            self.buttons[name].setText(f"{title} ({key})" if key else title)
            self.buttons[name].setToolTip(tip)
        running = annotator is not None and annotator.session.propagating is not None
        objects = annotator is not None and bool(annotator.session.objects)
        for name in ("previous", "next", "fine"):
            self.buttons[name].setEnabled(bool(listed))
        self.buttons["correct"].setEnabled(objects)
        targets = annotator.following.targets() if annotator is not None else None
        self.buttons["again"].setEnabled(targets is not None and not running)

    def join(self, annotator: Annotator) -> None:
        """Show the list of an annotation."""
        super().join(annotator)
        annotator.review.at_least = self.at_least.value()
        self.refresh()

    def pairs(self, annotator: Annotator) -> list[tuple[Any, Callable[..., object]]]:
        """Return what changes the list."""
        return [
            (annotator.review.changed, self.later),
            (annotator.review.moved, self._on_moved),
            (annotator.session.events.prompts, self.later),
            (annotator.session.events.propagated, self.later),
            (annotator.session.events.candidates, self.later),
            (annotator.labels.events.selected_label, self.later),
        ]

    def _build(self) -> None:
        self.table.setModel(self.model)
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setWordWrap(False)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setMinimumHeight(130)
        header = self.table.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column in range(len(COLUMNS) - 1):
            self.table.setColumnWidth(column, 52)
        header.setStretchLastSection(True)
        self.at_least.setRange(0.0, 1.0)
        self.at_least.setSingleStep(0.05)
        self.at_least.setValue(AT_LEAST)
        self.at_least.setKeyboardTracking(False)
        self.at_least.setToolTip("Slices with less doubt are not listed, nor marked above.")
        limit = QHBoxLayout()
        limit.addWidget(QLabel("Doubt from"))
        limit.addWidget(self.at_least, 1)
        rows = [QHBoxLayout() for _ in _ROWS]
        for row, names in zip(rows, _ROWS, strict=True):
            for name in names:
                self.buttons[name].setMinimumWidth(1)
                row.addWidget(self.buttons[name], 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addLayout(limit)
        layout.addWidget(self.table, 1)
        for row in rows:
            layout.addLayout(row)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.table.clicked.connect(self._on_row)
        self.at_least.valueChanged.connect(self._on_at_least)
        self.buttons["previous"].clicked.connect(lambda: self._step(-1))
        self.buttons["next"].clicked.connect(lambda: self._step(1))
        self.buttons["fine"].clicked.connect(self._on_fine)
        self.buttons["correct"].clicked.connect(self._on_correct)
        self.buttons["again"].clicked.connect(self._on_again)

    def _on_row(self, index: QModelIndex | Any, _: Any = None) -> None:
        """Lead to the slice of a row."""
        if self.annotator is not None and index.isValid():
            self.annotator.review.go(self.model.doubts[index.row()])

    def _on_moved(self, doubt: Doubt | None) -> None:
        """Select the row of the slice that is shown, without a jump."""
        chosen = self.table.selectionModel()
        chosen.blockSignals(True)
        if doubt in self.model.doubts:
            index = self.model.index(self.model.doubts.index(doubt), 0)
            self.table.setCurrentIndex(index)
            self.table.scrollTo(index)
        else:
            self.table.clearSelection()
        chosen.blockSignals(False)
        self.table.viewport().update()

    def _on_at_least(self, value: float) -> None:
        if self.annotator is not None:
            self.annotator.review.at_least = value

    def _step(self, by: int) -> None:
        if self.annotator is not None:
            self.annotator.review.step(by)

    def _on_fine(self) -> None:
        if self.annotator is not None:
            self.annotator.attempt(self.annotator.review.confirm)

    def _on_correct(self) -> None:
        if self.annotator is not None:
            self.annotator.attempt(self.annotator.review.correct)

    def _on_again(self) -> None:
        if self.annotator is not None:
            self.annotator.attempt(self.annotator.following.begin)
