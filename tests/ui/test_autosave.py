"""Folders of annotations: which one is taken, what is found, and that nothing is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.ui.conftest import DiskPredictor

from napari_samara.errors import FileFormatError, SessionError
from napari_samara.prompts import point
from napari_samara.session import Session
from napari_samara.session.journal import JOURNAL_FILE, SESSION_FILE
from napari_samara.session.restored import Restored
from napari_samara.ui.autosave import Opened, anew, look, resume
from napari_samara.ui.channels import StackedChannels
from napari_samara.ui.keeping import Subject

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = np.random.default_rng(5).integers(0, 255, (40, 50)).astype(np.uint8)
CELLS = Subject("cells", IMAGE)


def annotate(opened: Opened, objects: int, prompts: int = 0) -> Session:
    """Annotate the image with as many objects and open prompts."""
    keeping = opened.keeping
    session = Session(
        IMAGE, DiskPredictor(), journal=keeping.journal, saved=keeping.saved, store=keeping.store
    )
    for number in range(objects):
        session.add(point(10 + 9 * number, 20))
        session.accept()
    for number in range(prompts):
        session.add(point(30, 10 + number))
    return session


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "embeddings" not in str(path)
    }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (CELLS, Subject("cells", IMAGE.copy()), True),
        (CELLS, Subject("nuclei", IMAGE), False),
        (CELLS, Subject("cells", IMAGE[:-1]), False),
        (CELLS, Subject("cells", IMAGE.astype(np.uint16)), False),
        (Subject("a", IMAGE, source="/x/1.tif"), Subject("a", IMAGE, source="/x/2.tif"), False),
        (Subject("x/../:y", IMAGE), Subject("x .. y", IMAGE), False),
    ],
)
def test_home(tmp_path: Path, one: Subject, other: Subject, same: bool) -> None:
    assert (one.home(tmp_path) == other.home(tmp_path)) is same
    assert one.home(tmp_path).parent == other.home(tmp_path).parent == tmp_path


@pytest.mark.parametrize("name", ["", "...", "con", "a/b\\c:d*?", "é" * 300, "\ud800", "x\ny"])
def test_every_name_makes_a_folder(tmp_path: Path, name: str) -> None:
    home = Subject(name, IMAGE).home(tmp_path)
    home.mkdir()
    assert home.parent == tmp_path


def test_found_and_resumed(tmp_path: Path) -> None:
    assert look(CELLS, tmp_path).found == ()
    first = annotate(anew(CELLS, tmp_path), 2, prompts=1)
    first.close()
    outlook = look(CELLS, tmp_path)
    (found,) = outlook.found
    assert found.title.startswith("2 objects and 1 prompt from 20")
    assert outlook.notes == ()
    opened = resume(CELLS, found)
    assert isinstance(opened.keeping.saved, Restored)
    assert opened.keeping.folder == found.folder
    second = annotate(opened, 0)
    assert np.array_equal(second.labels, first.labels)
    assert list(second.prompts) == list(first.prompts)
    second.reopen(1)
    assert list(second.prompts) == [point(10, 20)]
    second.close()


def test_starting_anew_takes_the_next_folder_and_leaves_the_others(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        opened = anew(CELLS, tmp_path)
        assert opened.keeping.folder is not None
        assert opened.keeping.folder.name == f"session-{number}"
        before = files_of(tmp_path)
        annotate(opened, number).close()
        after = files_of(tmp_path)
        ours = {name for name in after if f"session-{number}" in name}
        assert all(after[name] == before[name] for name in before if name not in ours)
    assert [found.objects for found in look(CELLS, tmp_path).found] == [3, 2, 1]


def test_channels_of_other_pixels_are_told_apart(tmp_path: Path) -> None:
    def subject(*channels: np.ndarray) -> Subject:
        return Subject("cells", StackedChannels(channels), rgb=True)

    mine = subject(IMAGE, IMAGE[::-1])
    session = Session(
        mine.data, DiskPredictor(), rgb=True, journal=anew(mine, tmp_path).keeping.journal
    )
    session.add(point(10, 20))
    session.accept()
    session.close()
    assert len(look(mine, tmp_path).found) == 1
    other = look(subject(IMAGE, IMAGE[:, ::-1]), tmp_path)
    assert other.found == ()
    assert "other pixels" in other.notes[0]


def test_a_folder_without_anything_done_is_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        opened = anew(CELLS, tmp_path)
        assert opened.keeping.folder == CELLS.home(tmp_path) / "session-1"
        annotate(opened, 0).close()
    assert look(CELLS, tmp_path).found == ()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    busy = annotate(anew(CELLS, tmp_path), 1)
    outlook = look(CELLS, tmp_path)
    assert outlook.found == ()
    assert outlook.notes == ("session-1 is open in another window.",)
    opened = anew(CELLS, tmp_path)
    assert opened.keeping.folder == CELLS.home(tmp_path) / "session-2"
    opened.keeping.close()
    busy.close()
    (found,) = look(CELLS, tmp_path).found
    again = annotate(anew(CELLS, tmp_path), 0)
    again.close()
    first = resume(CELLS, found)
    with pytest.raises(SessionError, match="another session"):
        resume(CELLS, found)
    first.keeping.close()


@pytest.mark.parametrize("damage", ["cut", "text", "line", "other pixels", "no session file"])
def test_what_cannot_be_resumed_is_said_and_kept(tmp_path: Path, damage: str) -> None:
    session = annotate(anew(CELLS, tmp_path), 2)
    folder = CELLS.home(tmp_path) / "session-1"
    if damage in ("cut", "text", "other pixels"):
        session.close()
    subject = CELLS
    if damage == "cut":
        path = folder / SESSION_FILE
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "text":
        (folder / SESSION_FILE).write_text("[1, 2]", encoding="utf-8")
    elif damage == "line":
        path = folder / JOURNAL_FILE
        data = path.read_bytes().replace(b'{"seq":2', b'{"sex":2')
        session.close()
        path.write_bytes(data)
    elif damage == "other pixels":
        subject = Subject("cells", IMAGE[::-1].copy())
    else:
        data = (folder / JOURNAL_FILE).read_bytes()
        session.close()
        (folder / JOURNAL_FILE).write_bytes(data)
        (folder / SESSION_FILE).unlink()
    before = files_of(tmp_path)
    outlook = look(subject, tmp_path)
    assert outlook.found == ()
    assert len(outlook.notes) == (damage != "no session file")
    assert all("left as it is" in note for note in outlook.notes)
    opened = anew(subject, tmp_path)
    assert opened.keeping.folder is not None
    assert opened.keeping.folder.name == "session-2"
    opened.keeping.close()
    assert {name: files_of(tmp_path)[name] for name in before} == before


def test_a_session_that_was_damaged_meanwhile(tmp_path: Path) -> None:
    annotate(anew(CELLS, tmp_path), 1).close()
    (found,) = look(CELLS, tmp_path).found
    (found.folder / SESSION_FILE).write_text("{}", encoding="utf-8")
    for _ in range(2):  # it is not held on to
        with pytest.raises(FileFormatError, match="not a session file"):
            resume(CELLS, found)


def test_a_root_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    root = tmp_path / "file" / "below"
    assert look(CELLS, root).found == ()
    opened = anew(CELLS, root)
    assert opened.keeping.journal is None
    assert "cannot write" in opened.problem


def test_a_read_only_annotation_is_resumed_unsaved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(30, "Read-only file system")

    annotate(anew(CELLS, tmp_path), 1).close()
    monkeypatch.setattr("napari_samara.session.journal.locked", refuse)
    (found,) = look(CELLS, tmp_path).found
    opened = resume(CELLS, found)
    assert opened.keeping.journal is None
    assert "Read-only" in opened.problem
    assert isinstance(opened.keeping.saved, Restored)


@pytest.mark.parametrize("wanted", [True, False])
def test_embeddings_are_shared_by_the_annotations_of_an_image(tmp_path: Path, wanted: bool) -> None:
    annotate(anew(CELLS, tmp_path, wanted), 1).close()
    store = CELLS.home(tmp_path) / "embeddings.zarr"
    assert store.is_dir() is wanted
    second: Any = annotate(anew(CELLS, tmp_path, wanted), 1)
    second.close()
    assert len(second.predictor.encoded) == (not wanted)
