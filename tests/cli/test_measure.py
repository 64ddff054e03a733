"""Tests of `napari-samara measure`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_samara import api, session_api
from napari_samara.prompts import box

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ran
    from tests.conftest import Disks


@pytest.fixture
def labels(work: Path, disks: Disks) -> np.ndarray:
    """Twelve disks and a speck, as ``l.tif``."""
    found = disks.labels.astype(np.uint16)
    found[0, 0] = 40
    tifffile.imwrite(work / "l.tif", found)
    return found


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_an_object(run: Callable[..., Ran], labels: np.ndarray) -> None:
    ran = run("measure", "l.tif", "--image", "i.tif", "--spacing", "0.5,0.5", "--out", "out/t.csv")
    assert ran.status == 0
    assert "13 objects" in ran.out
    found = rows("out/t.csv")
    assert [int(row["label"]) for row in found] == np.unique(labels)[1:].tolist()
    assert int(found[0]["pixels"]) == np.count_nonzero(labels == 1)
    assert float(found[0]["area"]) == np.count_nonzero(labels == 1) / 4
    assert float(found[0]["intensity_mean"]) > 50


def test_put_in_order_first(run: Callable[..., Ran], labels: np.ndarray) -> None:
    ran = run(
        "measure",
        "l.tif",
        "--out",
        "out/t.csv",
        "--labels-out",
        "out/l.tif",
        "--json",
        "--smallest",
        "5",
        "--relabel",
    )
    assert ran.report["objects_before"] == 13
    assert ran.report["objects"] == 12
    assert np.array_equal(tifffile.imread("out/l.tif") > 0, (labels > 0) & (labels < 40))


def test_a_session(run: Callable[..., Ran], work: Path) -> None:
    session = session_api.open_session("i.tif", checkpoint=api.DEFAULT_CHECKPOINT)
    session.add(box(20, 20, 60, 70))
    session.accept()
    session.save("s.samara.json")
    session.close()
    assert run("measure", "s.samara.json", "--out", "out/t.csv").status == 0
    assert [row["label"] for row in rows("out/t.csv")] == ["1"]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--spacing", "1,2,3"], 1, "spacing"),
        (["--spacing", "a"], 2, "numbers"),
        (["--image", "none.tif"], 1, "none.tif"),
        (["--labels-out", "out/l.png"], 1, "png"),
        (["--smallest", "-1"], 1, "smallest"),
    ],
)
def test_errors(
    run: Callable[..., Ran], labels: np.ndarray, options: list[str], status: int, message: str
) -> None:
    ran = run("measure", "l.tif", "--out", "out/t.csv", *options)
    assert ran.status == status
    assert message in ran.err
    assert not Path("out/t.csv").exists()
