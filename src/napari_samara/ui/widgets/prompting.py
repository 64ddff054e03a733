"""How to prompt: the sign, the tools, and the candidate masks that came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_samara.ui.keys import key_text
from napari_samara.ui.layers.signs import NEGATIVE, POSITIVE
from napari_samara.ui.widgets.classes import class_combo
from napari_samara.ui.widgets.find_all import FindAllForm
from napari_samara.ui.widgets.forms import form_of, wrapped_label
from napari_samara.ui.widgets.many import ManyForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_samara.masks import Mask

TOOLS = {
    "Point": ("points", "add"),
    "Box": ("shapes", "add_rectangle"),
    "Polygon": ("shapes", "add_polygon_lasso"),
    "Scribble": ("shapes", "add_path"),
}
"""Layer and its mode, by what the button says."""

COUNT = 3

_EACH = "One object per prompt"


class PromptForm(QWidget):
    """Buttons for sign, tool and candidate."""

    sign_chosen = Signal(bool)
    tool_chosen = Signal(str, str)
    candidate_chosen = Signal(int)
    each_toggled = Signal(bool)
    refine_asked = Signal()
    similar_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.positive = _toggle("● Positive", POSITIVE.hex)
        self.negative = _toggle("✕ Negative", NEGATIVE.hex)
        self.tools = [_toggle(name) for name in TOOLS]
        self.candidates = [_toggle("–") for _ in range(COUNT)]
        self._signs, self._masks = QButtonGroup(self), QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(_row([self.positive, self.negative]))
        layout.addLayout(_row(self.tools[:2]))
        layout.addLayout(_row(self.tools[2:]))
        self.each = QCheckBox(_EACH)
        self.each.setToolTip("Many objects at once: accepting takes all of this plane.")
        self.refine = QPushButton("Refine selected label")
        self.refine.setToolTip("Makes its mask, box and middle the first prompt.")
        self.similar = QPushButton("Find similar")
        self.similar.setToolTip(
            "Looks for objects like the accepted ones in this plane; what is found becomes "
            "candidates, the most alike first."
        )
        layout.addWidget(self.refine)
        layout.addWidget(self.similar)
        self.find_all = FindAllForm()
        layout.addWidget(self.find_all)
        layout.addWidget(self.each)
        self.many = ManyForm()
        layout.addWidget(self.many)
        self.each.toggled.connect(self.each_toggled.emit)
        self.refine.clicked.connect(lambda: self.refine_asked.emit())
        self.similar.clicked.connect(lambda: self.similar_asked.emit())
        self.title = wrapped_label("Candidates")
        self._lone = QWidget()
        lone = QVBoxLayout(self._lone)
        lone.setContentsMargins(0, 0, 0, 0)
        lone.addWidget(self.title)
        lone.addLayout(_row(self.candidates))
        layout.addWidget(self._lone)
        self.klass = class_combo()
        self.klass.setToolTip("Class that accepting gives; the table changes it afterwards.")
        classes = QWidget()
        form_of(classes).addRow("Class", self.klass)
        layout.addWidget(classes)
        for button in (self.positive, self.negative):
            self._signs.addButton(button)
        for place, button in enumerate(self.candidates):
            self._masks.addButton(button, place)
        self._signs.buttonClicked.connect(
            lambda button: self.sign_chosen.emit(button is self.positive)
        )
        self._masks.idClicked.connect(self.candidate_chosen.emit)
        for button in self.tools:
            where = TOOLS[button.text()]
            button.clicked.connect(lambda _=False, where=where: self.tool_chosen.emit(*where))
        self._offered: tuple[tuple[Mask, ...], int] | None = None
        self.set_sign(True)
        self.set_candidates((), 0)
        self.set_each(False)

    def set_each(self, each: bool) -> None:
        """Show whether each prompt is an object of its own, without telling of it.

        Parameters
        ----------
        each : bool
            Then there is something to pick among, and no candidates of one object.
        """
        self.each.blockSignals(True)
        self.each.setChecked(each)
        self.each.blockSignals(False)
        self.many.setVisible(each)
        self._lone.setVisible(not each)

    def set_sign(self, positive: bool) -> None:
        """Show the sign of what is drawn next.

        Parameters
        ----------
        positive : bool
            Whether it will lie on the object.
        """
        (self.positive if positive else self.negative).setChecked(True)

    def set_tool(self, which: str, mode: str) -> None:
        """Show what the next click on the image does.

        Parameters
        ----------
        which : str
            ``"points"`` or ``"shapes"`` as in `TOOLS`, ``"preview"`` for picking, or another.
        mode : str
            Of that layer.
        """
        for button in self.tools:
            button.setChecked(TOOLS[button.text()] == (which, mode))
        self.many.pick.setChecked(which == "preview")

    def set_candidates(self, masks: Sequence[Mask], choice: int) -> None:
        """Show the candidates by their predicted IoU.

        Parameters
        ----------
        masks : sequence of Mask
            Best first; none to three.
        choice : int
            Which is chosen.
        """
        shown = (tuple(masks), choice)
        if shown == self._offered:
            return
        self._offered = shown
        self._masks.setExclusive(False)
        for place, button in enumerate(self.candidates):
            there = place < len(masks)
            button.setText(f"{masks[place].score:.2f}" if there else "–")
            button.setEnabled(there)
            button.setChecked(there and place == choice)
            if there:
                button.setToolTip(
                    f"Mask {place + 1} of {len(masks)}: predicted IoU {masks[place].score:.3f}, "
                    f"{masks[place].area} pixels"
                )
        self._masks.setExclusive(True)

    def set_count(self, count: int, picked: int) -> None:
        """Show how many objects were found at once.

        Parameters
        ----------
        count : int
            0 for none.
        picked : int
            How many of them accepting takes.
        """
        said = f"{count} found" if picked == count else f"{picked} of {count}"
        self.each.setText(f"{_EACH}\n({said})" if count else _EACH)  # fits a narrow dock
        for button in (self.many.pick, self.many.all, self.many.none):
            button.setEnabled(count > 0)

    def show_keys(self) -> None:
        """Name the keys, which the user may have changed."""
        self.title.setText(f"Candidates: predicted IoU{_in_brackets('next_candidate')}")
        hint = f"{key_text('toggle_sign')} switches; Ctrl+click draws one of the other sign."
        for button in (self.positive, self.negative):
            button.setToolTip(hint)


def _in_brackets(name: str) -> str:
    key = key_text(name)
    return f" ({key} for the next)" if key else ""


def _toggle(text: str, colour: str = "") -> QPushButton:
    """Button that stays down, in a colour while it does."""
    button = QPushButton(text)
    button.setCheckable(True)
    if colour:
        button.setStyleSheet(f"QPushButton:checked {{ background-color: {colour}; color: white; }}")
    return button


def _row(widgets: Sequence[QWidget]) -> QHBoxLayout:
    """Widgets side by side, as narrow as need be."""
    row = QHBoxLayout()
    for widget in widgets:
        widget.setMinimumWidth(1)
        row.addWidget(widget, 1)
    return row
