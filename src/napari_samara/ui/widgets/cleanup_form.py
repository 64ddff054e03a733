"""How labels are put in order, as fields and a button."""

from __future__ import annotations

from dataclasses import fields

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_samara.cleanup_settings import CleanupSettings
from napari_samara.ui.widgets.forms import form_of, setting_widget, value_of


class CleanupForm(QWidget):
    """A field for each of `CleanupSettings`; by default nothing is done."""

    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.widgets: dict[str, QWidget] = {}
        self.apply = QPushButton("Apply to the labels")
        form_widget = QWidget()
        form = form_of(form_widget)
        for item in fields(CleanupSettings):
            title, widget = setting_widget(CleanupSettings, item.name, self._show)
            self.widgets[item.name] = widget
            form.addRow(*((title, widget) if title else (widget,)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form_widget)
        layout.addWidget(self.apply)
        self.apply.clicked.connect(self.asked)
        self._show()

    @property
    def settings(self) -> CleanupSettings:
        """What the fields say."""
        return CleanupSettings(**{name: value_of(w) for name, w in self.widgets.items()})

    def _show(self, *_: object) -> None:
        """Offer the button where something is to be done, and the width where there is a border."""
        settings = self.settings
        self.widgets["border"].setEnabled(settings.remove_border)
        nothing = settings == CleanupSettings(border=settings.border)
        self.apply.setEnabled(not nothing)
        self.apply.setToolTip("Choose what is to be done first." if nothing else "")
