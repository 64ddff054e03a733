"""Calls of other threads arrive in the main thread, or not at all."""

from __future__ import annotations

import threading
from typing import Any

import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from qtpy.QtCore import QObject

from napari_samara.ui.workers import Latest, MainThread, Task


def test_a_call_is_made_in_the_main_thread(qtbot: Any) -> None:
    main, where = MainThread(), []
    thread = threading.Thread(
        target=lambda: main.deliver(lambda: where.append(threading.current_thread()))
    )
    thread.start()
    thread.join()
    assert where == []
    qtbot.waitUntil(lambda: bool(where), timeout=2000)
    assert where == [threading.main_thread()]


def test_calls_after_the_end_are_dropped(qtbot: Any) -> None:
    main, made = MainThread(), []
    main.deliver(lambda: made.append(1))
    main.close()
    main.deliver(lambda: made.append(2))
    qtbot.wait(50)
    assert made == []


def test_the_end_of_the_parent_is_the_end(qtbot: Any) -> None:
    parent = QObject()
    main = MainThread(parent)
    with qtbot.waitSignal(parent.destroyed, timeout=2000):
        parent.deleteLater()
    called: list[int] = []
    main.deliver(lambda: called.append(1))
    main.deliver(lambda: called.append(2))
    qtbot.wait(20)
    assert called == []


@pytest.mark.parametrize("fails", [False, True])
def test_task(qtbot: Any, fails: bool) -> None:
    told: list[Any] = []

    def work() -> threading.Thread:
        if fails:
            raise ValueError("no luck")
        return threading.current_thread()

    task = Task(work, MainThread(), told.append, told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=2000)
    task.join(2)
    if fails:
        assert str(told[0]) == "no luck"
    else:
        assert told[0] is not threading.main_thread()


def test_a_cancelled_task_tells_nothing(qtbot: Any) -> None:
    go, told = threading.Event(), []
    task = Task(go.wait, MainThread(), told.append, told.append)
    task.cancel()
    go.set()
    task.join(2)
    qtbot.wait(50)
    assert told == []


def test_of_several_pieces_of_work_the_newest_is_told(qtbot: Any) -> None:
    go, begun, told = threading.Event(), [], []

    def work(number: int) -> int:
        begun.append(number)
        go.wait(20)
        return number

    latest = Latest(MainThread(), told.append, told.append)
    for number in range(5):
        latest.ask(lambda number=number: work(number))
    go.set()
    qtbot.waitUntil(lambda: bool(told), timeout=2000)
    qtbot.wait(50)
    assert told == [4]
    assert begun == [0, 4]
    latest.ask(lambda: work(5))
    qtbot.waitUntil(lambda: told == [4, 5], timeout=2000)


def test_work_that_fails_is_told_and_does_not_stop_the_next(qtbot: Any) -> None:
    told: list[Any] = []
    latest = Latest(MainThread(), told.append, told.append)
    latest.ask(lambda: 1 / 0)
    qtbot.waitUntil(lambda: bool(told), timeout=2000)
    latest.ask(lambda: 7)
    qtbot.waitUntil(lambda: told[-1] == 7, timeout=2000)
    assert isinstance(told[0], ZeroDivisionError)


def test_cancelled_work_is_not_told(qtbot: Any) -> None:
    go, told = threading.Event(), []
    latest = Latest(MainThread(), told.append, told.append)
    latest.ask(lambda: go.wait(20))
    latest.ask(lambda: 2)
    latest.cancel()
    go.set()
    qtbot.wait(50)
    assert told == []
    latest.ask(lambda: 3)
    qtbot.waitUntil(lambda: told == [3], timeout=2000)
