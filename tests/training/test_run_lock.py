"""Tests of the lock that a run holds on its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.training.processes import lines, started

from napari_samara.errors import OutputError
from napari_samara.training.run_lock import sole_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(120)
def test_one_run_holds_a_folder_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with started("hold", folder) as holder:
        assert next(lines(holder)) == "held\n"
        with (
            pytest.raises(OutputError, match=f"process {holder.pid} trains into"),
            sole_run(folder),
        ):
            pytest.fail("held twice")
        holder.kill()
    with sole_run(folder), sole_run(tmp_path / "another"):
        pass
    with sole_run(folder):
        pass


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write to"), sole_run(tmp_path / "file" / "run"):
        pytest.fail("entered")


def test_what_goes_wrong_inside_is_not_about_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"), sole_run(tmp_path):
        raise FileNotFoundError("gone")


def test_holder_that_is_not_known(tmp_path: Path) -> None:
    with sole_run(tmp_path):
        (tmp_path / "run.pid").unlink()
        with pytest.raises(OutputError, match="another process trains into"), sole_run(tmp_path):
            pytest.fail("held twice")
