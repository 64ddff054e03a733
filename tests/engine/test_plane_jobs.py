"""Reading, encoding and writing many planes at once, with work that is known beforehand."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from napari_samara.engine.plane_jobs import PlaneEnd, PlaneJob
from napari_samara.engine.plane_order import planes_of
from napari_samara.errors import CancelledError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_samara.planes import Plane

PLANES = planes_of((12, 4, 5))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def at_work() -> set[str]:
    """Names of threads that a job has left behind."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith(("samara-reader", "samara-writer"))}


class Work:
    """Embeddings are the planes themselves; `gate` can hold the encoder back."""

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.there: set[Plane] = set()
        self.unreadable: set[Plane] = set()
        self.read_planes: list[Plane] = []
        self.batches: list[list[int]] = []
        self.kept: list[Plane] = []
        self.gate = threading.Event()
        self.gate.set()
        self.full = False
        self.lock = threading.Lock()

    def read(self, plane: Plane) -> Any:
        with self.lock:
            self.read_planes.append(plane)
        if plane in self.unreadable:
            raise OSError("a chunk is lost")
        return None if plane in self.there else plane

    def encode(self, inputs: Sequence[Any]) -> list[Any]:
        self.batches.append([plane.index for plane in inputs])
        assert self.gate.wait(20)
        return list(inputs)

    def keep(self, plane: Plane, embedding: Any) -> None:
        assert plane is embedding
        if self.full:
            raise StoreError("no space left")
        self.kept.append(plane)

    @property
    def encoded(self) -> list[int]:
        return [index for batch in self.batches for index in batch]


def running(job: PlaneJob, ends: list[PlaneEnd]) -> threading.Thread:
    thread = threading.Thread(target=job.run, args=(ends.append,))
    thread.start()
    return thread


@pytest.mark.parametrize(("batch", "readers"), [(1, 1), (4, 1), (3, 4), (20, 2)])
def test_every_plane_is_read_encoded_and_kept_once(batch: int, readers: int) -> None:
    work, ends = Work(batch), []
    PlaneJob(PLANES, work, readers).run(ends.append)
    for planes in (work.read_planes, work.kept, [end.plane for end in ends]):
        assert sorted(planes, key=PLANES.index) == PLANES
    assert sorted(work.encoded) == list(range(12))
    assert max(map(len, work.batches)) <= batch
    assert {end.state for end in ends} == {"encoded"}
    assert not at_work()


def test_what_is_there_is_not_encoded() -> None:
    work, ends = Work(), []
    work.there = set(PLANES[:10])
    job = PlaneJob(PLANES, work)
    job.run(ends.append)
    assert work.encoded == [10, 11]
    assert [end.state for end in ends].count("found") == 10
    assert list(job.states.values()) == ["found"] * 10 + ["encoded"] * 2


def test_a_plane_that_cannot_be_read_fails_alone() -> None:
    work, ends = Work(), []
    work.unreadable = {PLANES[5]}
    PlaneJob(PLANES, work).run(ends.append)
    (failed,) = [end for end in ends if end.state == "failed"]
    assert failed.plane == PLANES[5]
    assert "a chunk is lost" in str(failed.error)
    assert len(work.kept) == 11


def test_the_focus_is_encoded_first_and_jumps_the_queue() -> None:
    work, ends = Work(batch=4), []
    work.gate.clear()
    job = PlaneJob(PLANES, work)
    job.focus(PLANES[6])
    thread = running(job, ends)
    until(lambda: len(work.batches) == 1)
    assert work.batches == [[6]]
    job.focus(PLANES[0])  # while another one is encoded and others are read already
    assert job.states[PLANES[6]] == "encoding"
    assert job.states[PLANES[0]] == "queued"
    work.gate.set()
    thread.join(20)
    assert work.batches[1] == [0]
    assert sorted(work.encoded) == list(range(12))


def test_little_is_read_ahead() -> None:
    work, ends = Work(batch=2), []
    work.gate.clear()
    thread = running(PlaneJob(PLANES, work), ends)
    until(lambda: len(work.batches) == 1)
    time.sleep(0.05)
    assert len(work.read_planes) <= 2 + 4
    work.gate.set()
    thread.join(20)
    assert len(work.kept) == 12


def test_cancelling_keeps_what_is_encoded() -> None:
    work, ends = Work(), []
    job = PlaneJob(PLANES, work)
    with pytest.raises(CancelledError, match="of 12 planes"):
        job.run(ends.append, lambda: len(work.batches) >= 3)
    assert len(work.batches) == 3
    assert work.kept == PLANES[:3]
    assert not at_work()


@pytest.mark.parametrize("where", ["encode", "keep", "told"])
def test_an_error_ends_the_job(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()

    def broken(*_: object) -> Any:
        raise StoreError("no space left")

    told: Callable[[PlaneEnd], None] = lambda _: None  # noqa: E731
    if where == "told":
        told = broken
    else:
        monkeypatch.setattr(work, where, broken)
    with pytest.raises(StoreError, match="no space left"):
        PlaneJob(PLANES, work, readers=2).run(told)
    assert not at_work()


def test_no_planes() -> None:
    work, told = Work(), list[Any]()
    PlaneJob([], work).run(told.append)
    assert told == work.batches == work.read_planes == []
    assert not at_work()
