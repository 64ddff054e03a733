"""Tests of tables, JSON and progress."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from napari_samara import __version__
from napari_samara.cli.report import Progress, emit, table

if TYPE_CHECKING:
    import pytest


def test_table_lines_up() -> None:
    rows = [["a", 1, 0.5], ["bcd", 20, 11.0]]
    assert table(["name", "n", "x"], rows) == ("name   n      x\na      1   0.50\nbcd   20  11.00")
    assert table(["name"], []) == "name"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    emit(True, {"a": float("nan"), "b": [float("inf"), (0.5, None)]}, "unused")
    found = json.loads(capsys.readouterr().out)
    assert found == {"napari_samara": __version__, "a": None, "b": [None, [0.5, None]]}


def test_progress_in_a_log_tells_the_end_only(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("download", unit=10, unit_name="MB")
    for done in range(0, 101, 10):
        progress(done, 100)
    assert capsys.readouterr().err == "download 10/10 MB\n"


def test_progress_on_a_terminal_stays_on_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    clock = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    progress = Progress("objects")
    progress(1, 0)
    progress(1, 2)
    progress(2, 2)
    assert capsys.readouterr().err == "\robjects 1\robjects 1/2\robjects 2/2\n"
