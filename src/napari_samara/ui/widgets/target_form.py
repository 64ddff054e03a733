"""Where a new checkpoint goes: its name, and the folder that it lies in."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_samara.ui.finetune_job import FOLDER, free_name
from napari_samara.ui.preferences import Preferences
from napari_samara.ui.widgets.elided import ElidedLabel
from napari_samara.ui.widgets.forms import form_of


class TargetForm(QWidget):
    """A name that is free, in a folder that the user can see."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.root = Preferences.load().folder / FOLDER
        self.name, self.place = QLineEdit(), ElidedLabel()
        self.browse = QPushButton("Folder…")
        self.name.setToolTip("Name of the new checkpoint; nothing is ever overwritten.")
        self._suggested = ""
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.place, 1)
        row.addWidget(self.browse)
        form = form_of(self)
        form.addRow("Save as", self.name)
        form.addRow(line)
        self.name.textChanged.connect(lambda _: self.changed.emit())
        self.browse.clicked.connect(lambda: self.ask())
        self.place.show_text(str(self.root))

    @property
    def folder(self) -> Path:
        """Folder of the new checkpoint."""
        return self.root / self.name.text().strip()

    @property
    def ready(self) -> bool:
        """Whether there is a name."""
        return bool(self.name.text().strip())

    def suggest(self, image: str) -> None:
        """Propose a name that is free, unless the user has typed one.

        Parameters
        ----------
        image : str
            Name of what is learned from.
        """
        if self.name.text().strip() in ("", self._suggested):
            self._suggested = free_name(self.root, image)
            self.name.setText(self._suggested)

    def move_to(self, root: str) -> None:
        """Save in another folder.

        Parameters
        ----------
        root : str
            Its path.
        """
        self.root = Path(root)
        self.place.show_text(root)
        self.changed.emit()

    def ask(self) -> QFileDialog:
        """Ask for the folder, without waiting for the answer.

        Returns
        -------
        QFileDialog
            Is shown already.
        """
        dialog = QFileDialog(self, "Folder for new checkpoints", str(self.root))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.move_to)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog
