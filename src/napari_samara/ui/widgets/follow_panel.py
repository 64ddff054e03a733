"""Objects followed through the slices of a volume: how, how far, and the buttons that do it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_samara.engine.volume_settings import PropagateSettings
from napari_samara.errors import ImageError
from napari_samara.ui.keys import key_text
from napari_samara.ui.volume import spacing_of
from napari_samara.ui.widgets.forms import form_of, setting_widget, value_of, wrapped_label
from napari_samara.ui.widgets.panel import Panel, heading
from napari_samara.ui.widgets.progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_samara.ui.annotator import Annotator

_TIP = (
    "From the slices that you prompted, accepted, painted or said yes to, to all others. Objects "
    "that were followed before change only around what was corrected since. No other label is "
    "written over."
)


class FollowPanel(Panel):
    """Settings of following, and its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.follow, self.every = QPushButton(), QPushButton()
        self.progress, self.spacing = ProgressLine(), wrapped_label()
        self.limited, self.first, self.last = QCheckBox("Only slices"), QSpinBox(), QSpinBox()
        self.more = QPushButton()
        self.fields: dict[str, QWidget] = {}
        self._build()

    @property
    def settings(self) -> PropagateSettings:
        """Settings as they stand in the form."""
        return PropagateSettings(**{name: value_of(field) for name, field in self.fields.items()})

    def refresh(self) -> None:
        """Say what the buttons do now."""
        annotator = self.annotator
        running = annotator is not None and annotator.session.propagating is not None
        flat = annotator is not None and annotator.session.plane.axis is None
        ready = annotator is not None and not flat
        key = key_text("follow")
        key = f" ({key})" if key else ""
        targets = annotator.following.targets() if annotator is not None else None
        self.follow.setText(
            "Stop (keeps finished slices)" if running else f"Follow {targets or 'an object'}{key}"
        )
        self.follow.setEnabled(running or (ready and targets is not None))
        self.follow.setToolTip(_TIP)
        known = annotator.following.targets(every=True) if ready and annotator is not None else None
        count = len(known.labels) if known is not None else 0
        self.every.setText(f"Follow all {count} objects" if count > 1 else "Follow all objects")
        self.every.setEnabled(ready and not running and count > 0)
        for part in self._given:
            part.setEnabled(ready and not running)
        if annotator is not None and ready:
            self._show_range(annotator)
            steps = " × ".join(f"{step:.3g}" for step in spacing_of(annotator.binding))
            self.spacing.setText(f"Spacing {steps}: the scale of the image layer.")

    def join(self, annotator: Annotator) -> None:
        """Follow as the form says."""
        super().join(annotator)
        self.progress.say("")
        self._on_settings()
        self.refresh()

    def pairs(self, annotator: Annotator) -> list[tuple[Any, Callable[..., object]]]:
        """Return what changes what would be followed."""
        events = annotator.session.events
        return [
            (annotator.following.told, self._on_told),
            (annotator.following.aimed, self.later),
            (events.prompts, self.later),
            (events.objects, self.later),
            (events.candidates, self.later),
            (annotator.labels.events.selected_label, self.later),
        ]

    def _build(self) -> None:
        above, self._rest = QWidget(), QWidget()
        limits = QHBoxLayout()
        for piece in (self.first, QLabel("to"), self.last):
            limits.addWidget(piece, int(isinstance(piece, QSpinBox)))
        form_of(above).addRow(self.limited, limits)
        self.limited.setToolTip("Slices outside of these are not written; both ends count.")
        form = form_of(self._rest)
        for item in fields(PropagateSettings):
            title, field = setting_widget(PropagateSettings, item.name, self._on_settings)
            self.fields[item.name] = field
            form.addRow(title, field) if title else form.addRow(field)
        form.addRow(self.spacing)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._on_more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        lower = (self.progress, self.more, self._rest)
        for part in (heading("Follow through slices"), above, self.follow, self.every, *lower):
            layout.addWidget(part)
        self._given = (above, self._rest)
        self._on_more(False)
        self.limited.toggled.connect(self._on_range)
        for spin in (self.first, self.last):
            spin.setKeyboardTracking(False)
            spin.setMinimumWidth(1)
            spin.valueChanged.connect(self._on_range)
        self.follow.clicked.connect(self._on_follow)
        self.every.clicked.connect(self._on_every)
        self.spacing.setToolTip(
            "How far an outline may move from slice to slice depends on it. Where it is wrong, set "
            "the scale of the image layer before you start annotating."
        )

    def _show_range(self, annotator: Annotator) -> None:
        """Let the limits lie in the volume."""
        try:
            count = annotator.following.volume.count
        except ImageError:
            return
        for spin in (self.first, self.last):
            spin.blockSignals(True)
            before = spin.maximum()
            spin.setMaximum(count - 1)
            if spin is self.last and (not self.limited.isChecked() or before != count - 1):
                spin.setValue(count - 1)
            spin.setEnabled(self.limited.isChecked())
            spin.blockSignals(False)
        low, high = sorted((self.first.value(), self.last.value()))
        annotator.following.z_range = (low, high + 1) if self.limited.isChecked() else None

    def _on_more(self, shown: bool) -> None:
        self._rest.setVisible(shown)
        self.more.setText("▾ How" if shown else "▸ How")

    def _on_settings(self, *_: Any) -> None:
        if self.annotator is not None:
            self.annotator.following.settings = self.settings

    def _on_range(self, *_: Any) -> None:
        self.refresh()

    def _on_follow(self) -> None:
        if self.annotator is None:
            return
        if self.annotator.session.propagating is not None:
            self.annotator.following.stop()
            self.progress.line.setText("Stopping after this slice …")
        else:
            self.annotator.attempt(self.annotator.following.begin)
        self.refresh()

    def _on_every(self) -> None:
        if self.annotator is not None:
            self.annotator.attempt(self.annotator.following.begin, True)
            self.refresh()

    def _on_told(self, line: str, done: int, total: int) -> None:
        self.progress.say(line, done, total)
        self.later()
