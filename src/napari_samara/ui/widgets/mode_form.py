"""What learns in fine-tuning, and for how long."""

from __future__ import annotations

from qtpy.QtWidgets import QDoubleSpinBox, QWidget

from napari_samara.settings import FinetuneSettings
from napari_samara.ui.widgets.forms import form_of, narrow_combo, wrapped_label

MODES = {
    "decoder": (
        "clicks to masks",
        "Learns how clicks and boxes become masks. Takes minutes; begin with this.",
    ),
    "lora": (
        "and how it sees, a little",
        "Also adapts how the image is seen, in small additions. Slower, for images that are unlike "
        "what the checkpoint knows.",
    ),
    "full": (
        "everything",
        "Changes all weights. Needs many objects and much time, better on a GPU.",
    ),
}
"""What learns: entry of the list, and a sentence."""

_LONGEST = 24 * 60


class ModeForm(QWidget):
    """Mode with a sentence about it, and minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.mode, self.about, self.minutes = narrow_combo(), wrapped_label(), QDoubleSpinBox()
        for name, (title, _) in MODES.items():
            self.mode.addItem(f"{name}: {title}", name)
        self.minutes.setRange(0.1, _LONGEST)
        self.minutes.setDecimals(1)
        self.minutes.setValue(FinetuneSettings().minutes)
        self.minutes.setToolTip("Training ends after this time, or earlier if it helps no more.")
        form = form_of(self)
        form.addRow("Mode", self.mode)
        form.addRow(self.about)
        form.addRow("Minutes", self.minutes)
        self.mode.currentIndexChanged.connect(self._tell)
        self._tell()

    @property
    def settings(self) -> FinetuneSettings:
        """Settings of a run, all others the defaults."""
        return FinetuneSettings(mode=self.mode.currentData(), minutes=self.minutes.value())

    def _tell(self) -> None:
        """Say what the mode means."""
        self.about.setText(MODES[self.mode.currentData()][1])
