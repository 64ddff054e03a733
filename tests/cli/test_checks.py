"""Tests of the checks that `doctor` makes."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from napari_samara.checkpoints import catalog
from napari_samara.cli import checks
from napari_samara.engine import device
from napari_samara.engine.device import DeviceReport

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.cli.checks import Check


def made(work: Path, device_name: str = "cpu") -> dict[str, Check]:
    return {check.name: check for check in checks.all_checks(None, device_name, "auto")}


def pretend(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    """Make these packages the only ones that are installed."""

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)


@pytest.fixture
def _shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped checkpoint whose files are there."""
    (tmp_path / "data" / "samara-tiny").mkdir(parents=True)
    for name in catalog.SHIPPED_FILES:
        (tmp_path / "data" / "samara-tiny" / name).write_text("{}")
    monkeypatch.setattr(catalog, "_SHIPPED", tmp_path / "data")


@pytest.mark.usefixtures("_shipped")
def test_all_is_well(work: Path, cache: Path) -> None:
    found = made(work)
    assert not [check for check in found.values() if check.ok is False]
    assert found["torch"].ok
    assert found["packages"].ok
    assert found["device"].value.startswith("cpu, float32")
    assert "sha256" in found["samara-tiny"].value
    assert "loaded, encoded and decoded" in found["self-test"].value
    assert str(cache) in found["downloads"].value
    assert "HF_HUB_OFFLINE" in found["network"].value
    assert found["CPU threads"].value.startswith("1 of")


REQUIRES = [
    "psygnal>=0.16.1",
    "torch>=2.4",
    'superqt>=0.7; extra == "napari"',
    'ruff>=99; extra == "dev"',
    'colorama>=1; sys_platform == "none"',
]


@pytest.mark.parametrize(
    ("versions", "value", "fix"),
    [
        ({"psygnal": "0.16.1", "torch": "2.4.0+cpu"}, "as this version needs them", ""),
        (
            {"psygnal": "0.14.0", "torch": "2.13.0", "superqt": "0.6.9"},
            "psygnal 0.14.0, superqt 0.6.9",
            'python -m pip install --upgrade "psygnal>=0.16.1" "superqt>=0.7"',
        ),
        (
            {"psygnal": "1.0rc1"},
            "torch is missing",
            'python -m pip install --upgrade "torch>=2.4"',
        ),
    ],
)
def test_packages_that_are_too_old(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], value: str, fix: str
) -> None:
    pretend(monkeypatch, versions)
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    found = checks._packages()
    assert (found.value, found.fix, found.ok) == (value, fix, not fix)


def test_packages_of_a_source_without_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert checks._packages().ok is None


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize(
    ("versions", "napari", "qt"),
    [
        ({}, "only the viewer needs it", ""),
        ({"napari": "0.9"}, "", "napari cannot open a window"),
        ({"napari": "0.9", "PySide6": "6.9"}, "", ""),
        ({"napari": "0.9", "PySide6_Essentials": "6.9"}, "", ""),
        ({"napari": "0.9", "PySide6_Essentials": "6.11.3", "PySide6": "6.12.0"}, "", ""),
        ({"napari": "0.9", "PySide6": "6.9", "PyQt6": "6.9"}, "", "keep one of them"),
    ],
)
def test_viewer_is_optional(
    work: Path, monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], napari: str, qt: str
) -> None:
    pretend(monkeypatch, versions)
    found = made(work)
    for name, fix in (("napari", napari), ("Qt", qt)):
        assert found[name].ok is None
        assert fix in found[name].fix
        assert bool(found[name].fix) is bool(fix)


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize(
    ("python", "qt", "warned"),
    [
        ((3, 11), "6.12.0", True),
        ((3, 12), "6.12.0", False),
        ((3, 11), "6.11.3", False),
        ((3, 11), "6.12.1", False),
    ],
)
def test_a_qt_that_ends_the_interpreter(
    work: Path, monkeypatch: pytest.MonkeyPatch, python: tuple[int, int], qt: str, warned: bool
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: qt if "PySide6" in name else "0.9")
    monkeypatch.setattr(checks, "_QT", {"PySide6": ("PySide6_Essentials",)})
    monkeypatch.setattr(checks.sys, "version_info", python)
    found = made(work)["Qt"]
    assert found.value == f"PySide6 {qt}"
    assert found.ok is None
    assert ("!=6.12.0" in found.fix) is warned


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_command_for_a_torch_that_sees_the_gpu(
    work: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    report = DeviceReport(torch_version="2.9.1+cpu")
    monkeypatch.setattr(device.DeviceReport, "of_this_machine", classmethod(lambda _: report))
    monkeypatch.setattr(checks.sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    fix = made(work)["device"].fix
    assert f"{sys.executable} -m pip install --force-reinstall torch==2.9.1" in fix
    assert ("--index-url" in fix) is (platform == "win32")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert made(work)["device"].fix == ""


@pytest.mark.usefixtures("_shipped")
def test_device_that_is_not_there(work: Path) -> None:
    found = made(work, "cuda:77")
    assert found["device"].ok is False
    assert found["self-test"].ok is False


@pytest.mark.usefixtures("_shipped")
def test_torch_that_cannot_be_imported(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "napari_samara.engine.device", None)
    found = made(work)
    assert found["torch"].ok is False
    assert "device" not in found
    assert found["self-test"].ok is False


def test_shipped_files_that_are_missing(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "_SHIPPED", tmp_path / "none")
    assert made(work)["samara-tiny"].ok is False


@pytest.mark.usefixtures("_shipped")
def test_shipped_files_that_changed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "changed_files", lambda _: ["config.json"])
    found = made(work)["samara-tiny"]
    assert found.ok is False
    assert "config.json" in found.value
    assert "pip install" in found.fix


@pytest.mark.usefixtures("_shipped")
def test_cache_that_cannot_be_written(
    work: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = made(work)["downloads"]
    assert found.ok is False
    assert "SAMARA_CACHE" in found.fix
