"""What is on the disk, at any moment and after any accident."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.conftest import SHAPE
from tests.session.fake_predictor import FakePredictor, disk

from napari_samara.errors import FileFormatError, ImageError, OutputError, SessionError
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, point
from napari_samara.session import LabelEdit, Session, recover
from napari_samara.session import journal as module
from napari_samara.session.journal import JOURNAL_FILE, SESSION_FILE
from napari_samara.session.restored import Restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[..., Session]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cells.samara"


def busy_hour(session: Session) -> None:
    """One of everything that changes labels, with some of it undone."""
    made = []
    for row, col in [(10, 10), (10, 40), (33, 20), (36, 50)]:
        session.add(point(row, col))
        made.append(session.accept(klass=f"at {row}").label)
    session.delete(made[1])
    session.merge(made[0], made[2])
    session.set_class(made[3], "set by hand")
    session.many(PromptSet.from_objects({1: [point(20, 30)], 2: [point(22, 33)]}))
    session.accept_many()
    before = session.labels[0:3, 0:9].copy()
    session.labels[0:3, 0:9] = 30
    session.painted(LabelEdit(session.plane, (0, 0, 3, 9), before, np.full((3, 9), 30)))
    session.undo()
    session.undo()
    session.redo()
    session.reopen(made[3])
    session.replace(0, point(30, 50))
    session.accept()
    session.undo()
    session.redo()


def state_of(folder: Path) -> tuple[np.ndarray, dict[int, Any]]:
    saved = recover(folder)
    assert saved is not None
    labels = saved.labels_before()
    saved.replayed(labels)
    return labels, saved.objects()


def plain(session: Session) -> dict[int, Any]:
    return {label: record.to_dict() for label, record in session.objects.items()}


@pytest.mark.parametrize("compact_after", [1, 2, 3, 500])
@pytest.mark.parametrize("given", [False, True], ids=["new labels", "given labels"])
def test_the_folder_holds_all_that_was_done(
    open_: Opener,
    image: np.ndarray,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    compact_after: int,
    given: bool,
) -> None:
    monkeypatch.setattr(module, "_COMPACT_AFTER", compact_after)
    labels = None
    if given:
        labels = np.zeros(SHAPE, np.uint16)
        labels[40:, 5:9] = 77
    session = open_(image, journal=folder, labels=labels)
    wrong = []

    def look() -> None:
        found, objects = state_of(folder)
        if not np.array_equal(found, session.labels) or objects != plain(session):
            wrong.append(session.objects)

    session.events.objects.connect(look)
    busy_hour(session)
    assert wrong == []
    session.close()
    found, objects = state_of(folder)
    assert np.array_equal(found, session.labels)
    assert found.dtype == session.labels.dtype
    assert objects == plain(session)


def test_resume_goes_on_where_it_ended(open_: Opener, image: np.ndarray, folder: Path) -> None:
    first = open_(image, journal=folder)
    busy_hour(first)
    shutil.copytree(folder, folder.with_name("crashed"))  # as a killed process leaves it
    crashed = folder.with_name("crashed")
    second = open_(image, journal=crashed, saved=recover(crashed))
    assert np.array_equal(second.labels, first.labels)
    assert second.objects == first.objects
    second.reopen(4)
    assert second.prompts == PromptSet([point(30, 50)])
    second.clear()
    second.undo()
    second.redo()
    second.add(point(45, 5))
    label = second.accept().label
    assert label > max(first.objects)
    found, objects = state_of(crashed)
    assert np.array_equal(found, second.labels)
    assert objects == plain(second)
    while second.undo():
        pass
    assert not second.labels.any()
    assert recover(crashed) is None


def test_prompts_that_were_not_accepted_come_back(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    session = open_(image, journal=folder)
    session.add(point(10, 10))
    session.accept()
    session.add(point(30, 30))
    session.choose(2)
    shutil.copytree(folder, folder.with_name("crashed"))
    again = open_(image, saved=recover(folder.with_name("crashed")))
    assert again.prompts == session.prompts
    assert again.choice == 2
    session.accept()
    saved = recover(folder)
    assert saved is not None
    assert len(saved.held.opened.prompts) == 0


def test_the_labels_that_are_given_are_filled(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    first = open_(image, journal=folder, labels=np.zeros(SHAPE, np.uint16))
    first.add(point(10, 10))
    first.accept()
    first.close()
    labels = np.full(SHAPE, 3, np.int32)
    second = open_(image, journal=folder, labels=labels, saved=recover(folder))
    assert second.labels is labels
    assert np.array_equal(labels, first.labels)
    second.add(point(30, 30))
    second.accept(label=70_000)
    assert np.array_equal(state_of(folder)[0], labels)
    with pytest.raises(ImageError, match="cannot hold"):
        open_(image, labels=np.zeros(SHAPE, np.uint8), saved=recover(folder))


def test_a_line_that_was_cut_off_is_no_damage(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    session = open_(image, journal=folder)
    states = []
    for row in (10, 25, 40):
        session.add(point(row, 20))
        session.accept()
        states.append((os.path.getsize(folder / JOURNAL_FILE), session.labels.copy()))
    data = (folder / JOURNAL_FILE).read_bytes()
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    for length in {*range(0, len(data), 97), *(size for size, _ in states), len(data) - 1}:
        (copy / JOURNAL_FILE).write_bytes(data[:length])
        whole = [labels for size, labels in states if size <= length]
        if whole:
            assert np.array_equal(state_of(copy)[0], whole[-1])
        else:
            opened = recover(copy)
            assert opened is None or opened.steps == ()
        with_more = open_(
            image, journal=copy, saved=recover(copy) or module.read_session(copy / SESSION_FILE)
        )
        with_more.add(point(25, 50))
        with_more.accept()
        assert np.array_equal(state_of(copy)[0], with_more.labels)
        with_more.close()
        shutil.copy(folder / SESSION_FILE, copy / SESSION_FILE)


def test_damage_inside_is_told(open_: Opener, image: np.ndarray, folder: Path) -> None:
    session = open_(image, journal=folder)
    for row in (10, 25):
        session.add(point(row, 20))
        session.accept()
    path = folder / JOURNAL_FILE
    first, *others = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first[:50], *others]))
    with pytest.raises(FileFormatError, match="line 1"):
        recover(folder)


def test_killed_between_session_file_and_journal(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    session = open_(image, journal=folder)
    busy_hour(session)
    lines = (folder / JOURNAL_FILE).read_bytes()
    session.close()  # compacts
    (folder / JOURNAL_FILE).write_bytes(lines)
    assert np.array_equal(state_of(folder)[0], session.labels)


class FullDisk:
    """Lets `room` bytes through, as a disk that is full does."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, handle: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(28, "No space left on device")
        count = self.write(handle, bytes(data)[: self.room])
        self.room -= count
        return count


