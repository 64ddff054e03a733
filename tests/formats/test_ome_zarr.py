"""Tests of reading OME-Zarr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from tests.zarr_files import write_image

from napari_samara.errors import FileFormatError, ImageError
from napari_samara.formats.axis_view import AxisView
from napari_samara.images import open_image, read_image
from napari_samara.volumes import grid_of, read_volume

if TYPE_CHECKING:
    from pathlib import Path

STACK = np.random.default_rng(4).integers(0, 60000, (5, 20, 30)).astype(np.uint16)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_finest_level_with_its_spacing(tmp_path: Path, version: str) -> None:
    write_image(tmp_path / "a.ome.zarr", STACK, version=version)
    found = read_volume(tmp_path / "a.ome.zarr")
    assert isinstance(found.data, AxisView)  # nothing is read yet
    assert np.array_equal(found.data[2], STACK[2])
    assert found.data.dtype == np.uint16
    assert found.spacing == (2, 0.5, 0.25)
    assert found.unit == "µm"
    assert found.affine is not None
    assert found.affine @ (1, 2, 3, 1) == pytest.approx((0.75, 1, 2, 1))  # x, y, z


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_another_level_is_its_folder(tmp_path: Path, version: str) -> None:
    write_image(tmp_path / "a.ome.zarr", STACK, version=version)
    found = read_volume(tmp_path / "a.ome.zarr" / "1")
    assert np.array_equal(found.data[...], STACK[:, ::2, ::2])
    assert found.spacing == (2, 1, 0.5)


@pytest.mark.parametrize(
    ("axes", "shape", "expected", "rgb"),
    [
        ("tczyx", (1, 1, 5, 20, 30), (5, 20, 30), False),
        ("tczyx", (2, 1, 5, 20, 30), (2, 5, 20, 30), False),
        ("tczyx", (1, 2, 5, 20, 30), (5, 20, 30, 2), True),
        ("czyx", (6, 5, 20, 30), (5, 20, 30, 6), True),
        ("zyx", (1, 20, 30), (1, 20, 30), False),
        ("cyx", (3, 20, 30), (20, 30, 3), True),
        ("yx", (20, 3), (20, 3), False),
    ],
)
def test_axes(tmp_path: Path, axes: str, shape: Any, expected: Any, rgb: bool) -> None:
    data = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    write_image(tmp_path / "a.zarr", data, axes)
    found = open_image(tmp_path / "a.zarr")
    assert found.data.shape == expected
    assert found.rgb is rgb
    moved = np.moveaxis(data, axes.index("c"), -1) if rgb else data
    assert np.array_equal(found.data[...], moved.reshape(expected))


def test_channels_are_chosen(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (4, 5, 20, 30)).astype(np.uint8)
    write_image(tmp_path / "a.zarr", data, "czyx")
    found = open_image(tmp_path / "a.zarr", channels=[3, 0])
    assert found.data.shape == (5, 20, 30, 2)
    assert np.array_equal(found.data[1], np.moveaxis(data[[3, 0], 1], 0, -1))
    with pytest.raises(ImageError, match=r"channels \[4\]"):
        read_image(tmp_path / "a.zarr", channels=[4])


def test_scale_and_translation_of_group_and_level(tmp_path: Path) -> None:
    steps = [
        {"type": "scale", "scale": [10.0, 10.0, 10.0]},
        {"type": "translation", "translation": [7.0, 8.0, 9.0]},
    ]
    write_image(tmp_path / "a.zarr", STACK, steps=steps)
    grid = grid_of(tmp_path / "a.zarr")
    assert grid.spacing == (20, 5, 2.5)
    assert grid.affine is not None
    assert grid.affine[:3, 3].tolist() == [9, 8, 7]


@pytest.mark.parametrize(
    ("units", "spacing", "unit"),
    [
        ({"z": "micrometer", "y": "nanometer", "x": "nanometer"}, (2000, 0.5, 0.25), "nm"),
        ({"z": "millimeter", "y": "millimeter", "x": "millimeter"}, (2, 0.5, 0.25), "mm"),
        ({}, (2, 0.5, 0.25), ""),
        ({"z": "parsec", "y": "parsec", "x": "parsec"}, (2, 0.5, 0.25), ""),
        ({"z": "parsec", "y": "nanometer", "x": "nanometer"}, None, ""),
    ],
)
def test_units(tmp_path: Path, units: Any, spacing: Any, unit: str) -> None:
    write_image(tmp_path / "a.zarr", STACK, units=units)
    found = grid_of(tmp_path / "a.zarr")
    assert found.spacing == (None if spacing is None else pytest.approx(spacing))
    assert found.unit == unit


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_spacing_that_is_none_is_not_known(tmp_path: Path, bad: float) -> None:
    write_image(tmp_path / "a.zarr", STACK, scale={"z": bad})
    expected = None if bad == 0 else (1, 0.5, 0.25)
    assert read_volume(tmp_path / "a.zarr").spacing == expected


def test_plain_array_of_zarr(tmp_path: Path) -> None:
    zarr.save_array(str(tmp_path / "plain"), STACK)
    found = open_image(tmp_path / "plain")
    assert found.rgb is None
    assert np.array_equal(found.data[3], STACK[3])
    assert read_volume(tmp_path / "plain").spacing is None


def test_single_image_of_a_collection(tmp_path: Path) -> None:
    group = zarr.create_group(
        str(tmp_path / "c.zarr"), attributes={"ome": {"bioformats2raw.layout": 3}}
    )
    group.create_group("OME")
    write_image(tmp_path / "c.zarr" / "0", STACK)
    assert read_volume(tmp_path / "c.zarr").spacing == (2, 0.5, 0.25)
    write_image(tmp_path / "c.zarr" / "1", STACK)
    with pytest.raises(FileFormatError, match=r"2 images or arrays \(0, 1\); name one"):
        read_image(tmp_path / "c.zarr")


def test_plate_names_a_well(tmp_path: Path) -> None:
    wells = [{"path": "A/1"}, {"path": "A/2"}]
    zarr.create_group(str(tmp_path / "p.zarr"), attributes={"ome": {"plate": {"wells": wells}}})
    with pytest.raises(FileFormatError, match=r"p\.zarr/A/1/0"):
        read_image(tmp_path / "p.zarr")


def empty(path: Path) -> None:
    zarr.create_group(str(path))


def no_level(path: Path) -> None:
    write_image(path, STACK, said={"datasets": []})


def lost_level(path: Path) -> None:
    write_image(path, STACK, said={"datasets": [{"path": "7"}]})


def other_axes(path: Path) -> None:
    write_image(path, STACK, said={"axes": [{"name": "y"}, {"name": "x"}]})


def other_scale(path: Path) -> None:
    write_image(path, STACK, steps=[{"type": "scale", "scale": [1.0, 2.0]}])


def damaged(path: Path) -> None:
    write_image(path, STACK)
    (path / "zarr.json").write_text("{")


def nothing(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "a zarr group without an image"),
        (no_level, "do not name a level"),
        (lost_level, "a level '7' that is not there"),
        (other_axes, r"axes are \['y', 'x'\], and its array has 3"),
        (other_scale, r"scale \[1\.0, 2\.0\] has not one number for each of the 3 axes"),
        (damaged, "no zarr group or array"),
        (nothing, "no zarr group or array"),
    ],
)
def test_what_is_no_image(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path / "a.zarr")
    with pytest.raises(FileFormatError, match=message):
        read_image(tmp_path / "a.zarr")


def test_axes_of_older_versions(tmp_path: Path) -> None:
    data = STACK[None, None]
    write_image(tmp_path / "a.zarr", data, "tczyx", version="0.4")
    attributes = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())
    del attributes["multiscales"][0]["axes"]
    (tmp_path / "a.zarr" / ".zattrs").write_text(json.dumps(attributes))
    assert read_image(tmp_path / "a.zarr").shape == STACK.shape
    attributes["multiscales"][0]["axes"] = list("tczyx")
    (tmp_path / "a.zarr" / ".zattrs").write_text(json.dumps(attributes))
    assert read_image(tmp_path / "a.zarr").shape == STACK.shape
