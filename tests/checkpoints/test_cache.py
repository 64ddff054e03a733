from __future__ import annotations

import sys
from pathlib import Path

import pytest

from napari_samara.checkpoints.cache import cache_dir, models_dir, offline


def test_the_variable_decides(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    assert models_dir() == tmp_path / "here" / "models"
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "~/.cache/napari-samara"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/napari-samara"),
        ("darwin", {}, "~/Library/Caches/napari-samara"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/napari-samara"),
        ("win32", {}, "~/AppData/Local/napari-samara"),
    ],
)
def test_platform_defaults(monkeypatch, platform, variables, expected):
    for name in ("SAMARA_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_dir() == Path(expected).expanduser()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), ("", False), ("0", False), ("1", True), ("true", True), ("ON", True)],
)
def test_offline_is_read_at_each_call(monkeypatch, value, expected):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    if value is not None:
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert offline() is expected
