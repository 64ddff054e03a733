"""The scripted form: open a session, save it, go on with it, replay it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import napari_samara as samara
from napari_samara.errors import FileFormatError
from napari_samara.prompts import box, point

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Disks


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
