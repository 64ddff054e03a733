"""Tests of `napari-samara bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_samara.engine.timing import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran


def test_table(run: Callable[..., Ran], work: Path) -> None:
    ran = run("bench", "--runs", 1, "--device", "cpu")
    assert ran.status == 0
    assert ran.out.splitlines()[0].startswith("miniature on cpu, float32")
    assert "encode 64 x 64 pixels" in ran.out
    assert "measurements 4/4" in ran.err


def test_report(run: Callable[..., Ran], work: Path) -> None:
    report = run("bench", "--runs", 1, "--device", "cpu", "--json").report
    assert report["batch"] == BATCH
    assert report["threads"] >= 1
    assert all(report[name] > 0 for name in ("embed_ms", "point_ms", "box_ms", "batch_ms"))
