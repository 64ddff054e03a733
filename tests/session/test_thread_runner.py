"""Work on another thread: nothing blocks, late answers are dropped, steps are durable first."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.conftest import SHAPE
from tests.session.fake_predictor import FakePredictor, disk
from tests.session.test_journal import FullDisk, state_of

from napari_samara.errors import OutOfMemoryError, SessionError
from napari_samara.intensity import Contrast
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, point
from napari_samara.session import Session, Status, ThreadRunner, recover
from napari_samara.session import journal as journal_module
from napari_samara.session.jobs import Job
from napari_samara.session.thread_runner import let_them_leave
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[..., Session]

SECONDS = 20.0


def job(work: Callable[[Any], Any], told: list[Any], lane: str = "") -> Job:
    return Job(work, told.append, told.append, told.append, lane)


@pytest.fixture
def threaded(open_: Opener, image: np.ndarray) -> Session:
    return open_(image, runner=ThreadRunner())


def test_answers_come_in_the_waiting_thread() -> None:
    runner, told = ThreadRunner(), []
    names: list[str] = []
    runner.submit(
        Job(
            lambda _: names.append(threading.current_thread().name) or 7,
            lambda result: told.append((result, threading.current_thread().name)),
            told.append,
            told.append,
        )
    )
    assert runner.wait(SECONDS)
    assert told == [(7, threading.current_thread().name)]
    assert names == ["samara-worker"]
    assert not runner.busy
    runner.close()
    with pytest.raises(SessionError, match="closed"):
        runner.submit(job(lambda _: 1, told))
    assert "samara-worker" not in {thread.name for thread in threading.enumerate()}


def test_newer_jobs_of_a_lane_replace_older_ones() -> None:
    runner, told = ThreadRunner(), []
    gate, begun = threading.Event(), threading.Event()
    cancelled: list[bool] = []

    def held(report: Any) -> str:
        begun.set()
        assert gate.wait(SECONDS)
        cancelled.append(report.cancelled())
        report.say(Status("decoding", "late"))
        return "late"

    runner.submit(job(held, told, "live"))
    assert begun.wait(SECONDS)
    runner.submit(job(lambda _: "never run", told, "live"))
    runner.submit(job(lambda _: "kept", told))
    runner.submit(job(lambda _: "newest", told, "live"))
    gate.set()
    assert runner.wait(SECONDS)
    assert told == ["kept", "newest"]
    assert cancelled == [True]
    runner.close()


def test_cancel_and_errors() -> None:
    runner, told = ThreadRunner(), []
    gate, begun = threading.Event(), threading.Event()
    runner.submit(job(lambda _: begun.set() or gate.wait(SECONDS), told, "live"))
    assert begun.wait(SECONDS)
    runner.cancel("live")
    error = ValueError("wrong")

    def fail(_: Any) -> None:
        raise error

    runner.submit(job(fail, told))
    assert not runner.wait(0.01)
    gate.set()
    assert runner.wait(SECONDS)
    assert told == [error]
    runner.close()


def test_closing_finishes_what_must_be_done() -> None:
    runner, told = ThreadRunner(), []
    companion = runner.companion()
    for number in range(5):
        companion.submit(job(lambda _, n=number: time.sleep(0.01) or n, told))
        runner.submit(job(lambda _: "not needed", told, "live"))
    runner.close()
    assert [entry for entry in told if entry != "not needed"] == list(range(5))


def test_deliver_posts_to_the_owner() -> None:
    posted: list[Callable[[], None]] = []
    arrived = threading.Event()

    def deliver(delivery: Callable[[], None]) -> None:
        posted.append(delivery)
        arrived.set()

    runner, told = ThreadRunner(deliver), []
    runner.submit(job(lambda _: 3, told))
    assert arrived.wait(SECONDS)
    assert told == []
    posted[0]()
    assert told == [3]
    posted[0]()
    runner.close()
    assert told == [3]


def test_the_loop(threaded: Session, fake: FakePredictor) -> None:
    states: list[str] = []
    threaded.events.status.connect(lambda status: states.append(status.state))
    threads: set[str] = set()
    threaded.events.candidates.connect(lambda *_: threads.add(threading.current_thread().name))
    threaded.add(point(20, 20))
    assert threaded.candidates == ()
    assert threaded.wait(SECONDS)
    assert len(threaded.candidates) == 3
    assert states == ["encoding", "decoding", "idle"]
    threaded.choose(1)
    record = threaded.accept()
    assert threaded.wait(SECONDS)
    assert record == threaded.objects[1]
    assert np.array_equal(threaded.labels == 1, disk(SHAPE, 20, 20, 3))
    assert fake.threads == {"samara-worker"}
    assert threads == {threading.current_thread().name}
    assert threaded.undo()
    assert threaded.wait(SECONDS)
    assert not threaded.labels.any()
    assert len(threaded.candidates) == 3


def test_another_threshold_is_applied_in_the_worker(threaded: Session, fake: FakePredictor) -> None:
    threaded.many(PromptSet.from_objects({1: [point(8, 8)], 2: [point(30, 30)]}))
    threaded.add(point(20, 20))
    assert threaded.wait(SECONDS)
    asked, before = list(fake.decoded), [one.area for one in threaded.batch]
    threaded.settings = PredictSettings(mask_threshold=1.0)
    threaded.settings = PredictSettings(mask_threshold=2.0)
    assert [one.area for one in threaded.batch] == before  # shown until the new ones are there
    assert threaded.wait(SECONDS)
    assert all(one.area < area for one, area in zip(threaded.batch, before, strict=True))
    assert fake.decoded == asked
    assert fake.threads == {"samara-worker"}
    assert threaded.status.state == "idle"


def test_only_the_last_prompts_are_shown(threaded: Session, fake: FakePredictor) -> None:
    fake.gate.clear()
    shown: list[int] = []
    threaded.events.candidates.connect(lambda masks, _: shown.append(len(masks)))
    for col in range(10, 30, 2):
        threaded.add(point(20, col))
    fake.gate.set()
    assert threaded.wait(SECONDS)
    assert threaded.candidate is not None
    assert threaded.candidate.data[20, 10:29].all()
    assert len(fake.encoded) == 1
    assert len(fake.decoded) <= 2
    assert shown[-1] == 1


def test_prompts_taken_away_while_encoding(threaded: Session, fake: FakePredictor) -> None:
    fake.gate.clear()
    threaded.add(point(20, 20))
    threaded.undo()
    assert threaded.status.state == "idle"
    fake.gate.set()
    assert threaded.wait(SECONDS)
    assert threaded.candidates == ()
    assert fake.decoded == []


def test_accept_waits_for_the_mask_of_the_last_prompt(
    threaded: Session, fake: FakePredictor
) -> None:
    threaded.add(point(20, 20))
    threaded.wait(SECONDS)
    threaded.add(point(20, 24))
    record = threaded.accept()
    threaded.wait(SECONDS)
    assert len(record.prompts) == 2
    assert np.array_equal(threaded.labels == 1, disk(SHAPE, 20, 20) | disk(SHAPE, 20, 24))


def test_accept_while_encoding_is_refused(
    threaded: Session, fake: FakePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_samara.session.labelling._PATIENCE", 0.05)
    fake.gate.clear()
    threaded.add(point(20, 20))
    with pytest.raises(SessionError, match="not there yet"):
        threaded.accept()
    fake.gate.set()
    threaded.wait(SECONDS)
    assert threaded.accept().label == 1


def test_errors_are_told_by_the_status(threaded: Session, fake: FakePredictor) -> None:
    fake.error = OutOfMemoryError("no memory for this image")
    threaded.add(point(20, 20))
    assert threaded.wait(SECONDS)
    assert threaded.status == Status("failed", "no memory for this image")
    fake.error = None
    threaded.add(point(20, 22))
    assert threaded.wait(SECONDS)
    assert len(threaded.candidates) == 1
    assert threaded.status.state == "idle"


def test_many(threaded: Session) -> None:
    told: list[int] = []
    threaded.events.batch.connect(lambda found: told.append(len(found)))
    progress: list[tuple[int, int]] = []
    threaded.events.status.connect(lambda status: progress.append((status.done, status.total)))
    given = PromptSet.from_objects({n: [point(8 * n, 8 * n)] for n in range(1, 6)})
    assert threaded.many(given) == []
    assert threaded.wait(SECONDS)
    assert told == [5]
    assert (5, 5) in progress
    threaded.accept_many()
    assert threaded.wait(SECONDS)
    assert set(threaded.objects) == {1, 2, 3, 4, 5}


def test_nothing_counts_before_it_is_on_the_disk(
    open_: Opener, image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, names = threading.Event(), set()
    write = journal_module.os.fsync

    def slow(handle: int) -> None:
        names.add(threading.current_thread().name)
        assert gate.wait(SECONDS)
        write(handle)

    session = open_(image, runner=ThreadRunner(), journal=tmp_path / "j")
    session.add(point(20, 20))
    assert session.wait(SECONDS)
    told: list[Any] = []
    session.events.edited.connect(told.append)
    monkeypatch.setattr(journal_module.os, "fsync", slow)
    record = session.accept()
    assert record.label == 1
    assert told == []
    assert not session.labels.any()
    assert not session.objects
    assert len(session.prompts) == 1
    threading.Timer(0.05, gate.set).start()
    session.add(point(40, 40))  # begins where the step before it ends
    assert len(told) == 1
    assert list(session.prompts) == [point(40, 40)]
    assert np.array_equal(state_of(tmp_path / "j")[0], session.labels)
    assert session.wait(SECONDS)
    assert names == {"samara-worker-files"}


def test_a_full_disk_is_told_and_nothing_accepted(
    open_: Opener, image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_(image, runner=ThreadRunner(), journal=tmp_path / "j")
    for row in (10, 40):
        session.add(point(row, 20))
        assert session.wait(SECONDS)
        with monkeypatch.context() as patch:
            if row == 40:
                patch.setattr(journal_module.os, "write", FullDisk(9))
            session.accept()
            assert session.wait(SECONDS)
    assert session.status.state == "failed"
    assert "No space left" in session.status.message
    assert set(session.objects) == {1}
    assert list(session.prompts) == [point(40, 20)]
    session.accept()
    assert session.wait(SECONDS)
    assert set(session.objects) == {1, 2}


def test_planes_left_behind_are_not_encoded(
    open_: Opener, stack: np.ndarray, fake: FakePredictor
) -> None:
    session = open_(stack, runner=ThreadRunner())
    for index in range(5):
        session.set_plane(Plane.of(3, fixed={0: index}))
    assert session.wait(SECONDS)
    assert fake.encoded == []
    session.contrast = Contrast("minmax")
    session.encode()
    assert session.wait(SECONDS)
    assert len(fake.encoded) == 1
    session.encode()
    assert session.wait(SECONDS)
    assert len(fake.encoded) == 1


def test_closing_does_not_wait_for_the_encoder(
    open_: Opener,
    image: np.ndarray,
    tmp_path: Path,
    fake: FakePredictor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = open_(image, runner=ThreadRunner(), journal=tmp_path / "j")
    session.add(point(20, 20))
    assert session.wait(SECONDS)
    held, write = threading.Event(), journal_module.write_session

    def slow(*args: Any) -> None:
        assert held.wait(SECONDS)
        write(*args)

    record = session.accept()
    session.add(point(30, 40))
    fake.gate.clear()
    session.contrast = Contrast("minmax")
    session.encode()
    monkeypatch.setattr(journal_module, "write_session", slow)
    session.close(wait=False)  # neither for the encoder nor for the session file
    assert set(session.objects) == {record.label}
    left = {thread.name for thread in threading.enumerate()}
    assert {"samara-worker", "samara-worker-files"} <= left
    held.set()
    fake.gate.set()
    let_them_leave()
    left = {thread.name for thread in threading.enumerate()}
    assert not {"samara-worker", "samara-worker-files"} & left
    saved = recover(tmp_path / "j")
    assert saved is not None
    assert set(saved.objects()) == {record.label}
    assert list(saved.held.opened.prompts) == [point(30, 40)]
    open_(image, journal=tmp_path / "j", saved=saved)  # nobody holds the folder


def test_an_interpreter_that_ends_finishes_the_files(tmp_path: Path) -> None:
    code = f"""
