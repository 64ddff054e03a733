"""Tests of the curve of a training run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from napari_samara.errors import FileFormatError, MissingExtraError
from napari_samara.training.curve import draw_log, main, read_log

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, *steps: int, end: str = "") -> Path:
    rows = [{"step": step, "loss": 3 / step, "box": 0.5, "point": 0.3} for step in steps]
    rows[-1] |= {"val_box": 0.6, "val_point": 0.4, "val_box_cells": 0.6}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + end)
    return path


@pytest.mark.parametrize(
    ("steps", "end", "expected"),
    [
        ((10, 20, 30), "", [10, 20, 30]),
        ((10, 20, 30, 20, 30, 40), "", [10, 20, 30, 40]),  # resumed from step 10
        ((10, 20, 5, 15), "", [5, 15]),  # a new run
        ((10, 20), '{"step": 3', [10, 20]),  # killed while it wrote
        ((10,), '{"step": 20, "lo{"step": 20, "loss": 1}\n', [10, 20]),  # and then resumed
    ],
)
def test_rows(tmp_path: Path, steps: tuple[int, ...], end: str, expected: list[int]) -> None:
    log = write(tmp_path / "log.jsonl", *steps, end=end)
    assert [row["step"] for row in read_log(log)] == expected


@pytest.mark.parametrize("text", ["x\n", "[1]\n", '{"loss": 1}\n', '{"step": }\n{"step": 1}\n'])
def test_no_log(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(FileFormatError, match="line 1 is no line of a log"):
        read_log(tmp_path / "log.jsonl")
    with pytest.raises(FileFormatError, match=r"gone\.jsonl cannot be read"):
        read_log(tmp_path / "gone.jsonl")


def test_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `plot`")
    write(tmp_path / "log.jsonl", 10, 20, 30)
    main([str(tmp_path)])
    assert capsys.readouterr().out == f"{tmp_path / 'curve.png'}\n"
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.width > 800
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `plot`")
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path)])
    assert stop.value.code == 1
    assert "nothing has been logged yet" in capsys.readouterr().err


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"napari-samara\[plot\]"):
        draw_log(write(tmp_path / "log.jsonl", 1), tmp_path / "curve.png")
