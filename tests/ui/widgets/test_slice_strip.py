"""The strip of slices: what it tells, what it draws, and where a click leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet
from napari_samara.session.objects import ObjectPart, ObjectRecord
from napari_samara.ui.volume import Volume
from napari_samara.ui.widgets.slice_marks import StripState, mark_of, marks_of, worst_of
from napari_samara.ui.widgets.slice_strip import SliceStrip

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.gui

STATES = ("encoded", "encoded", "stale", "queued", "encoding", "failed", "not encoded", "encoded")
SHAPE = (8, 20, 30)


def record(label: int, *parts: tuple[int, float | None]) -> ObjectRecord:
    plane = Plane.of(3, fixed={0: 0})
    made = tuple(
        ObjectPart(plane.at(index), (0, 0, 1, 1), doubt=doubt, reason="why" if doubt else "")
        for index, doubt in parts
    )
    return ObjectRecord(label, PromptSet(), made, 1)


@pytest.fixture
def strip(qapp: QApplication) -> Iterator[SliceStrip]:
    made = SliceStrip()
    made.resize(160, 60)
    made.show_state(
        StripState(
            STATES, 1, {1: "given by you", 2: "doubtful"}, {2: "doubt 0.50"}, "z", "object 3"
        )
    )
    made.show()
    yield made
    made.deleteLater()
    QApplication.sendPostedEvents(made, QEvent.Type.DeferredDelete.value)


def test_what_several_slices_are_together() -> None:
    assert worst_of(("encoded", "encoded")) == "encoded"
    assert worst_of(("encoded", "not encoded", "queued")) == "not encoded"
    assert worst_of(("stale", "encoded")) == "stale"
    assert mark_of(["followed", "doubtful", "given by you"]) == "doubtful"
    assert mark_of([]) is None


def test_marks_come_from_the_objects() -> None:
    volume = Volume.of(SHAPE, Plane.of(3, fixed={0: 4}))
    records = {1: record(1, (2, None), (3, 0.1), (4, 0.6)), 2: record(2, (4, None), (5, 0.3))}
    marks, reasons = marks_of(volume, records, 0.25)
    assert marks == {2: "given by you", 3: "followed", 4: "doubtful", 5: "doubtful"}
    assert reasons == {3: "doubt 0.10, why", 4: "doubt 0.60, why", 5: "doubt 0.30, why"}
    across = Volume.of(SHAPE, Plane.of(3, fixed={1: 4}))
    assert marks_of(across, records, 0.25) == ({}, {})


def test_a_click_and_the_arrow_keys_lead_to_slices(strip: SliceStrip) -> None:
    picked: list[int] = []
    strip.picked.connect(picked.append)
    for index in (6, 0):
        place = QPoint(round(strip.middle_of(index)), 14)
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert picked == [6, 0, 2, 0]
    assert strip.slice_at(strip.width() + 5) is None


def test_each_state_looks_different_without_colour(strip: SliceStrip) -> None:
    """As a drawing in grey, on a dark and on a light ground."""
    for ground, text in (("#262930", "#f0f1f2"), ("#efebe9", "#3b3a39")):
        strip.setStyleSheet(f"background-color: {ground}; color: {text};")
        strip.show_state(StripState(STATES, 7))
        image = strip.grab().toImage()
        looks = []
        for index in range(7):
            left, right = int(strip.middle_of(index)) - 7, int(strip.middle_of(index)) + 7
            looks.append(
                tuple(
                    image.pixelColor(x, y).lightness()
                    for x in range(left, right)
                    for y in range(9, 22)
                )
            )
        assert len(set(looks)) == 6  # the first two are both encoded


def test_many_slices_share_pixels(strip: SliceStrip) -> None:
    states = ("encoded",) * 600 + ("not encoded",) * 600
    strip.show_state(StripState(states, 3, dict.fromkeys(range(1200), "followed"), {}, "z", ""))
    assert strip.slice_at(strip.middle_of(777)) == 777
    image = strip.grab().toImage()
    shades = {image.pixelColor(x, 14).name() for x in (30, 50, 70)}
    assert shades != {image.pixelColor(x, 14).name() for x in (100, 120, 140)}


def test_it_tells_of_a_slice(strip: SliceStrip) -> None:
    assert strip.state.about(2) == ("z 2: stale", "Object 3: doubt 0.50")
    assert strip.state.about(1) == ("z 1: encoded", "Object 3: given by you")
    assert strip.state.about(0) == ("z 0: encoded", "")


def test_a_narrow_strip_is_higher(strip: SliceStrip) -> None:
    wide = strip.height()
    strip.setMaximumWidth(90)
    strip.resize(90, wide)
    assert strip.height() > wide
