"""Tests of the file that a run is continued from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from napari_samara.errors import CheckpointError, OutputError
from napari_samara.training.state import ENTRIES, read_state, write_state

if TYPE_CHECKING:
    from pathlib import Path

STATE: dict[str, Any] = {key: {} for key in ENTRIES} | {"step": 7, "model": {"a": torch.ones(3)}}


def test_round_trip_into_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run" / "state.pt"
    write_state(path, STATE)
    found = read_state(path)
    assert found["step"] == 7
    assert torch.equal(found["model"]["a"], torch.ones(3))
    assert [file.name for file in path.parent.iterdir()] == ["state.pt"]


@pytest.mark.parametrize(
    "error", [RuntimeError("PytorchStreamWriter failed writing file"), OSError(28, "No space left")]
)
def test_failing_write_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path = tmp_path / "state.pt"
    write_state(path, STATE)

    def fail(state: object, part: Path) -> None:
        part.write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OutputError, match=r"cannot write .*state\.pt"):
        write_state(path, STATE | {"step": 8})
    assert read_state(path)["step"] == 7
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_killed_write_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.pt"
    write_state(path, STATE)

    def kill(state: object, part: Path) -> None:
        part.write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", kill)
    with pytest.raises(KeyboardInterrupt):
        write_state(path, STATE | {"step": 8})
    assert read_state(path)["step"] == 7


def test_no_state(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no training run was saved"):
        read_state(tmp_path / "state.pt")


class Code:
    """What would run on loading."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("ran",)


@pytest.mark.parametrize("content", ["cut", "text", "other", "list", "code"])
def test_what_is_no_state(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state.pt"
    write_state(path, STATE)
    if content == "cut":
        path.write_bytes(path.read_bytes()[:300])
    elif content == "text":
        path.write_text("hello")
    else:
        values = {"other": {"model": {}}, "list": [1], "code": STATE | {"model": Code()}}
        torch.save(values[content], path)
    with pytest.raises(CheckpointError, match="is not the state of a training run"):
        read_state(path)
    assert not capsys.readouterr().out