@pytest.mark.parametrize("room", [0, 1, 200])
@pytest.mark.parametrize(
    "step",
    [
        lambda s: s.accept(),
        lambda s: s.delete(1),
        lambda s: s.merge(1, 2),
        lambda s: (s.undo(), s.undo()),
        lambda s: (s.many(PromptSet([point(5, 50)])), s.accept_many()),
    ],
    ids=["accept", "delete", "merge", "undo", "many"],
)
def test_a_full_disk_changes_nothing(
    open_: Opener,
    image: np.ndarray,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    step: Callable[[Session], Any],
) -> None:
    session = open_(image, journal=folder)
    for row in (10, 40):
        session.add(point(row, 20))
        session.accept()
    session.add(point(25, 40))
    if room:  # undo writes a short line
        room = min(room, 10)
    before, objects, prompts = session.labels.copy(), dict(session.objects), session.prompts
    told: list[Any] = []
    session.events.edited.connect(told.append)
    session.events.objects.connect(lambda: told.append("objects"))
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", FullDisk(room))
        with pytest.raises(OutputError, match="No space left"):
            step(session)
        assert told == []
        assert np.array_equal(session.labels, before)
        assert dict(session.objects) == objects
        assert np.array_equal(state_of(folder)[0], before)
    session.set_prompts(prompts)
    session.accept()
    assert np.array_equal(state_of(folder)[0], session.labels)


@pytest.mark.parametrize("accepted", [0, 1])
def test_a_disk_that_does_not_keep_what_is_written(
    open_: Opener, image: np.ndarray, folder: Path, monkeypatch: pytest.MonkeyPatch, accepted: int
) -> None:
    session = open_(image, journal=folder)
    for row in (10, 40)[:accepted]:
        session.add(point(row, 20))
        session.accept()
    session.add(point(25, 40))
    before = session.labels.copy()

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", fail)
        with pytest.raises(OutputError, match="Input/output"):
            session.accept()
    assert np.array_equal(session.labels, before)
    assert len(session.objects) == accepted
    session.accept()
    assert np.array_equal(state_of(folder)[0], session.labels)


