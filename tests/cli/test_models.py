"""Tests of `napari-samara models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_samara.checkpoints import catalog
from napari_samara.checkpoints.entries import Entry
from napari_samara.checkpoints.transfer import Source
from napari_samara.cli import models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

# Three bytes, and their published digest.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture(autouse=True)
def _offline(cache: Path) -> None:
    """Neither the network nor what is in the user's cache is looked at."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Two catalog entries of three bytes, one of unknown digest, both on disk."""
    sources = {
        "known": Source("https://example.org/known", "w.pth", sha256=ABC),
        "unknown": Source("https://example.org/unknown", "w.pth"),
    }
    entries = [
        Entry(name, "vit_b", 1.0, "MIT", "A test.", (source,)) for name, source in sources.items()
    ]
    monkeypatch.setattr(catalog, "ENTRIES", tuple(entries))
    for entry in entries:
        folder = cache / "models" / entry.name
        folder.mkdir(parents=True)
        (folder / "w.pth").write_bytes(b"abc")
    return cache / "models"


def test_list(run: Callable[..., Ran]) -> None:
    lines = run("models", "list").out.splitlines()
    assert lines[0].split() == ["name", "family", "MB", "licence", "source", "state"]
    assert len(lines) > 10
    assert lines[1].startswith("samara-tiny")
    assert any(line.startswith("sam-vit-b ") and "not downloaded" in line for line in lines)


def test_list_for_programs(run: Callable[..., Ran]) -> None:
    entries = run("models", "list", "--json").report["checkpoints"]
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["sam-vit-b"]["state"] == "not downloaded"
    assert by_name["sam-vit-b"]["urls"][0].startswith("https://")
    assert by_name["sam-vit-b"]["path"] is None


def test_list_of_one(run: Callable[..., Ran]) -> None:
    ran = run("models", "list", "--checkpoint", "MedSAM", "--json")
    assert [entry["name"] for entry in ran.report["checkpoints"]] == ["medsam"]


def test_states(run: Callable[..., Ran], small: Path) -> None:
    rows = [line.split() for line in run("models", "list").out.splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows] == [("known", "cached"), ("unknown", "unverified")]


def test_verify(run: Callable[..., Ran], small: Path) -> None:
    ran = run("models", "verify", "known")
    assert (ran.status, ran.out) == (0, f"known: sha256 {ABC}, as expected\n")
    ran = run("models", "verify", "unknown")
    assert ran.out == f"unknown: sha256 {ABC}, recorded now, and expected from now on\n"
    assert "as expected" in run("models", "verify", "unknown").out
    (small / "unknown" / "w.pth").write_bytes(b"abd!")
    ran = run("models", "verify", "unknown")
    assert ran.status == 1
    assert "move it away to download it again" in ran.err


@pytest.mark.parametrize("verb", ["get", "path"])
def test_path_of_what_is_here(run: Callable[..., Ran], small: Path, verb: str) -> None:
    assert run("models", verb, "known").out == f"{small / 'known' / 'w.pth'}\n"
    assert run("models", verb, "known", "--json").report["checkpoint"]["sha256"] == ABC


@pytest.mark.parametrize(
    ("verb", "name", "message"),
    [
        ("get", "sam-vit-b", "HF_HUB_OFFLINE forbids the network"),
        ("get", "sam-vit-z", "no checkpoint called 'sam-vit-z'"),
        ("path", "sam-vit-b", "napari-samara models get sam-vit-b downloads it"),
        ("verify", "sam-vit-b", "is not on this machine"),
    ],
)
def test_what_is_not_here(run: Callable[..., Ran], verb: str, name: str, message: str) -> None:
    ran = run("models", verb, name)
    assert ran.status == 1
    assert message in ran.err.splitlines()[-1]


def test_get_says_how_to_copy_by_hand(run: Callable[..., Ran], cache: Path) -> None:
    first = run("models", "get", "sam-vit-b").err.splitlines()[0]
    assert "https://" in first
    assert str(cache) in first
    assert "sha256" in first


def test_shipped_files_are_compared_with_the_installation(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for name in catalog.SHIPPED_FILES:
        (shipped / name).write_text("{}")
    monkeypatch.setattr(catalog, "_SHIPPED", tmp_path)
    monkeypatch.setattr(
        catalog, "ENTRIES", (Entry("shipped", "samara", 1.0, "BSD-3-Clause", "A test."),)
    )
    assert "nothing recorded" in run("models", "verify", "shipped").out
    monkeypatch.setattr(models, "changed_files", lambda _: [])
    assert run("models", "verify", "shipped").out.endswith("as installed\n")
    monkeypatch.setattr(models, "changed_files", lambda _: ["config.json"])
    ran = run("models", "verify", "shipped")
    assert ran.status == 1
    assert "config.json" in ran.err
    assert "shipped" in run("models", "list").out
    (shipped / "config.json").unlink()
    assert run("models", "list").out.rstrip().endswith("missing")
