"""Tests of comparing files with what the installer recorded."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from napari_samara.cli.installed import changed_files

if TYPE_CHECKING:
    from pathlib import Path


def recorded(root: Path, name: str, content: bytes) -> metadata.PackagePath:
    """Line of a RECORD for a file below `root`."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    item = metadata.PackagePath(name)
    item.hash = metadata.FileHash(f"sha256={digest}")
    item.dist = type("Where", (), {"locate_file": staticmethod(lambda path: root / path)})()
    return item


@pytest.mark.parametrize(
    ("content", "expected"), [(b"abc", []), (b"abd", ["w.bin"]), (None, ["w.bin"])]
)
def test_changed_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, expected: list[str]
) -> None:
    items = [recorded(tmp_path, "a/w.bin", b"abc"), recorded(tmp_path, "b/other.bin", b"abc")]
    monkeypatch.setattr(metadata, "files", lambda _: items)
    (tmp_path / "a").mkdir()
    if content is not None:
        (tmp_path / "a" / "w.bin").write_bytes(content)
    assert changed_files(tmp_path / "a") == expected


@pytest.mark.parametrize("items", [[], None])
def test_nothing_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, items: list[object] | None
) -> None:
    monkeypatch.setattr(metadata, "files", lambda _: items)
    assert changed_files(tmp_path) is None


def test_not_installed_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    assert changed_files(tmp_path) is None