def test_a_folder_that_cannot_be_made(open_: Opener, image: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        open_(image, journal=tmp_path / "file" / "folder")


def test_one_session_a_folder(open_: Opener, image: np.ndarray, folder: Path) -> None:
    session = open_(image, journal=folder)
    with pytest.raises(SessionError, match="another session"):
        open_(image, journal=folder)
    session.add(point(20, 20))
    session.accept()
    session.close()
    with pytest.raises(SessionError, match="resume it"):
        open_(image, journal=folder)
    again = open_(image, journal=folder, saved=recover(folder))
    assert np.array_equal(again.labels, session.labels)


@pytest.mark.parametrize("accepted", [0, 1])
def test_a_closed_session_writes_no_more(
    open_: Opener, image: np.ndarray, folder: Path, accepted: int
) -> None:
    session = open_(image, journal=folder)
    for row in (10, 40)[:accepted]:
        session.add(point(row, 20))
        session.accept()
    session.close()
    session.close()
    session.add(point(25, 40))
    with pytest.raises(SessionError, match="closed"):
        session.accept()
    assert len(session.objects) == accepted


def test_nothing_done_is_nothing_to_resume(open_: Opener, image: np.ndarray, folder: Path) -> None:
    assert recover(folder) is None
    open_(image, journal=folder).close()
    assert recover(folder) is None
    open_(image, journal=folder)


def test_resume_on_another_image(
    open_: Opener, image: np.ndarray, stack: np.ndarray, folder: Path
) -> None:
    session = open_(image, journal=folder)
    session.add(point(20, 20))
    session.accept()
    saved = recover(folder)
    for other in (stack, image[:-1], image[::-1].copy()):
        with pytest.raises(ImageError, match="saved session"):
            open_(other, saved=saved)


def test_wider_labels_are_written_anew(open_: Opener, image: np.ndarray, folder: Path) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 0] = 255
    session = open_(image, journal=folder, labels=labels)
    before = labels[1:2, 1:2].copy()
    labels[1, 1] = 254
    session.painted(LabelEdit(session.plane, (1, 1, 2, 2), before, labels[1:2, 1:2].copy()))
    session.labels = labels.astype(np.int32)
    session.add(point(20, 20))
    assert session.accept().label == 256
    found, _ = state_of(folder)
    assert found.dtype == np.int32
    assert np.array_equal(found, session.labels)


def test_the_session_file_is_readable(open_: Opener, image: np.ndarray, folder: Path) -> None:
    session = open_(image, journal=folder, source="cells.tif", predictor=FakePredictor())
    session.add(point(20, 20))
    session.accept(klass="cell")
    session.close()
    document = json.loads((folder / SESSION_FILE).read_text(encoding="utf-8"))
    assert document["format"] == "samara-session"
    assert document["version"] == 1
    assert document["tool"]["name"] == "napari-samara"
    assert document["image"]["source"] == "cells.tif"
    assert len(document["image"]["sha256"]) == 64
    assert document["checkpoint"]["sha256"] == "ab" * 32
    assert document["contrast"]["policy"] == "auto"
    assert document["settings"]["mask_threshold"] == 0.0
    [record] = document["objects"]
    assert record["label"] == 1
    assert record["class"] == "cell"
    assert record["prompts"] == [{"kind": "point", "at": [20.0, 20.0], "positive": True}]
    assert record["parts"][0]["choice"] == 0
    assert len(record["parts"][0]["scores"]) == 3


