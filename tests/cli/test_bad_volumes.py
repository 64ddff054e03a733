"""Tests of commands on volumes that are hardly any: one line, status 1, nothing written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.dicom_files import write_series
from tests.zarr_files import write_image

from napari_samara.prompts import PromptSet, box, write_prompts
from napari_samara.store import zarr_store
from napari_samara.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

SHAPE = (3, 40, 44)
VOLUME = np.random.default_rng(0).normal(300, 60, SHAPE).astype(np.float32)


@pytest.fixture
def volume(work: Path) -> Path:
    """``v.npy`` and ``q.json`` with a box on slice 1, beside what `work` has."""
    np.save(work / "v.npy", VOLUME)
    write_prompts(work / "q.json", PromptSet([box(9, 10, 32, 35, index=1)]))
    return work


def propagate(run: Callable[..., Ran], source: str, *more: str, out: str = "out/l.tif") -> Ran:
    return run("propagate", source, "--prompts", "q.json", "--out", out, "--device", "cpu", *more)


def told(ran: Ran, work: Path) -> str:
    """Return the one line that a refused command told; it wrote nothing."""
    assert ran.status == 1, ran.err
    lines = [line for line in ran.err.splitlines() if not line.startswith(("device:", "slices"))]
    assert len(lines) == 1, ran.err
    assert list((work / "out").iterdir()) == []
    return lines[0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--spacing", "0,1,1"], "not one positive number for each of the 3 axes"),
        (["--spacing", "nan,1,1"], "not one positive number for each of the 3 axes"),
        (["--spacing=-2,1,1"], "not one positive number for each of the 3 axes"),
        (["--spacing", "1,1"], "not one positive number for each of the 3 axes"),
        (["--z-range", "5:9"], "no range of the 3 slices"),
        (["--axis", "7"], "axis"),
        (["--file-axes", "ZY"], "one letter"),
        (["--channels", "0,7"], "three axes, got shape (3, 40)"),
    ],
)
def test_options_that_do_not_fit(
    run: Callable[..., Ran], volume: Path, more: list[str], message: str
) -> None:
    assert message in told(propagate(run, "v.npy", *more), volume)


@pytest.mark.parametrize("out", ["out/l.tif", "out/l.ome.zarr"])
def test_slice_without_numbers(run: Callable[..., Ran], volume: Path, out: str) -> None:
    values = VOLUME.copy()
    values[2] = np.nan
    np.save("v.npy", values)
    ran = propagate(run, "v.npy", out=out)
    assert ran.status == 0, ran.err
    assert read_volume(out).data.shape == SHAPE
    assert [path.name for path in (volume / "out").iterdir()] == [out.rpartition("/")[2]]


def test_one_slice(run: Callable[..., Ran], volume: Path) -> None:
    np.save("v.npy", VOLUME[:1])
    write_prompts("q.json", PromptSet([box(9, 10, 32, 35, index=0)]))
    assert propagate(run, "v.npy").status == 0
    assert run("embed", "v.npy", "--store", "s.zarr", "--axes", "0,1").status == 0


def test_channels_are_chosen(run: Callable[..., Ran], volume: Path) -> None:
    write_image(volume / "c.zarr", np.stack([VOLUME] * 5), "czyx")
    assert "5 channels" in told(propagate(run, "c.zarr"), volume)
    ran = propagate(run, "c.zarr", "--channels", "0,2", "--json")
    assert ran.status == 0, ran.err
    assert ran.report["shape"] == list(SHAPE)


def empty(path: Path) -> str:
    np.save("e.npy", VOLUME[:0])
    return "e.npy"


def flat(path: Path) -> str:
    np.save("f.npy", VOLUME[0])
    return "f.npy"


def no_image(path: Path) -> str:
    (path / "folder").mkdir()
    return "folder"


def two_series(path: Path) -> str:
    pytest.importorskip("SimpleITK", reason="DICOM needs the extra `volumes`")
    for series in ("1", "2"):
        write_series(path / "ct", VOLUME.astype(np.int16), series=series, name=series)
    return "ct"


def gap(path: Path) -> str:
    pytest.importorskip("SimpleITK", reason="DICOM needs the extra `volumes`")
    write_series(path / "ct", np.concatenate([VOLUME, VOLUME]).astype(np.int16))
    (path / "ct" / "im003.dcm").unlink()
    return "ct"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "got shape (0, 40, 44)"),
        (flat, "shape (40, 44)"),
        (no_image, "no image file in the folder"),
        (two_series, "holds 2 series"),
        (gap, "1 slices are missing"),
        (lambda _: "none.ome.zarr", "no image file none.ome.zarr"),
    ],
)
def test_what_is_no_volume(run: Callable[..., Ran], volume: Path, make: Any, message: str) -> None:
    if make in (no_image,):
        pytest.importorskip("SimpleITK", reason="DICOM needs the extra `volumes`")
    source = make(volume)
    assert message in told(propagate(run, source), volume)
    ran = run("embed", source, "--store", "out/s.zarr")
    if make is not flat:  # a 2D image is embedded
        assert message in told(ran, volume)


def test_store_of_another_version(run: Callable[..., Ran], volume: Path) -> None:
    (volume / "s.zarr").mkdir()
    about = {"format": "samara-embeddings", "version": 9}
    group = {"zarr_format": 3, "node_type": "group", "attributes": about}
    (volume / "s.zarr" / "zarr.json").write_text(json.dumps(group))
    assert "this release reads" in told(run("embed", "v.npy", "--store", "s.zarr"), volume)
    assert "this release reads" in told(propagate(run, "v.npy", "--store", "s.zarr"), volume)


def test_full_store(run: Callable[..., Ran], volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zarr_store, "write_entry", full)
    ran = run("embed", "v.npy", "--store", "s.zarr")
    assert ran.status == 1
    assert "No space left on device" in ran.err.splitlines()[-1]
    assert propagate(run, "v.npy", "--store", "t.zarr").status == 0
