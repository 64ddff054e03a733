"""A prepared image, prompts and checkpoint, and a way to run a command in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import tifffile

from napari_samara import api
from napari_samara.cli import main
from napari_samara.prompts import PromptSet, box, point, write_prompts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Disks


class Ran(NamedTuple):
    """Exit status and what was printed."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """Standard output as JSON."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command: ``run("models", "list")``."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        return Ran(status, *capsys.readouterr())

    return run


@pytest.fixture
def work(tmp_path: Path, disks: Disks, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with ``i.tif``, ``p.json`` and ``out/``; the miniature model is the default."""
    tifffile.imwrite(tmp_path / "i.tif", disks.image)
    prompts = PromptSet.from_objects({4: [point(20, 20)], 2: [box(50, 60, 90, 110)]})
    write_prompts(tmp_path / "p.json", prompts)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "DEFAULT_CHECKPOINT", str(tiny_folder))
    return tmp_path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for downloads, and no network."""
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "cache"
