"""Tests of the order of threads."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from napari_samara.session.jobs import Job
from napari_samara.session.priority import STEPS_BEHIND, stand_behind
from napari_samara.session.thread_runner import ThreadRunner


def own() -> int:
    """Priority of the thread that asks; higher numbers go later."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has priorities of single threads"
)


@linux
def test_worker_and_its_threads_stand_behind_the_one_that_asked() -> None:
    before, seen = own(), []

    def work(_: object) -> None:
        seen.append(own())
        thread = threading.Thread(target=lambda: seen.append(own()))
        thread.start()
        thread.join()

    runner = ThreadRunner()
    runner.submit(Job(work, lambda _: None, pytest.fail, lambda _: None, ""))
    assert runner.wait(10)
    runner.close()
    assert seen == [min(before + STEPS_BEHIND, 19)] * 2
    assert own() == before


@linux
def test_the_last_place_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "getpriority", lambda which, who: 18)
    monkeypatch.setattr(os, "setpriority", lambda *args: given.append(args))
    stand_behind()
    assert given == [(os.PRIO_PROCESS, threading.get_native_id(), 19)]


@linux
def test_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError

    before = own()
    monkeypatch.setattr(os, "setpriority", forbid)
    stand_behind()
    assert own() == before


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "setpriority", lambda *_: pytest.fail("asked"), raising=False)
    stand_behind()
