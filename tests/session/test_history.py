"""Undo and redo, whatever is undone."""

from __future__ import annotations

from napari_samara.session.history import History


def test_there_and_back() -> None:
    history: History[str] = History()
    assert history.last is None
    assert history.next is None
    for action in "abc":
        history.push(action)
    assert (history.last, history.next) == ("c", None)
    history.step_back()
    history.step_back()
    assert (history.last, history.next) == ("a", "b")
    history.step_forward()
    assert (history.last, history.next) == ("b", "c")
    history.push("d")
    assert (history.last, history.next) == ("d", None)
    for _ in range(9):
        history.step_back()
    assert (history.last, history.next) == (None, "a")
    history.clear()
    history.step_forward()
    assert (history.last, history.next) == (None, None)


def test_what_was_undone_can_be_forgotten() -> None:
    history: History[str] = History()
    for action in "ab":
        history.push(action)
    history.step_back()
    history.forget_undone()
    assert (history.last, history.next) == ("a", None)


def test_the_oldest_are_forgotten() -> None:
    history: History[int] = History(limit=3)
    for action in range(10):
        history.push(action)
    for expected in (9, 8, 7):
        assert history.last == expected
        history.step_back()
    assert history.last is None
