"""Tests of `napari-samara store`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.store.contract import KEY, embedding_of

from napari_samara.store import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

KEYS = [
    replace(
        KEY,
        pixels=f"{n:064x}",
        plane={"displayed": [1, 2], "fixed": {"0": n}},
        intensity={"policy": "limits", "limits": [0.0, 9.0]},
    )
    for n in (3, 4)
]
KEYS.append(replace(KEY, plane="", checkpoint="ef" * 32))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two slices by one checkpoint and a 2D image by another, an hour old each."""
    made = ZarrStore(tmp_path / "v.zarr")
    for key in KEYS:
        made.put(embedding_of(key))
        os.utime(made.path / key.digest(), (0, 3600))
    return made.path


def test_info(run: Callable[..., Ran], store: Path) -> None:
    ran = run("store", "info", store)
    assert ran.status == 0
    header, slices, image, _, total = ran.out.splitlines()
    assert header.split() == ["checkpoint", "planes", "contrast", "entries", "slices", "size"]
    assert slices.split()[:2] == ["cdcdcdcdcdcd", "1,2"]
    assert "limits [0.0, 9.0]" in slices
    assert "3-4" in slices
    assert image.split()[:4] == ["efefefefefef", "2D", "auto", "1"]
    assert total.startswith("3 entries, ")


def test_info_for_programs(run: Callable[..., Ran], store: Path) -> None:
    report = run("store", "info", store, "--json", "--checkpoint", "CDCDCD").report
    assert report["entries"] == 2
    assert report["bytes"] > 0
    (group,) = report["groups"]
    assert (group["checkpoint"], group["entries"], group["range"]) == ("cd" * 32, 2, "3-4")


def test_verify(run: Callable[..., Ran], store: Path) -> None:
    ran = run("store", "verify", store)
    assert (ran.status, ran.out) == (0, "3 entries, all whole\n")
    name = KEYS[0].digest()
    (store / name / "image_embeddings" / "zarr.json").unlink()
    ran = run("store", "verify", store)
    assert ran.status == 1
    assert ran.out.startswith(f"{name}: ")
    assert "1 of 3 entries are damaged" in ran.out
    ran = run("store", "verify", store, "--json")
    assert (ran.status, list(ran.report["damaged"])) == (1, [name])


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--checkpoint", "efefef"], 2),
        (["--older-than", "1"], 0),
        (["--max-size", "0"], 0),
        (["--max-size", "1G"], 3),
        (["--max-size", "1.5MB"], 3),
        (["--damaged"], 3),
    ],
)
def test_prune(run: Callable[..., Ran], store: Path, options: list[str], left: int) -> None:
    ran = run("store", "prune", store, *options, "--dry-run")
    assert ran.status == 0
    assert f"{3 - left} entries" in ran.out
    assert "would be removed" in ran.out
    assert len(ZarrStore(store).folders()) == 3
    assert len(run("store", "prune", store, *options, "--json").report["removed"]) == 3 - left
    assert len(ZarrStore(store).folders()) == left


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["prune"], 1, "--older-than"),
        (["prune", "--older-than", "soon"], 2, "'soon' is no amount"),
        (["prune", "--max-size", "-1"], 2, "amount"),
        (["info", "--checkpoint", "nonsense"], 1, "nonsense"),
    ],
)
def test_wrong_use(
    run: Callable[..., Ran], store: Path, arguments: list[str], status: int, said: str
) -> None:
    ran = run("store", arguments[0], store, *arguments[1:])
    assert ran.status == status
    assert said in ran.err


def test_no_store(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run("store", "info", tmp_path / "none")
    assert ran.status == 1
    assert "there is no store" in ran.err
    assert not (tmp_path / "none").exists()