def test_prompts_given_before_the_first_object_come_back(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    labels = np.zeros(SHAPE, np.uint16)
    labels[40:, 5:9] = 7
    session = open_(image, journal=folder, labels=labels)
    session.add(point(10, 10))
    session.choose(1)
    crashed = folder.with_name("crashed")
    shutil.copytree(folder, crashed)
    again = open_(image, journal=crashed, saved=recover(crashed))
    assert again.prompts == session.prompts
    assert again.choice == 1
    assert np.array_equal(again.labels, labels)
    again.accept()
    assert np.array_equal(state_of(crashed)[0], again.labels)


def test_what_is_painted_first_can_be_undone_after_a_crash(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    session = open_(image, journal=folder, labels=labels)
    before = labels[:3, :9].copy()
    labels[:3, :9] = 4  # as a viewer does it, before anything is told
    session.add(point(20, 20))  # the first labels are read with the stroke in them
    session.painted(LabelEdit(session.plane, (0, 0, 3, 9), before, np.full((3, 9), 4)))
    again = open_(image, saved=recover(folder))
    assert np.array_equal(again.labels, labels)
    again.undo()  # what was open comes last
    again.undo()
    assert not again.labels.any()


@pytest.mark.parametrize("at", range(0, 4000, 333))
def test_unsaved_is_told_and_made_good(
    open_: Opener, image: np.ndarray, folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    session = open_(image, journal=folder, must_save=False)
    told: list[str] = []
    session.events.unsaved.connect(told.append)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", FullDisk(at))
        busy_hour(session)
        assert len(told) == 1
        assert "No space left" in told[0]
    saved = recover(folder)
    assert saved is not None
    session.undo()
    assert session.redo()
    assert told[1:] == [""]
    found, objects = state_of(folder)
    assert np.array_equal(found, session.labels)
    assert objects == plain(session)


def test_a_step_undone_while_the_disk_was_full_can_be_done_again(
    open_: Opener, image: np.ndarray, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_(image, journal=folder, must_save=False)
    for row in (10, 25, 40):
        session.add(point(row, 20))
        session.accept()
    full = session.labels.copy()
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", FullDisk(0))
        for _ in range(5):
            session.undo()
    while session.redo():
        assert np.array_equal(state_of(folder)[0], session.labels)
    assert np.array_equal(session.labels, full)


def test_retyped_labels_keep_what_can_be_redone(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    session = open_(image, journal=folder, labels=np.zeros(SHAPE, np.uint8))
    for row in (10, 25):
        session.add(point(row, 20))
        session.accept()
    session.undo()
    session.labels = session.labels.astype(np.int32)
    session.redo()
    assert set(session.objects) == {1, 2}
    assert np.array_equal(state_of(folder)[0], session.labels)


def test_a_session_moves_to_another_folder(open_: Opener, image: np.ndarray, folder: Path) -> None:
    session = open_(image, journal=folder)
    for row in (10, 25):
        session.add(point(row, 20))
        session.accept()
    session.add(point(40, 40))
    other = folder.with_name("other")
    session.move_journal(module.Journal(other))
    assert plain(session) == state_of(folder)[1] == state_of(other)[1]
    session.accept()
    assert set(state_of(other)[1]) == {1, 2, 3}
    assert set(state_of(folder)[1]) == {1, 2}
    session.move_journal(None)
    session.delete(1)
    assert set(state_of(other)[1]) == {1, 2, 3}
    open_(image, journal=other, saved=recover(other))  # nobody holds it


def test_saving_that_begins_late_holds_the_prompts(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    session = open_(image)
    session.add(point(40, 40))
    session.move_journal(module.Journal(folder))
    saved = recover(folder)
    assert saved is not None
    assert list(saved.held.opened.prompts) == [point(40, 40)]


def test_a_restored_session_is_replayed_once(
    open_: Opener, image: np.ndarray, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_(image, journal=folder)
    busy_hour(first)
    first.close()
    saved = recover(folder)
    assert saved is not None
    restored = Restored.of(saved, image)
    monkeypatch.setattr(Restored, "of", None)
    second = open_(image, journal=module.Journal(folder), saved=restored)
    assert np.array_equal(second.labels, first.labels)
    assert second.labels is restored.labels
    assert second.objects == first.objects


@pytest.mark.parametrize("prompt_first", [False, True])
def test_a_stroke_through_planes_comes_first_and_is_one_step(
    open_: Opener, stack: np.ndarray, folder: Path, prompt_first: bool
) -> None:
    labels = np.zeros(stack.shape, np.int32)
    labels[:, 40:, 50:] = 3
    start = labels.copy()
    session = open_(stack, journal=folder, labels=labels)
    if prompt_first:
        session.add(point(1, 20, 20))
        session.clear()
    edits = []
    for z in (1, 2, 4):  # as a brush of three dimensions does it, before anything is told
        before = labels[z, 38:44, 48:53].copy()
        labels[z, 38:44, 48:53] = 7
        plane = Plane.of(3, fixed={0: z})
        edits.append(LabelEdit(plane, (38, 48, 44, 53), before, np.full((6, 5), 7)))
    session.painted(*edits)
    assert sorted(session.objects) == [3, 7]
    again = open_(stack, saved=recover(folder))
    assert np.array_equal(again.labels, labels)
    again.undo()
    assert np.array_equal(again.labels, start)
    again.redo()
    assert np.array_equal(again.labels, labels)


def test_a_stroke_under_way_while_the_first_labels_are_read(
    open_: Opener, image: np.ndarray, folder: Path
) -> None:
    labels = np.zeros(SHAPE, np.int32)
    session = open_(image, journal=folder, labels=labels)
    before = labels[5:9, 5:9].copy()
    labels[5:9, 5:9] = 4  # begun before the accepted object, told after it
    session.add(point(20, 20))
    session.accept(label=1)
    box = (5, 5, 24, 24)
    under = labels[5:24, 5:24].copy()
    under[:4, :4] = before
    labels[5:24, 5:24] = 4  # over the object
    session.painted(LabelEdit(session.plane, box, under, np.full((19, 19), 4)))
    again = open_(image, saved=recover(folder))
    assert np.array_equal(again.labels, labels)
    again.undo()
    assert np.array_equal(again.labels == 1, disk(SHAPE, 20, 20))
    assert set(np.unique(again.labels)) == {0, 1}
    again.undo()
    assert not again.labels.any()
