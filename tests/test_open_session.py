"""The scripted form: open a session, save it, go on with it, replay it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import napari_samara as samara
from napari_samara.errors import CancelledError, FileFormatError
from napari_samara.prompts import box, point

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor


def test_a_script(disks: Disks, tiny_folder: Path, tmp_path: Path) -> None:
    session = samara.open_session(disks.image, checkpoint=tiny_folder, store=tmp_path / "v.zarr")
    session.add(box(20, 20, 60, 70))
    assert session.candidate is not None
    record = session.accept()
    assert record.score == session.objects[1].score
    session.add(point(90, 120))
    session.accept()
    assert session.undo()
    session.accept()
    session.save(tmp_path / "a.samara.json")
    session.close()
    assert np.array_equal(samara.replay(tmp_path / "a.samara.json"), session.labels)
    assert set(np.unique(session.labels)) == {0, 1, 2}

    again = samara.open_session(
        disks.image, checkpoint=tiny_folder, resume=tmp_path / "a.samara.json"
    )
    again.reopen(1)
    mask = again.candidate
    assert mask is not None
    # The same prompts give the same mask again, before labels of others are left out.
    assert np.array_equal(mask.data & (again.labels == 1), again.labels == 1)
    assert record.parts[0].scores == pytest.approx([found.score for found in again.candidates])


def test_a_folder_to_go_on_with(disks: Disks, tiny_folder: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "i.tif", disks.image)
    for count in range(3):
        session = samara.open_session(
            tmp_path / "i.tif", checkpoint=tiny_folder, resume=tmp_path / "work"
        )
        assert len(session.objects) == count
        row = 10 + 40 * count
        session.add(box(row, 20, row + 30, 70))
        session.accept()
        session.close()
    assert np.array_equal(samara.replay(tmp_path / "work"), session.labels)


@pytest.mark.parametrize(
    ("shape", "rgb", "expected"),
    [
        ((20, 30), None, (20, 30)),
        ((20, 30, 3), None, (20, 30)),
        ((20, 30, 4), None, (20, 30)),
        ((5, 20, 30), None, (5, 20, 30)),
        ((5, 20, 3), False, (5, 20, 3)),
        ((20, 30, 2), True, (20, 30)),
    ],
)
def test_which_axis_holds_channels(
    tiny_folder: Path, shape: tuple[int, ...], rgb: bool | None, expected: tuple[int, ...]
) -> None:
    options = {} if rgb is None else {"rgb": rgb}
    session = samara.open_session(np.zeros(shape, np.uint8), checkpoint=tiny_folder, **options)
    assert session.labels.shape == expected


def test_a_session_file_that_is_not_there(tiny_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.samara.json"
    with pytest.raises(FileNotFoundError):
        samara.open_session(np.zeros((9, 9), np.uint8), checkpoint=tiny_folder, resume=path)
    assert not path.exists()


def test_replay_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        samara.replay(tmp_path)
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FileFormatError):
        samara.replay(tmp_path / "a.json")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_session_finds_what_embed_has_stored(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    volume = np.random.default_rng(0).integers(0, 255, (4, 24, 16)).astype(dtype)
    told: list[tuple[int, int]] = []
    store = tmp_path / "v.zarr"
    done = samara.embed(volume, store, predictor, (0, 2), lambda *at: told.append(at))
    assert (done.encoded, told[-1]) == (20, (20, 20))

    def encode(_: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(predictor.model, "encode", encode)
    session = samara.open_session(volume, predictor, store=store)
    assert session.contrast == done.contrast
    for prompt in (point(3, 12, 8), point(1, 12, 8, axis=2)):
        session.add(prompt)
        assert session.candidate is not None
    session.close()


def test_a_session_without_a_store_takes_each_slice_by_itself(predictor: Predictor) -> None:
    session = samara.open_session(np.zeros((4, 40, 50), np.uint16), predictor)
    assert session.contrast.policy == "auto"
    session.close()


def test_embedding_that_is_cancelled(predictor: Predictor, tmp_path: Path) -> None:
    volume = np.random.default_rng(0).integers(0, 255, (9, 20, 30)).astype(np.uint8)
    told: list[int] = []
    with pytest.raises(CancelledError):
        samara.embed(
            volume,
            tmp_path / "v.zarr",
            predictor,
            progress=lambda done, _: told.append(done),
            cancelled=lambda: len(told) > 2,
        )
    done = samara.embed(volume, tmp_path / "v.zarr", predictor)
    assert done.found >= 3
    assert done.found + done.encoded == 9
