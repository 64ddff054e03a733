"""Tests of what every command shares: usage, exit statuses, errors in one line."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from napari_samara import __version__
from napari_samara.cli import segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

COMMANDS = [
    ["demo"],
    ["doctor"],
    ["models", "list"],
    ["models", "get"],
    ["models", "verify"],
    ["models", "path"],
    ["segment"],
    ["replay"],
    ["bench"],
]
SEGMENT = ["segment", "i.tif", "--prompts", "p.json", "--out", "out/l.tif", "--device", "cpu"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_names_the_common_options(run: Callable[..., Ran], command: list[str]) -> None:
    ran = run(*command, "--help")
    assert ran.status == 0
    for option in ("--checkpoint", "--device", "--json", "--debug"):
        assert option in ran.out


def test_version(run: Callable[..., Ran]) -> None:
    assert run("--version") == (0, f"napari-samara {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["models"],
        ["models", "get"],
        ["nonsense"],
        ["segment"],
        ["segment", "i.tif", "--out", "l.tif"],
        ["segment", "i.tif", "--prompts", "p.json"],
        [*SEGMENT, "--contrast", "limits"],
        [*SEGMENT, "--overlap", "none"],
        [*SEGMENT, "--chunk", "many"],
        [*SEGMENT, "--channels", "red"],
        [*SEGMENT, "--no-such-option"],
        ["bench", "--runs", "0"],
    ],
)
def test_wrong_usage_is_2(run: Callable[..., Ran], work: Path, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.status == 2
    assert "usage: napari-samara" in ran.err
    assert ran.out == ""
    assert not list((work / "out").iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"i.tif": "no.tif"}, "no image file no.tif"),
        ({"p.json": "no.json"}, "no.json: No such file"),
        ({"i.tif": "p.json"}, "images are read from .tif"),
        ({"p.json": "i.tif"}, "i.tif is not a text file"),
        ({"out/l.tif": "out/l.png"}, "labels are written as .tif"),
        ({"out/l.tif": "nowhere/l.tif"}, "there is no folder"),
        ({"out/l.tif": "out.tif/"}, "out.tif: it is a folder"),
        ({"cpu": "quantum"}, "device 'quantum' is unknown"),
        ({"cpu": "cuda:77"}, "device 'cuda:77'"),
        ({"cpu": "cpu --checkpoint no-such"}, "no checkpoint called 'no-such'"),
        ({"cpu": "cpu --chunk 0"}, "chunk must be at least 1"),
        ({"cpu": "cpu --mask-threshold nan"}, "mask_threshold"),
        ({"cpu": "cpu --axes YXC"}, "need one letter"),
        ({"cpu": "cpu --channels 7"}, "no axis of channels"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_is_one_line_and_1(
    run: Callable[..., Ran], work: Path, change: dict[str, str], message: str, debug: bool
) -> None:
    (work / "out.tif").mkdir()
    arguments = " ".join(change.get(word, word) for word in SEGMENT).split()
    ran = run(*arguments, *(["--debug"] if debug else []))
    assert ran.status == 1
    assert ran.out == ""
    last = ran.err.splitlines()[-1]
    assert last.startswith("napari-samara: error: ")
    assert message in last
    assert ("Traceback" in ran.err) is debug
    assert not list((work / "out").iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": "samara-prompts", "version": 2, "objects": []}', "version 2"),
        ('{"format": "samara-prompts", "version": 1, "objects": []}', "no prompt"),
        ('{"format": "other"}', "not a prompt file"),
        ("[1, 2", "not JSON"),
        (
            '{"format": "samara-prompts", "version": 1, "objects": [{"id": 0, "prompts": []}]}',
            "id 0",
        ),
        (
            '{"format": "samara-prompts", "version": 1, "objects": [{"id": 1, "prompts": '
            '[{"kind": "lasso"}]}]}',
            "'lasso'",
        ),
        (
            '{"format": "samara-prompts", "version": 1, "objects": [{"id": 1, "prompts": '
            '[{"kind": "point", "at": [5000, 3], "positive": true}]}]}',
            "outside the plane",
        ),
        (
            '{"format": "samara-prompts", "version": 1, "objects": [{"id": 1, "prompts": '
            '[{"kind": "box", "corners": [5, 5, 5, 9]}]}]}',
            "box",
        ),
    ],
)
def test_bad_prompt_files(run: Callable[..., Ran], work: Path, content: str, message: str) -> None:
    (work / "p.json").write_text(content)
    ran = run(*SEGMENT)
    assert ran.status == 1
    assert message in ran.err.splitlines()[-1]
    assert not list((work / "out").iterdir())


def test_unforeseen_errors_are_one_line_too(
    run: Callable[..., Ran], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug\nof two lines")

    monkeypatch.setattr(segment, "read_image", fail)
    ran = run(*SEGMENT)
    assert ran.status == 1
    assert ran.err.splitlines()[-1] == (
        "napari-samara: error: unexpected ZeroDivisionError: a bug of two lines; "
        "--debug shows where it comes from"
    )
    assert "Traceback" not in ran.err


def test_interrupt_is_130(
    run: Callable[..., Ran], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(segment, "read_image", interrupt)
    ran = run(*SEGMENT)
    assert (ran.status, ran.err.splitlines()[-1]) == (130, "interrupted")


def test_warnings_are_one_line(
    run: Callable[..., Ran], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = segment.read_image

    def warn(*arguments: object) -> object:
        warnings.simplefilter("default")
        warnings.warn("look out", RuntimeWarning, stacklevel=1)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(segment, "read_image", warn)
    ran = run(*SEGMENT)
    assert ran.status == 0
    assert ran.err.splitlines()[0] == "warning: look out"


PROGRAM = "from napari_samara.cli import main; raise SystemExit(main())"


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["models", "list"], 0, ""),
        (["models", "list", "--bad"], 2, "unrecognized arguments"),
        (["segment", "no.png", "--prompts", "no.json", "--out", "l.tif"], 1, "No such file"),
    ],
)
def test_statuses_of_the_process(
    tmp_path: Path, arguments: list[str], status: int, word: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == status
    assert word in ran.stderr
    assert "Traceback" not in ran.stderr


def test_light_commands_load_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from napari_samara.cli import main; main(['models', 'list']); "
        "raise SystemExit('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, cwd=tmp_path
    )
    assert ran.returncode == 0
