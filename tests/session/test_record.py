"""Session files: written, read, replayed, refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.session.conftest import SHAPE
from tests.session.test_journal import busy_hour, plain

from napari_samara.errors import FileFormatError, OutputError
from napari_samara.prompts import PromptSet, point
from napari_samara.session import Session, read_session, replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[..., Session]


@pytest.mark.parametrize("dtype", [None, np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("folder", [None, "folder"])
def test_replays_to_identical_labels(
    open_: Opener, image: np.ndarray, tmp_path: Path, dtype: Any, folder: str | None
) -> None:
    labels = None
    if dtype is not None:
        labels = np.zeros(SHAPE, dtype)
        labels[30:33, 40:] = 9
    session = open_(image, labels=labels, journal=tmp_path / folder if folder else None)
    session.save(tmp_path / "empty.samara.json")
    assert np.array_equal(replay(tmp_path / "empty.samara.json"), session.labels)
    busy_hour(session)
    session.save(tmp_path / "a.samara.json")
    again = replay(tmp_path / "a.samara.json")
    assert again.dtype == session.labels.dtype
    assert np.array_equal(again, session.labels)
    assert read_session(tmp_path / "a.samara.json").objects() == plain(session)


def test_open_prompts_come_back(open_: Opener, image: np.ndarray, tmp_path: Path) -> None:
    session = open_(image)
    session.add(point(10, 10))
    session.accept()
    session.reopen(1)
    session.add(point(12, 12, positive=False))
    session.save(tmp_path / "a.samara.json")
    again = open_(image, saved=read_session(tmp_path / "a.samara.json"))
    assert again.prompts == PromptSet([point(10, 10), point(12, 12, positive=False)])
    assert again.open_label == 1
    assert again.accept().label == 1
    assert len(again.objects) == 1


@pytest.fixture
def path(open_: Opener, image: np.ndarray, tmp_path: Path) -> Path:
    session = open_(image)
    session.add(point(10, 10))
    session.accept()
    session.save(tmp_path / "a.samara.json")
    return tmp_path / "a.samara.json"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format="other"), "samara-session"),
        (lambda d: d.update(version=2), "version 2"),
        (lambda d: d.update(version=True), "version True"),
        (lambda d: d.pop("steps"), "steps"),
        (lambda d: d["labels"].update(shape=[4, 4]), "step 0"),
        (lambda d: d["labels"].update(dtype="float32"), "float32"),
        (lambda d: d["labels"].update(start={"values": [1], "lengths": [3]}), "fill the shape"),
        (lambda d: d["steps"][0].pop("edits"), "step 0"),
        (lambda d: d["steps"][0]["edits"][0]["lengths"].append(9), "step 0"),
        (lambda d: d["steps"][0]["edits"][0].update(box=[0, 0, 900, 900]), "step 0"),
        (lambda d: d["steps"][0]["objects"][0].pop("label"), "step 0"),
        (lambda d: d["steps"][0]["edits"][0].update(plane={}), "step 0"),
    ],
)
def test_what_is_no_session_file(path: Path, change: Callable[[Any], Any], message: str) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(FileFormatError, match=message) as error:
        replay(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[]", b"[" * 100_000])
def test_what_is_no_json(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"a\.samara"):
        replay(path)


def test_entries_of_later_versions_are_kept(path: Path, tmp_path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    document["exports"] = {"later": 1}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert read_session(path).about["exports"] == {"later": 1}


def test_a_file_that_cannot_be_written(open_: Opener, image: np.ndarray, tmp_path: Path) -> None:
    session = open_(image)
    with pytest.raises(OutputError):
        session.save(tmp_path / "nowhere" / "a.samara.json")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replay(tmp_path / "none.samara.json")
