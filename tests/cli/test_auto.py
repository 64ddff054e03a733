"""Tests of `napari-samara auto`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import napari_samara as samara
from napari_samara import api
from napari_samara.cli import series
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran
    from tests.conftest import Disks

# what a model of random weights finds nothing of otherwise
LOOSE = ["--points-per-side", "6", "--score", "0", "--stability", "0", "--largest", "1"]
LOOSE += ["--shared", "1", "--device", "cpu"]
SETTINGS = AutomaticSettings(points_per_side=6, score=0.0, stability=0.0, largest=1.0, shared=1.0)


def test_labels_are_those_of_the_api(run: Callable[..., Ran], work: Path, disks: Disks) -> None:
    ran = run("auto", "i.tif", "--out", "out/l.tif", *LOOSE)
    assert ran.status == 0
    expected = samara.segment_all(disks.image, api.DEFAULT_CHECKPOINT, SETTINGS, device="cpu")
    found = read_image("out/l.tif")
    assert found.any()
    assert np.array_equal(found, expected)
    assert "objects from" in ran.out
    assert ran.out.splitlines()[-1] == "out/l.tif"
    assert [path.name for path in (work / "out").iterdir()] == ["l.tif"]


def test_report_for_programs(run: Callable[..., Ran], work: Path) -> None:
    options = [*LOOSE, "--preset", "few large", "--points-per-side", "3", "--json"]
    report = run("auto", "i.tif", "--out", "out/l.tif", *options).report
    assert report["preset"] == "few large"
    assert report["settings"]["points_per_side"] == 3
    assert report["settings"]["prefer"] == "larger"  # of the preset
    assert report["settings"]["score"] == 0.0
    assert report["shape"] == [128, 160]
    assert report["prompts"] > 0
    labels = read_image("out/l.tif")
    for entry in report["objects"]:
        row0, col0, row1, col1 = entry["box"]
        assert np.count_nonzero(labels == entry["id"]) <= entry["area"]
        assert entry["area"] <= (row1 - row0) * (col1 - col0)
    assert len(report["objects"]) >= labels.max() > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["i.tif", "--out", "out"], "it is a folder"),
        (["i.tif", "--out", "out/l.png"], "labels are written as"),
        (["i.tif", "--out", "out/l.tif", "--source", "dense"], "no head for dense proposals"),
        (["i.tif", "--out", "out/l.tif", "--score", "2"], "at most 1"),
        (["out", "--out", "other"], "has no image file"),
        ([".", "--out", "."], "another folder"),
    ],
)
def test_errors_in_one_line(
    run: Callable[..., Ran], work: Path, arguments: list[str], words: str
) -> None:
    ran = run("auto", *arguments)
    assert ran.status == 1
    assert words in ran.err.splitlines()[-1]
    assert not list((work / "out").iterdir())


@pytest.fixture
def folder(work: Path, disks: Disks) -> Path:
    """Folder ``images`` with three images, the second of them damaged."""
    images = work / "images"
    images.mkdir()
    tifffile.imwrite(images / "a.tif", disks.image)
    (images / "b.png").write_bytes(b"\x89PNG nothing more")
    tifffile.imwrite(images / "c.tif", disks.image[:, ::-1])
    (images / "notes.txt").write_text("no image")
    return images


def test_folder_of_images(run: Callable[..., Ran], work: Path, folder: Path) -> None:
    ran = run("auto", folder, "--out", "labels", *LOOSE, "--json")
    assert ran.status == 1  # one of them is damaged, and the others are searched all the same
    entries = {entry["image"].rpartition("/")[2]: entry for entry in ran.report["images"]}
    assert list(entries) == ["a.tif", "b.png", "c.tif"]
    assert "cannot be read" in entries["b.png"]["error"]
    assert entries["a.tif"]["objects"] > 0
    names = sorted(path.name for path in (work / "labels").iterdir())
    assert names == ["a.tif", "c.tif", series.RECORD]
    assert read_image("labels/c.tif").any()


def test_finished_images_are_skipped(run: Callable[..., Ran], work: Path, folder: Path) -> None:
    (folder / "b.png").unlink()
    assert run("auto", folder, "--out", "labels", *LOOSE).status == 0
    first = (work / "labels" / "a.tif").read_bytes()
    (work / "labels" / "c.tif").unlink()  # as if it had been stopped before
    again = run("auto", folder, "--out", "labels", *LOOSE, "--json")
    assert [entry["skipped"] for entry in again.report["images"]] == [True, False]
    assert (work / "labels" / "a.tif").read_bytes() == first
    assert (work / "labels" / "c.tif").is_file()


def test_labels_of_other_settings_are_not_mixed(
    run: Callable[..., Ran], work: Path, folder: Path
) -> None:
    (folder / "b.png").unlink()
    assert run("auto", folder, "--out", "labels", *LOOSE).status == 0
    other = run("auto", folder, "--out", "labels", *LOOSE, "--points-per-side", "2")
    assert other.status == 1
    assert "other settings, another checkpoint or version" in other.err
    redone = run("auto", folder, "--out", "labels", *LOOSE, "--points-per-side", "2", "--redo")
    assert redone.status == 0
    record = json.loads((work / "labels" / series.RECORD).read_text())
    assert record["settings"]["points_per_side"] == 2


def test_labels_that_were_judged_otherwise_are_not_mixed(
    run: Callable[..., Ran], work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "b.png").unlink()
    assert run("auto", folder, "--out", "labels", *LOOSE).status == 0
    monkeypatch.setattr("napari_samara.cli.auto.scores_digest", lambda: "another")
    other = run("auto", folder, "--out", "labels", *LOOSE)
    assert other.status == 1
    assert "version" in other.err
    assert run("auto", folder, "--out", "labels", *LOOSE, "--redo").status == 0


def test_foreign_labels_are_not_taken_for_finished(
    run: Callable[..., Ran], work: Path, folder: Path
) -> None:
    (work / "labels").mkdir()
    (work / "labels" / "a.tif").write_bytes(b"mine")
    ran = run("auto", folder, "--out", "labels", *LOOSE)
    assert ran.status == 1
    assert "made with something else" in ran.err
    assert (work / "labels" / "a.tif").read_bytes() == b"mine"


def test_two_images_of_one_name(run: Callable[..., Ran], folder: Path) -> None:
    (folder / "a.png").write_bytes(b"")
    ran = run("auto", folder, "--out", "labels", *LOOSE)
    assert ran.status == 1
    assert "a.png and a.tif would have the same name" in ran.err
