"""Tests of `napari-samara evaluate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_samara import api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

EVALUATE = ["evaluate", "--data", "data", "--device", "cpu", "--clicks", "2"]


@pytest.fixture
def data(work: Path) -> Path:
    """Two labelled images beside each other."""
    folder = work / "data"
    folder.mkdir()
    labels = np.zeros((96, 96), np.uint16)
    labels[20:50, 30:60], labels[60:90, 5:40] = 1, 2
    for name in "ab":
        tifffile.imwrite(folder / f"{name}.tif", (labels * 90).astype(np.uint8))
        tifffile.imwrite(folder / f"{name}_labels.tif", labels)
    return folder


def test_table_and_report(run: Callable[..., Ran], data: Path) -> None:
    ran = run(*EVALUATE)
    assert ran.status == 0
    header, first, *_ = ran.out.splitlines()
    assert header.split()[:5] == ["data", "set", "size", "images", "objects"]
    assert first.split()[:4] == ["data", "all", "2", "4"]
    report = run(*EVALUATE, "--json").report
    assert report["summary"][0]["objects"] == len(report["objects"]) == 4
    assert 0 <= report["summary"][0]["box"] <= 1
    assert report["settings"]["clicks"] == 2
    rows, scores = api.evaluate(data, api.DEFAULT_CHECKPOINT, images=1)
    assert len(scores) == 2
    assert rows[0]["images"] == 1


def test_plot_without_matplotlib(
    run: Callable[..., Ran], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ran = run(*EVALUATE, "--plot", "p.png")
    assert ran.status == 1
    assert "napari-samara[plot]" in ran.err
    assert "Traceback" not in ran.err


def test_pictures_of_the_worst(run: Callable[..., Ran], data: Path, work: Path) -> None:
    assert run(*EVALUATE, "--cases", "cases").status == 0
    assert [path.name for path in (work / "cases").iterdir()] == ["data.png"]


def test_a_manifest_with_ct_and_a_series(run: Callable[..., Ran], data: Path) -> None:
    volume = np.zeros((10, 40, 50), np.int16)
    volume[:, 10:30, 10:30] = 200
    tifffile.imwrite(data / "ct.tif", volume, photometric="minisblack")
    tifffile.imwrite(data / "ids.tif", (volume > 0).astype(np.uint8), photometric="minisblack")
    (data / "series").mkdir()
    (data / "MANIFEST.tsv").write_text(
        "part\tdataset\timage\tlabels\tmodality\tnote\n"
        "test\ttorso\tct.tif\tids.tif\tCT\tnot manual\n"
        "test\tslices\tseries\tids.tif\tCT\t\n"
    )
    options = [*EVALUATE, "--part", "test", "--slices", "1", "--window", "ct:bone"]
    ran = run(*options)
    assert "left out: slices is a series of files" in ran.err
    assert ran.out.splitlines()[1].startswith("torso (agreement)")
    assert ran.out.splitlines()[-1] == "torso: ct:bone, -500 to 1300 HU"
    report = run(*options, "--json").report
    assert report["left_out"] == {"slices": "is a series of files, which is not read"}
    assert report["summary"][0]["dataset"] == "torso"
    assert report["summary"][0]["agreement"] is True
    assert report["objects"][0]["box"] == [10, 10, 30, 30]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "out"], "no pairs of images and labels"),
        (["--smallest", "100000"], "no object of at least 100000 pixels"),
        (["--plot", "gone/p.png"], "gone"),
        (["--cases", "data/a.tif"], "data/a.tif"),
        (["--slices", "0"], "at least 1"),
        (["--clicks", "-1"], "at least 0"),
    ],
)
def test_errors_in_one_line(
    run: Callable[..., Ran], data: Path, options: list[str], message: str
) -> None:
    ran = run(*EVALUATE, *options)
    assert ran.status == 1
    assert message in ran.err.splitlines()[-1]
