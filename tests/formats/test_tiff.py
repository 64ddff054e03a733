"""Tests of TIFF files that are too large to be read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_samara.errors import FileFormatError
from napari_samara.formats import tiff
from napari_samara.formats.axis_view import AxisView
from napari_samara.images import read_image
from napari_samara.volumes import read_volume

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.random.default_rng(3).integers(0, 4000, (5, 24, 20)).astype(np.uint16)

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 2.0}},
    "big-endian": {"byteorder": ">"},
    "compressed": {"compression": "zlib"},
    "tiled": {"tile": (16, 16)},
    "spread": {"contiguous": False, "metadata": None},
}


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "LARGE", 100)


@pytest.mark.parametrize("kind", KINDS)
def test_slices_are_read_where_they_are_needed(tmp_path: Path, kind: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VALUES, **KINDS[kind])
    array = read_image(tmp_path / "a.tif")
    assert isinstance(array, AxisView)
    assert array.shape == VALUES.shape
    assert array.dtype == np.dtype(np.uint16)
    assert array.dtype.isnative
    assert array[2].dtype.isnative
    assert np.array_equal(array[2], VALUES[2])
    assert np.array_equal(array[:, 3, 4:9], VALUES[:, 3, 4:9])
    assert np.array_equal(np.asarray(array), VALUES)


def test_pixels_that_lie_in_a_row_are_mapped(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VALUES)
    assert isinstance(read_image(tmp_path / "a.tif").array, np.memmap)


def test_spacing_and_channels_are_those_of_other_files(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", VALUES, imagej=True, resolution=(4, 4), metadata=metadata)
    volume = read_volume(tmp_path / "a.tif")
    assert volume.spacing == (2.0, 0.25, 0.25)
    tifffile.imwrite(tmp_path / "b.ome.tif", VALUES, metadata={"axes": "CYX"})
    chosen = read_image(tmp_path / "b.ome.tif", channels=[3, 0])
    assert np.array_equal(chosen[...], np.moveaxis(VALUES, 0, -1)[..., [3, 0]])


def test_single_pictures_are_read_whole(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", VALUES[0])
    assert type(read_image(tmp_path / "a.tif")) is np.ndarray


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, VALUES, metadata=None)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_image(path)


@pytest.mark.parametrize("kind", ["compressed", "tiled"])
def test_a_damaged_slice_says_so_and_the_others_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, VALUES, **KINDS[kind])
    path.write_bytes(path.read_bytes()[:-50])
    array = read_image(path)
    assert np.array_equal(array[0], VALUES[0])
    with pytest.raises(FileFormatError, match=r"a\.tif cannot be read at .*cut off or damaged"):
        array[4]


def test_what_cannot_be_read_in_parts_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ImportError("zarr of another version")

    tifffile.imwrite(tmp_path / "a.tif", VALUES, compression="zlib")
    monkeypatch.setattr(tifffile, "imread", refuse)
    array = read_image(tmp_path / "a.tif")
    assert type(array) is np.ndarray
    assert np.array_equal(array, VALUES)
