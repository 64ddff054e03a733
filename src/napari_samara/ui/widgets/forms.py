"""Qt pieces that every form here uses: narrow combos, wrapped lines, fields of settings."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

LARGEST = 10**9
"""Where a setting has no upper limit: fields of Qt have one."""

TOOLTIP = 3
"""Qt.ItemDataRole.ToolTipRole, as PySide6 and PyQt6 both take it."""

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Layer

    from napari_samara.settings import Settings


def narrow_combo() -> QComboBox:
    """Combo box that long entries do not widen.

    Returns
    -------
    QComboBox
        Long entries are cut in the box and whole in the list.
    """
    combo = QComboBox()
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo


def wrapped_label(text: str = "") -> QLabel:
    """Line of text that breaks where the dock is narrow.

    Parameters
    ----------
    text : str
        Shown as it is, never as HTML.

    Returns
    -------
    QLabel
        Whose text can be copied.
    """
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setMinimumWidth(1)
    return label


def form_of(parent: QWidget) -> QFormLayout:
    """Form layout whose fields go below their titles where the dock is narrow.

    Parameters
    ----------
    parent : QWidget
        That gets it.

    Returns
    -------
    QFormLayout
        Empty.
    """
    form = QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def offer_layers(
    combo: QComboBox, layers: Sequence[Any], otherwise: Any, nothing: str = "none"
) -> None:
    """Offer layers; the one that is chosen stays so, if it is still there.  Tells nobody.

    Parameters
    ----------
    combo : QComboBox
        Emptied first.
    layers : sequence of napari.layers.Layer or None
        By the names they have now; None for no layer.
    otherwise : napari.layers.Layer or None
        Chosen where that one is gone.
    nothing : str
        What None is called.
    """
    before = combo.currentData()
    combo.blockSignals(True)
    combo.clear()
    for place, layer in enumerate(layers):
        combo.addItem(layer.name if layer is not None else nothing, layer)
        if layer is not None:
            combo.setItemData(place, layer.name, TOOLTIP)
    wanted = before if any(layer is before for layer in layers) else otherwise
    places = [place for place, layer in enumerate(layers) if layer is wanted]
    combo.setCurrentIndex(places[0] if places else -1)
    combo.blockSignals(False)


def setting_widget(
    settings: type[Settings], name: str, changed: Callable[[], object]
) -> tuple[str, QWidget]:
    """Title and field of one number, switch or choice of a settings class.

    Parameters
    ----------
    settings : type
        A class of `napari_samara.settings`.
    name : str
        Of the field.
    changed : callable
        Called when the user changes it.

    Returns
    -------
    title : str
        As the settings declare it; empty for a check box, which carries it itself.
    widget : QCheckBox, QComboBox, QSpinBox or QDoubleSpinBox
        At the default, within the limits.
    """
    (item,) = (item for item in fields(settings) if item.name == name)
    title, help_text = item.metadata["title"], item.metadata["help"]
    if isinstance(item.default, bool):
        box = QCheckBox(title)
        box.setChecked(item.default)
        box.toggled.connect(changed)
        box.setToolTip(help_text)
        return "", box
    if item.metadata["choices"] is not None:
        return title, _choice_widget(item, changed)
    low, high = item.metadata["minimum"], item.metadata["maximum"]
    high = LARGEST if high is None else high
    spin: QSpinBox | QDoubleSpinBox
    if isinstance(item.default, int):
        spin = QSpinBox()
        spin.setRange(int(low), int(high))
    else:
        spin = QDoubleSpinBox()
        spin.setRange(float(low), float(high))
        spin.setSingleStep(0.5 if high - low > 1 else 0.05)
    spin.setValue(getattr(settings(), name))
    spin.setKeyboardTracking(False)
    spin.valueChanged.connect(changed)
    spin.setToolTip(help_text)
    return title, spin


def _choice_widget(item: Any, changed: Callable[[], object]) -> QComboBox:
    """Return a list of all values that a setting may have."""
    combo = narrow_combo()
    for value in item.metadata["choices"]:
        combo.addItem(str(value), value)
    combo.setCurrentIndex(combo.findData(item.default))
    combo.currentIndexChanged.connect(changed)
    combo.setToolTip(item.metadata["help"])
    return combo


def fill_layers(
    combo: QComboBox, layers: Sequence[Layer | None], empty: str, taken: Sequence[Layer] = ()
) -> None:
    """Offer layers in a combo box, without a signal; what is chosen stays if it is there.

    Parameters
    ----------
    combo : QComboBox
        Filled anew.
    layers : sequence of Layer or None
        The last is the first choice; None stands for no layer.
    empty : str
        What no layer is called.
    taken : sequence of Layer
        Chosen elsewhere already: others come first.
    """
    before, chosen = combo.currentData(), combo.count() > 1  # else there was nothing to choose
    combo.blockSignals(True)
    combo.clear()
    for place, layer in enumerate(layers or [None]):
        combo.addItem(f"({empty})" if layer is None else layer.name, layer)
        combo.setItemData(place, combo.itemText(place), TOOLTIP)
    fresh = [at for at, layer in enumerate(layers) if not any(layer is one for one in taken)]
    known = chosen or before is not None
    kept = [at for at, layer in enumerate(layers) if layer is before and known]
    combo.setCurrentIndex([*kept, *fresh[-1:], 0][0])
    combo.blockSignals(False)


def show_value(widget: QWidget, value: Any) -> None:
    """Show a value in a field made by `setting_widget`.

    Parameters
    ----------
    widget : QCheckBox, QComboBox, QSpinBox or QDoubleSpinBox
        The field.
    value : bool, str, int or float
        Of the settings class.
    """
    if isinstance(widget, QCheckBox):
        widget.setChecked(bool(value))
    elif isinstance(widget, QComboBox):
        widget.setCurrentIndex(widget.findData(value))
    else:
        assert isinstance(widget, QSpinBox | QDoubleSpinBox)  # there is nothing else
        widget.setValue(value)


def value_of(widget: QWidget) -> Any:
    """Value that a field made by `setting_widget` holds.

    Parameters
    ----------
    widget : QCheckBox, QComboBox, QSpinBox or QDoubleSpinBox
        The field.

    Returns
    -------
    bool, str, int or float
        Ready for the settings class.
    """
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    if isinstance(widget, QComboBox):
        return widget.currentData()
    assert isinstance(widget, QSpinBox | QDoubleSpinBox)  # there is nothing else
    return widget.value()