import time
from napari_samara.session.jobs import Job
from napari_samara.session import ThreadRunner
from napari_samara.settings import PredictSettings
runner = ThreadRunner()
def work(_):
    time.sleep(0.5)
    open({str(tmp_path / "written")!r}, "w").close()
runner.companion().submit(Job(work, print, print, print))
runner.close(wait=False)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "written").is_file()


def test_unsaved_is_told_in_the_thread_of_the_session(
    open_: Opener, image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_(image, runner=ThreadRunner(), journal=tmp_path / "j", must_save=False)
    told: list[tuple[str, str]] = []
    session.events.unsaved.connect(lambda why: told.append((why, threading.current_thread().name)))
    session.add(point(10, 20))
    assert session.wait(SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", FullDisk(9))
        for row in (10, 40):
            session.set_prompts(PromptSet([point(row, 20)]))
            assert session.wait(SECONDS)
            session.accept()
            assert session.wait(SECONDS)
    assert set(session.objects) == {1, 2}
    assert len(told) == 1
    assert "No space left" in told[0][0]
    session.delete(1)
    assert session.wait(SECONDS)
    assert [why for why, _ in told[1:]] == [""]
    assert {name for _, name in told} == {threading.current_thread().name}
    assert np.array_equal(state_of(tmp_path / "j")[0], session.labels)
