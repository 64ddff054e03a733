"""What is learned from: what was accepted in this viewer, and images with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_samara.ui import open_annotators
from napari_samara.ui.finetune_data import Source
from napari_samara.ui.widgets.forms import fill_layers, narrow_combo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_samara.ui.annotator import Annotator


class PairsForm(QWidget):
    """Chooses layers; they are held, whatever their names become.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Whose layers are offered.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = viewer
        self.session = QCheckBox()
        self.session.setToolTip(
            "The objects that were accepted or painted in the Annotate widget of this viewer."
        )
        self.session.setChecked(True)
        self.rows: list[PairRow] = []
        self.more = QPushButton("Add an image with labels")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self.session)
        self._layout.addWidget(self.more)
        self.more.clicked.connect(lambda: self.add_row())
        self.session.toggled.connect(self.changed)
        self.refresh()
        if not self.from_session and self._offered(Labels):
            self.add_row()

    @property
    def annotator(self) -> Annotator | None:
        """The annotation that is open in the viewer."""
        return open_annotators.annotator_of(self.viewer)

    @property
    def from_session(self) -> bool:
        """Whether what was accepted is learned from."""
        return self.session.isVisibleTo(self) and self.session.isChecked()

    def sources(self) -> list[Source]:
        """Return what is chosen.

        Returns
        -------
        list of Source
            Perhaps none.

        Raises
        ------
        ImageError
            If an image and its labels do not fit each other.
        """
        found = []
        if self.from_session and (annotator := self.annotator) is not None:
            found.append(Source.of_session(annotator))
        pairs = (row.pair for row in self.rows)
        return [*found, *(Source.of_layers(*pair) for pair in pairs if pair is not None)]

    @property
    def ready(self) -> bool:
        """Whether anything is chosen."""
        return self.from_session or any(row.pair is not None for row in self.rows)

    def add_row(self) -> PairRow:
        """Offer one more image with labels.

        Returns
        -------
        PairRow
            The new one.
        """
        row = PairRow()
        row.removed.connect(lambda: self._remove(row))
        row.changed.connect(self.changed)
        self.rows.append(row)
        self._layout.insertWidget(self._layout.indexOf(self.more), row)
        self.refresh()
        return row

    def refresh(self, *_: Any) -> None:
        """Offer what the viewer has now, by the names of now."""
        count = len(self.annotator.session.objects) if self.annotator is not None else 0
        self.session.setText(f"{count} accepted object{'s' * (count != 1)}")
        self.session.setVisible(count > 0)
        taken: list[Layer] = []
        for row in self.rows:
            row.offer(self._offered(Image), self._offered(Labels), taken)
            taken += row.pair or ()
        self.changed.emit()

    def _offered(self, kind: type[Layer]) -> list[Layer]:
        preview = self.annotator.preview if self.annotator is not None else None
        found = [layer for layer in self.viewer.layers if isinstance(layer, kind)]
        return [one for one in found if one is not preview and not one.metadata.get("samara")]

    def _remove(self, row: PairRow) -> None:
        self.rows.remove(row)
        self._layout.removeWidget(row)
        row.deleteLater()
        self.changed.emit()


class PairRow(QWidget):
    """One image layer and the labels of its objects."""

    changed = Signal()
    removed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.image, self.labels, self.remove = narrow_combo(), narrow_combo(), QPushButton("✕")
        self.image.setToolTip("Image")
        self.labels.setToolTip("Labels of its objects")
        self.remove.setToolTip("Leave this image out.")
        self.remove.setFixedWidth(26)
        combos = QVBoxLayout()
        combos.addWidget(self.image)
        combos.addWidget(self.labels)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(combos, 1)
        layout.addWidget(self.remove)
        self.remove.clicked.connect(self.removed)
        for combo in (self.image, self.labels):
            combo.currentIndexChanged.connect(self.changed)

    @property
    def pair(self) -> tuple[Image, Labels] | None:
        """Both layers; None as long as one is missing."""
        image, labels = self.image.currentData(), self.labels.currentData()
        return None if image is None or labels is None else (image, labels)

    def offer(
        self, images: Sequence[Layer], labels: Sequence[Layer], taken: Sequence[Layer]
    ) -> None:
        """Offer layers.

        Parameters
        ----------
        images, labels : sequence of Layer
            Those of the viewer.
        taken : sequence of Layer
            Chosen above already: others come first.
        """
        for combo, layers, empty in (
            (self.image, images, "no image"),
            (self.labels, labels, "no labels"),
        ):
            fill_layers(combo, layers, empty, taken)
