"""Tests of files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from napari_samara.errors import OutputError
from napari_samara.output import require_folder, whole_file

if TYPE_CHECKING:
    from pathlib import Path


def test_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with whole_file(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyError("x")])
def test_nothing_half_written_is_left(tmp_path: Path, error: Exception) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    expected = OutputError if isinstance(error, OSError) else KeyError

    def fill(part: Path) -> None:
        part.write_text("half")
        raise error

    with pytest.raises(expected) as caught, whole_file(target) as part:
        fill(part)
    if expected is OutputError:
        assert str(caught.value) == f"cannot write {target}: No space left on device"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="No such file"),
        whole_file(tmp_path / "no" / "a") as part,
    ):
        part.write_text("x")


def test_require_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_folder(tmp_path / "a.tif")
    with pytest.raises(OutputError, match="there is no folder"):
        require_folder(tmp_path / "no" / "a.tif")
    with pytest.raises(OutputError, match="it is a folder"):
        require_folder(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="no permission"):
        require_folder(tmp_path / "a.tif")
