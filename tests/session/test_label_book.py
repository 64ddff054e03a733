"""Which labels come next, without a look at a large array where that can be helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.session.conftest import SHAPE

from napari_samara.prompts import point
from napari_samara.session import LabelEdit, Session, recover
from napari_samara.session.label_book import LabelBook
from napari_samara.session.restored import Restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[..., Session]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often all labels were read for the highest one."""
    found: list[int] = []
    inner = LabelBook._blocks
    monkeypatch.setattr(LabelBook, "_blocks", lambda book: (found.append(1), inner(book))[1])
    return found


def accept(session: Session, row: float, col: float) -> int:
    session.add(point(row, col))
    return session.accept().label


@pytest.mark.parametrize("given", [False, True], ids=["new labels", "given labels"])
def test_undo_gives_a_label_out_again_and_reads_nothing(
    open_: Opener, image: np.ndarray, given: bool, looks: list[int]
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[40:, 50:] = 7
    session = open_(image, labels=labels if given else None)
    first = accept(session, 10, 10)
    assert first == (8 if given else 1)
    assert accept(session, 30, 30) == first + 1
    session.undo()
    assert accept(session, 10, 40) == first + 1
    session.delete(first + 1)
    assert accept(session, 10, 40) == first + 2  # a deleted label is not given out again
    assert len(looks) == given


def test_a_label_painted_first_is_free_again_after_undo(open_: Opener, image: np.ndarray) -> None:
    session = open_(image, labels=np.zeros(SHAPE, np.int32))
    before = np.zeros((3, 3), np.int32)
    session.painted(LabelEdit(session.plane, (0, 0, 3, 3), before, np.full((3, 3), 50)))
    assert accept(session, 30, 30) == 51
    for _ in range(3):
        session.undo()
    assert not session.labels.any()
    assert accept(session, 30, 30) == 1


@pytest.mark.parametrize("start", [0, 9])
def test_resuming_reads_nothing_either(
    open_: Opener, image: np.ndarray, tmp_path: Path, start: int, looks: list[int]
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[40:, 50:] = start
    first = open_(image, labels=labels, journal=tmp_path / "a")
    assert [accept(first, 10, 10), accept(first, 30, 30)] == [start + 1, start + 2]
    first.close()
    looks.clear()
    restored = Restored.of(recover(tmp_path / "a"), image)  # type: ignore[arg-type]
    second = open_(image, saved=restored)
    assert accept(second, 10, 40) == start + 3
    for _ in range(3):
        second.undo()
    assert list(second.objects) == [start + 1]
    assert accept(second, 10, 40) == start + 2
    assert looks == []


def test_records_stay_in_rising_order(open_: Opener, image: np.ndarray) -> None:
    session = open_(image)
    for number, place in ((5, 10), (2, 30), (9, 50)):
        session.add(point(20, place))
        session.accept(label=number)
    assert list(session.objects) == [2, 5, 9]
    session.delete(5)
    session.undo()
    assert list(session.objects) == [2, 5, 9]
    session.merge(2, 9)
    session.undo()
    assert list(session.objects) == [2, 5, 9]
