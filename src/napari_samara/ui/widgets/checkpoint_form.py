"""The list of checkpoints: size, time a plane takes, and the user's own files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_samara.ui import own_checkpoints
from napari_samara.ui.offers import own_offer
from napari_samara.ui.own_checkpoints import own_source
from napari_samara.ui.widgets.forms import TOOLTIP, form_of, narrow_combo, wrapped_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_samara.checkpoints.checkpoint import Checkpoint
    from napari_samara.ui.offers import Offer

OWN = "Own file or folder …"
"""Last entry of the list."""

_TITLE = "Choose a weights file, or config.json in a folder of weights"
_FILTER = "Weights (*.pth *.pt *.safetensors *.bin *.ckpt config.json);;All files (*)"


class CheckpointForm(QWidget):
    """Combo box of checkpoints, and a line about the one that is chosen."""

    own_chosen = Signal(object)
    """Path of weights that the user has picked."""

    def __init__(self) -> None:
        super().__init__()
        self.combo, self.about = narrow_combo(), wrapped_label()
        self._offers: tuple[Offer, ...] = ()
        self._last, self._brief = 0, False
        form = form_of(self)
        form.addRow("Checkpoint", self.combo)
        form.addRow(self.about)
        self.about.hide()
        self.combo.currentIndexChanged.connect(self._on_index)
        own_checkpoints.events.made.connect(self.offer)  # held weakly

    @property
    def chosen(self) -> str | None:
        """What to load; None as long as there is nothing."""
        index = self.combo.currentIndex()
        return self._offers[index].source if 0 <= index < len(self._offers) else None

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What is offered."""
        return self._offers

    def set_offers(self, offers: Iterable[Offer]) -> None:
        """Offer checkpoints; the one that is chosen stays so.

        Parameters
        ----------
        offers : iterable of Offer
            The first is chosen at the beginning.
        """
        before = self.chosen
        self._offers = tuple(offers)
        self.combo.blockSignals(True)
        self.combo.clear()
        for place, offer in enumerate(self._offers):
            self.combo.addItem(offer.title, offer.source)
            self.combo.setItemData(place, offer.details, TOOLTIP)
        self.combo.insertSeparator(len(self._offers))
        self.combo.addItem(OWN)
        sources = [offer.source for offer in self._offers]
        self._last = sources.index(before) if before in sources else 0
        self.combo.setCurrentIndex(self._last)
        self.combo.blockSignals(False)
        self._on_index()

    def offer(self, offer: Offer) -> None:
        """Offer one more checkpoint, or the same with other figures; the choice stays.

        Parameters
        ----------
        offer : Offer
            Of weights of the user.
        """
        if not isalive(self):  # type: ignore[no-untyped-call]  # Qt has deleted it
            return
        others = tuple(one for one in self._offers if one.source != offer.source)
        self.set_offers((*others, offer))

    def set_brief(self, brief: bool) -> None:
        """Leave the line about the checkpoint out, or show it again.

        Parameters
        ----------
        brief : bool
            Whether there are more important things to show.
        """
        self._brief = brief
        self._show_about()

    def _show_about(self) -> None:
        self.about.setVisible(bool(self.about.text()) and not self._brief)

    def choose(self, path: Path) -> None:
        """Choose weights of the user; they are added if they are not there.

        Parameters
        ----------
        path : Path
            File or folder.
        """
        offer = own_offer(path)
        if all(known.source != offer.source for known in self._offers):
            self.set_offers((*self._offers, offer))
        self.combo.setCurrentIndex([known.source for known in self._offers].index(offer.source))

    def show_used(self, checkpoint: Checkpoint) -> None:
        """Choose the entry of weights that are in use.

        Parameters
        ----------
        checkpoint : Checkpoint
            By its name in the catalog, or where it lies.
        """
        sources = [known.source for known in self._offers]
        if checkpoint.name in sources:
            self.combo.setCurrentIndex(sources.index(checkpoint.name))
        else:
            self.choose(checkpoint.path)

    def ask(self) -> QFileDialog:
        """Ask for weights on the disk, without waiting for the answer.

        Returns
        -------
        QFileDialog
            Is shown already.
        """
        dialog = QFileDialog(self, _TITLE)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(_FILTER)
        dialog.fileSelected.connect(self._on_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _on_file(self, name: str) -> None:
        path = own_source(Path(name))
        self.choose(path)
        self.own_chosen.emit(path)

    def _on_index(self) -> None:
        """Say what is chosen; the last entry leads to a question instead."""
        index = self.combo.currentIndex()
        if index >= len(self._offers) > 0:
            self.combo.setCurrentIndex(self._last)
            self.ask()
            return
        self._last = max(index, 0)
        offer = self._offers[index] if index >= 0 else None
        self.combo.setToolTip(offer.details if offer is not None else "")
        self.about.setText(offer.about if offer is not None else "")
        self._show_about()
