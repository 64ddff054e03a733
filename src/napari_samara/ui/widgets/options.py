"""Options: contrast, threshold, clean-up, what accepting may write over, what the model sees."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from napari_samara.engine.crops import CROPS
from napari_samara.settings import PredictSettings
from napari_samara.ui.contrast import TITLES
from napari_samara.ui.widgets.forms import (
    form_of,
    narrow_combo,
    setting_widget,
    show_value,
    value_of,
    wrapped_label,
)

MODES = {
    "keep": "keeps existing labels",
    "overwrite": "overwrites labels",
    "overwrite-unaccepted": "overwrites only what was not accepted",
}
"""What accepting does where there is a label already, as the form says it."""

ENCODE = {
    "auto": "automatic",
    "whole": "the whole plane",
    "view": "what I see",
    "object": "around the object",
}
"""What is encoded for a prompt, as the form says it; the rule of each is in `CROPS`."""

_FIELDS = ("mask_threshold", "fill_holes", "keep_largest")


class OptionsForm(QWidget):
    """Fields that seldom change."""

    settings_changed = Signal(object)
    contrast_chosen = Signal(str)
    mode_chosen = Signal(str)
    crop_chosen = Signal(str)
    sees_toggled = Signal(bool)
    encode_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.contrast, self.mode, self.crop = narrow_combo(), narrow_combo(), narrow_combo()
        self.sees = QCheckBox("What the model sees")
        self.sees.setToolTip("The plane as 8-bit RGB, exactly as it is encoded.")
        self.stale = wrapped_label(
            "The contrast was changed: this plane is still encoded with the old one."
        )
        self.encode = QPushButton("Encode anew")
        self._fields: dict[str, QWidget] = {}
        fields = QWidget()
        form = form_of(fields)
        form.addRow("Encode", self.crop)
        form.addRow("Contrast", self.contrast)
        for name in _FIELDS:
            title, self._fields[name] = setting_widget(PredictSettings, name, self._on_settings)
            form.addRow(title, self._fields[name]) if title else form.addRow(self._fields[name])
        form.addRow("Accepting", self.mode)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.stale, self.encode, fields, self.sees):
            layout.addWidget(widget)
        for combo, titles in ((self.contrast, TITLES), (self.mode, MODES), (self.crop, ENCODE)):
            for name, title in titles.items():
                combo.addItem(title, name)
        for place, name in enumerate(ENCODE):
            self.crop.setItemData(place, CROPS[name], Qt.ItemDataRole.ToolTipRole)
        self.set_stale(False)
        self.contrast.currentIndexChanged.connect(
            lambda: self.contrast_chosen.emit(self.contrast.currentData())
        )
        self.mode.currentIndexChanged.connect(
            lambda: self.mode_chosen.emit(self.mode.currentData())
        )
        self.crop.currentIndexChanged.connect(self._on_crop)
        self.crop.setToolTip(CROPS[self.crop.currentData()])
        self.sees.toggled.connect(self.sees_toggled.emit)
        self.encode.clicked.connect(self.encode_asked.emit)

    @property
    def settings(self) -> PredictSettings:
        """Threshold and clean-up as they stand in the form."""
        return PredictSettings(**{name: value_of(field) for name, field in self._fields.items()})

    def show_values(
        self, settings: PredictSettings, contrast: str, mode: str, crop: str = "auto"
    ) -> None:
        """Show what an annotation has, without telling of it.

        Parameters
        ----------
        settings : PredictSettings
            Threshold and clean-up.
        contrast : str
            One of `contrast.TITLES`.
        mode : str
            One of `MODES`.
        crop : str
            One of `ENCODE`.
        """
        self.blockSignals(True)
        for name, field in self._fields.items():
            show_value(field, getattr(settings, name))
        self.contrast.setCurrentIndex(self.contrast.findData(contrast))
        self.mode.setCurrentIndex(self.mode.findData(mode))
        self.crop.setCurrentIndex(self.crop.findData(crop))
        self.blockSignals(False)

    def show_contrast(self, name: str) -> None:
        """Show another choice of contrast, without telling of it.

        Parameters
        ----------
        name : str
            One of `contrast.TITLES`.
        """
        self.contrast.blockSignals(True)
        self.contrast.setCurrentIndex(self.contrast.findData(name))
        self.contrast.blockSignals(False)

    def set_stale(self, stale: bool) -> None:
        """Say that the embedding of the plane was made with another contrast.

        Parameters
        ----------
        stale : bool
            Whether it was.
        """
        self.stale.setVisible(stale)
        self.encode.setVisible(stale)

    def _on_crop(self) -> None:
        """Say the rule that holds now, and pass the choice on."""
        self.crop.setToolTip(CROPS[self.crop.currentData()])
        self.crop_chosen.emit(self.crop.currentData())

    def _on_settings(self) -> None:
        """Pass the new settings on."""
        self.settings_changed.emit(self.settings)
