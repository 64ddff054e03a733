"""Tests of `napari-samara segment`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_samara import api
from napari_samara.images import read_image
from napari_samara.prompts import PromptSet, box, point, read_prompts, write_prompts
from napari_samara.settings import PredictSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran
    from tests.conftest import Disks

SEGMENT = ["segment", "i.tif", "--prompts", "p.json", "--out", "out/l.tif", "--device", "cpu"]


def test_labels_are_those_of_the_api(run: Callable[..., Ran], work: Path, disks: Disks) -> None:
    ran = run(*SEGMENT)
    assert ran.status == 0
    found = read_image("out/l.tif")
    assert found.dtype == np.uint16
    expected = api.segment(disks.image, "p.json", api.DEFAULT_CHECKPOINT, device="cpu")
    assert np.array_equal(found, expected)
    header, point_row, box_row, *_ = ran.out.splitlines()
    assert header.split() == ["id", "prompts", "score", "area", "px", "box", "ms"]
    assert point_row.split()[:2] == ["4", "point"]
    assert box_row.split()[:2] == ["2", "box"]
    assert "device: cpu" in ran.err
    assert [path.name for path in (work / "out").iterdir()] == ["l.tif"]


def test_report_for_programs(run: Callable[..., Ran], work: Path) -> None:
    report = run(*SEGMENT, "--json", "--overlap", "first").report
    assert report["image"] == "i.tif"
    assert report["out"] == "out/l.tif"
    assert report["shape"] == [128, 160]
    assert report["checkpoint"]["sha256"]
    assert report["device"]["device"] == "cpu"
    assert report["settings"]["overlap"] == "first"
    labels = read_image("out/l.tif")
    for entry, (number, kind) in zip(report["objects"], [(4, "point"), (2, "box")], strict=True):
        assert (entry["id"], entry["prompts"], entry["plane"]) == (number, [kind], None)
        assert entry["area"] == np.count_nonzero(labels == number)
        assert entry["score"] is not None
        assert entry["seconds"] > 0


def test_options_become_settings(run: Callable[..., Ran], work: Path, disks: Disks) -> None:
    options = ["--contrast", "minmax", "--overlap", "last", "--multimask", "yes"]
    options += ["--mask-threshold", "0.1", "--fill-holes", "--keep-largest", "--chunk", "3"]
    report = run(*SEGMENT, *options, "--json").report
    settings = SegmentSettings("minmax", "last", "yes")
    predict_settings = PredictSettings(0.1, True, True, 3)
    assert report["settings"] == {**settings.to_dict(), **predict_settings.to_dict()}
    expected = api.segment(
        disks.image, "p.json", api.DEFAULT_CHECKPOINT, settings, "cpu", predict_settings
    )
    assert np.array_equal(read_image("out/l.tif"), expected)


def test_defaults_are_those_of_the_settings(run: Callable[..., Ran], work: Path) -> None:
    report = run(*SEGMENT, "--json").report
    assert report["settings"] == {**SegmentSettings().to_dict(), **PredictSettings().to_dict()}


def test_stack_with_channels_first(run: Callable[..., Ran], work: Path, disks: Disks) -> None:
    stack = np.stack([np.stack([disks.image] * 5)] * 3)  # z, channel, row, col
    tifffile.imwrite(work / "s.tif", stack)
    prompts = PromptSet.from_objects(
        {70000: [point(2, 20, 20)], 1: [box(50, 60, 90, 110, index=0)]}
    )
    write_prompts(work / "p.json", prompts)
    arguments = ["s.tif" if word == "i.tif" else word for word in SEGMENT]
    ran = run(*arguments)
    assert "the option axes says which axis holds channels" in ran.err
    assert "got shape (3, 5, 128, 160)" in ran.err
    ran = run(*arguments, "--axes", "ZCYX", "--channels", "4,0", "--json")
    assert ran.status == 0
    labels = read_image(work / "out" / "l.tif")
    assert (labels.shape, labels.dtype) == ((3, 128, 160), np.int32)
    assert [entry["plane"]["fixed"] for entry in ran.report["objects"]] == [{"0": 2}, {"0": 0}]
    table = run(*arguments, "--axes", "ZCYX", "--channels", "4,0").out
    assert "plane" in table.splitlines()[0]


def test_napari_csv(run: Callable[..., Ran], work: Path) -> None:
    (work / "p.csv").write_text("index,axis-0,axis-1\n0,20,20\n1,60,80\n")
    ran = run(*["p.csv" if word == "p.json" else word for word in SEGMENT], "--json")
    assert [entry["id"] for entry in ran.report["objects"]] == [1, 2]


def test_full_disk_leaves_the_old_labels(
    run: Callable[..., Ran], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "out" / "l.tif").write_text("old")

    def fail(path: Path, *args: object, **kwargs: object) -> None:
        path.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", fail)
    ran = run(*SEGMENT)
    assert ran.status == 1
    assert ran.err.splitlines()[-1] == (
        "napari-samara: error: cannot write out/l.tif: No space left on device"
    )
    assert [path.read_text() for path in (work / "out").iterdir()] == ["old"]


def test_output_is_checked_before_the_work(
    run: Callable[..., Ran], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "load", lambda *_: pytest.fail("loaded"))
    monkeypatch.setattr("os.access", lambda *_: False)
    ran = run(*SEGMENT)
    assert ran.status == 1
    assert "no permission to write" in ran.err


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 5), np.uint8), "empty"),
        (np.zeros((2, 3, 8, 9), np.uint8), "need an image of 2 axes"),
        (np.zeros((128, 160), complex), "complex128"),
        (np.full((30, 30), {}, object), "Python objects"),
    ],
)
def test_bad_images(run: Callable[..., Ran], work: Path, image: np.ndarray, message: str) -> None:
    np.save(work / "i.npy", image, allow_pickle=True)
    ran = run(*["i.npy" if word == "i.tif" else word for word in SEGMENT])
    assert ran.status == 1
    assert message in ran.err.splitlines()[-1]
    assert not list((work / "out").iterdir())


def test_image_that_is_cut_off_logs_nothing(run: Callable[..., Ran], work: Path) -> None:
    content = (work / "i.tif").read_bytes()
    (work / "i.tif").write_bytes(content[: len(content) // 2])
    ran = run(*SEGMENT)
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 1


def test_one_pixel_and_no_contrast(run: Callable[..., Ran], work: Path) -> None:
    np.save(work / "i.npy", np.full((1, 1), np.nan))
    write_prompts(work / "p.json", PromptSet([point(0, 0)]))
    assert run(*["i.npy" if word == "i.tif" else word for word in SEGMENT]).status == 0
    assert read_image("out/l.tif").shape == (1, 1)
    assert read_prompts("p.json")
