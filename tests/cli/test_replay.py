"""Tests of `napari-samara replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import napari_samara as samara
from napari_samara import api
from napari_samara.images import read_image
from napari_samara.prompts import box, point

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran


@pytest.fixture
def labels(work: Path) -> np.ndarray:
    """Labels of the session saved as ``s.samara.json`` and journaled in ``folder``."""
    session = samara.open_session("i.tif", checkpoint=api.DEFAULT_CHECKPOINT, resume="folder")
    for prompt in (box(20, 20, 60, 70), point(90, 120)):
        session.add(prompt)
        session.accept()
    session.save("s.samara.json")
    session.close()
    return np.array(session.labels)


@pytest.mark.parametrize("source", ["s.samara.json", "folder"])
@pytest.mark.parametrize("out", ["out/l.tif", "out/l.npy", "out/l.ome.zarr"])
def test_writes_identical_labels(
    run: Callable[..., Ran], labels: np.ndarray, source: str, out: str
) -> None:
    ran = run("replay", source, "--out", out, "--json")
    assert ran.status == 0
    assert ran.report["labels"] == np.unique(labels)[1:].tolist()
    assert ran.report["shape"] == [128, 160]
    if out.endswith("zarr"):
        found = np.asarray(read_image(out))
    else:
        found = np.load(out) if out.endswith("npy") else tifffile.imread(out)
    assert np.array_equal(found, labels)


def test_says_how_many(run: Callable[..., Ran], labels: np.ndarray) -> None:
    ran = run("replay", "s.samara.json", "--out", "out/l.tif")
    assert ran.out == f"{len(np.unique(labels)) - 1} objects\n\nout/l.tif\n"


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("p.json", "out/l.tif", "not a session file"),
        ("none.json", "out/l.tif", "none.json"),
        ("out", "out/l.tif", "no session in the folder out"),
        ("p.json", "out/l.png", "png"),
        ("p.json", "nowhere/l.tif", "nowhere"),
    ],
)
def test_errors_in_one_line(
    run: Callable[..., Ran], work: Path, source: str, out: str, message: str
) -> None:
    ran = run("replay", source, "--out", out)
    assert ran.status == 1
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert list((work / "out").iterdir()) == []
