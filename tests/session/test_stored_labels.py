"""Tests of sessions whose labels lie in an OME-Zarr folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.engine.phantom import ellipsoid
from tests.zarr_files import write_image

import napari_samara as samara
from napari_samara.errors import ImageError, OutputError, SessionError
from napari_samara.formats.ome_labels import create_labels, open_labels
from napari_samara.formats.stored_labels import StoredLabels
from napari_samara.prompts import box, point
from napari_samara.session import read_session
from napari_samara.volumes import read_volume

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.session import Session

SHAPE = (9, 40, 44)
TRUTH = ellipsoid((4, 20, 22), (3.6, 11, 12), SHAPE)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).normal(300, 20, SHAPE)
    write_image(tmp_path / "a.ome.zarr", (noise + 900 * TRUTH).astype(np.uint16))
    return tmp_path / "a.ome.zarr"


def opened(image: Path, labels: Any = None, folder: str = "journal", **options: Any) -> Session:
    resume = image.parent / folder
    return samara.open_session(image, device="cpu", resume=resume, labels=labels, **options)


def annotate(session: Session) -> list[np.ndarray]:
    """Labels after each of some steps: accept, propagate, delete, undo, undo, redo."""
    found = []
    session.add(box(1, 1, 8, 9, index=2))
    session.accept()
    found.append(np.array(session.labels))
    session.add(box(9, 10, 32, 35, index=4))
    session.propagate()
    found.append(np.array(session.labels))
    session.delete(1)
    found.append(np.array(session.labels))
    for step in (session.undo, session.undo, session.redo):
        step()
        found.append(np.array(session.labels))
    return found


def test_same_labels_in_a_folder_and_in_memory(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "l.ome.zarr"
    stored = opened(image, path)
    assert isinstance(stored.labels, StoredLabels)
    in_folder = annotate(stored)
    memory = opened(image, folder="other")
    in_memory = annotate(memory)
    for one, other in zip(in_folder, in_memory, strict=True):
        assert np.array_equal(one, other)
    assert {len(np.unique(one)) for one in in_folder} == {2, 3}
    stored.save(tmp_path / "s.samara.json")
    stored.close()
    memory.close()
    labels = read_volume(path)
    assert labels.same_grid(read_volume(image))
    assert np.array_equal(labels.data[...], in_memory[-1])
    replayed = samara.replay(tmp_path / "s.samara.json")
    assert replayed.dtype == np.int32
    assert np.array_equal(replayed, in_memory[-1])
    again = samara.replay(tmp_path / "journal", out=tmp_path / "again.ome.zarr")
    assert np.array_equal(again[...], in_memory[-1])


def test_goes_on_where_it_was_whatever_the_folder_holds(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "l.ome.zarr"
    session = opened(image, path)
    found = annotate(session)[-1]
    session.close()
    open_labels(path)[3, 5:9, 5:9] = 77  # as after a crash between journal and labels
    session = opened(image, path)
    assert np.array_equal(session.labels[...], found)
    session.undo()
    session.undo()
    assert not session.labels[...].any()
    session.close()
    session = opened(image, tmp_path / "new.ome.zarr")
    assert not session.labels[...].any()
    session.close()


def test_other_labels_are_held_in_place_of_the_first(image: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "l.ome.zarr", tmp_path / "m.ome.zarr"
    session = opened(image, one)
    annotate(session)
    with pytest.raises(OutputError, match="another session"):
        open_labels(one).hold()
    session.labels = create_labels(other, session.labels.shape)
    open_labels(one).hold()
    with pytest.raises(OutputError, match="another session"):
        open_labels(other).hold()
    with pytest.raises(ImageError):
        session.labels = create_labels(tmp_path / "n.ome.zarr", (2, 3, 4))
    session.save(tmp_path / "s.samara.json")
    session.close()
    open_labels(other).hold()
    open_labels(tmp_path / "n.ome.zarr").hold()
    saved = read_session(tmp_path / "s.samara.json")
    assert saved.about["labels_folder"] == str(other)


def test_labels_that_were_there_come_first(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "l.ome.zarr"
    with_old = samara.open_session(image, device="cpu", labels=path)
    with_old.labels[4, 18:22, 20:24] = 5
    with_old.close()
    session = opened(image, path)
    session.add(box(9, 10, 32, 35, index=4))
    record = session.accept()
    assert record.label == 6
    assert (session.labels[4] == 5).sum() == 16
    session.close()
    assert (samara.replay(tmp_path / "journal") == open_labels(path)[...]).all()


def test_writes_only_boxes(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened(image, tmp_path / "l.ome.zarr")
    written: list[int] = []
    kept = StoredLabels.__setitem__

    def watch(self: StoredLabels, region: Any, values: Any) -> None:
        written.append(np.asarray(values).size)
        kept(self, region, values)

    monkeypatch.setattr(StoredLabels, "__setitem__", watch)
    session.add(point(4, 20, 22))
    record = session.accept()
    row0, col0, row1, col1 = record.parts[0].box
    assert written == [(row1 - row0) * (col1 - col0)]
    session.close()


def test_full_disk_leaves_all_as_it_was(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.ome.zarr"
    session = opened(image, path)
    session.add(box(1, 1, 8, 9, index=2))
    session.accept()
    before = np.array(session.labels)
    session.add(box(9, 10, 32, 35, index=4))
    kept, room = StoredLabels.__setitem__, [3]

    def little(self: StoredLabels, region: Any, values: Any) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise OutputError(f"cannot write the labels {path}: No space left on device")
        kept(self, region, values)

    monkeypatch.setattr(StoredLabels, "__setitem__", little)
    done = session.propagate()
    assert "No space left" in done.failed
    monkeypatch.setattr(StoredLabels, "__setitem__", kept)
    assert set(session.objects) == {1}
    room[0] = 99
    session.propagate()  # there is room again
    after = np.array(session.labels)
    assert set(np.unique(after)) == {0, 1, 2}
    session.close()
    assert np.array_equal(samara.replay(tmp_path / "journal"), after)
    session = opened(image, path)
    session.undo()
    assert np.array_equal(session.labels[...], before)
    session.close()


def test_full_disk_while_accepting_and_undoing(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(image, tmp_path / "l.ome.zarr")
    session.add(point(4, 20, 22))
    kept = StoredLabels.__setitem__

    def full(*_: Any) -> None:
        raise OutputError("cannot write the labels: No space left on device")

    monkeypatch.setattr(StoredLabels, "__setitem__", full)
    with pytest.raises(OutputError, match="No space left"):
        session.accept()
    assert not session.objects
    assert len(session.prompts) == 1  # the open object is still there
    monkeypatch.setattr(StoredLabels, "__setitem__", kept)
    session.accept()
    accepted = np.array(session.labels)
    monkeypatch.setattr(StoredLabels, "__setitem__", full)
    with pytest.raises(OutputError, match="No space left"):
        session.undo()
    monkeypatch.setattr(StoredLabels, "__setitem__", kept)
    assert np.array_equal(session.labels, accepted)
    session.close()
    assert np.array_equal(samara.replay(tmp_path / "journal"), accepted)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [("l.tif", OutputError, "OME-Zarr alone"), ("none/l.ome.zarr", OutputError, "no folder")],
)
def test_other_paths(image: Path, tmp_path: Path, name: str, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        opened(image, tmp_path / name)


def test_labels_of_another_shape(image: Path, tmp_path: Path) -> None:
    samara.open_session(np.zeros((4, 5, 6), np.uint8), labels=tmp_path / "l.ome.zarr").close()
    with pytest.raises(ImageError, match=r"shape \(4, 5, 6\) do not fit"):
        opened(image, tmp_path / "l.ome.zarr")


def test_small_types_fill_up(image: Path, tmp_path: Path) -> None:
    from napari_samara.formats.ome_labels import create_labels

    labels = create_labels(tmp_path / "l.ome.zarr", SHAPE, dtype=np.uint8)
    labels[0, 0, 0] = 255
    session = opened(image, tmp_path / "l.ome.zarr")
    session.add(point(4, 20, 22))
    with pytest.raises(SessionError, match="does not fit labels of uint8"):
        session.accept()
    session.close()


def test_two_sessions_do_not_write_one_folder(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "l.ome.zarr"
    first = opened(image, path)
    with pytest.raises(OutputError, match="another session writes"):
        opened(image, path, folder="other")
    first.close()
    second = opened(image, path, folder="another")
    second.close()
