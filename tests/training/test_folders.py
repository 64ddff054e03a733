"""Tests of image and label files that are matched by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_samara.errors import FileFormatError
from napari_samara.training.folders import read_folder
from napari_samara.training.slices import Reading

if TYPE_CHECKING:
    from pathlib import Path

GREY = np.arange(120, dtype=np.uint8).reshape(10, 12)
IDS = (GREY // 40).astype(np.uint16)


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".png":
        Image.fromarray(array.astype(np.uint8)).save(path)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("images/a.tif", "labels/a.tif"),
        ("images/a.tif", "masks/a.tif"),
        ("images/a.tif", "labels/a_labels.tif"),
        ("images/a.npy", "labels/a.tif"),
        ("a.tif", "a_labels.tif"),
        ("a.npy", "a_mask.npy"),
        ("a.tif", "a_seg.npy"),
        ("a.ome.tif", "a_labels.ome.tif"),
        ("images/a.OME.TIF", "labels/a.png"),
    ],
)
def test_names_that_belong_together(tmp_path: Path, image: str, labels: str) -> None:
    write(tmp_path / image, GREY)
    write(tmp_path / labels, IDS)
    write(tmp_path / image.replace("a.", "lonely."), GREY)
    (found,) = read_folder(tmp_path)
    assert found.name == image.rpartition("/")[2]
    assert found.dataset == tmp_path.name
    assert np.array_equal(found.image, GREY)
    assert np.array_equal(found.labels, IDS)


def test_a_volume_becomes_planes(tmp_path: Path) -> None:
    volume = np.zeros((12, 14, 16), np.uint8)
    ids = np.zeros(volume.shape, np.uint16)
    ids[3:9, 4:9, 5:9] = 1
    write(tmp_path / "v.tif", volume)
    write(tmp_path / "v_labels.tif", ids)
    found = list(read_folder(tmp_path))
    assert {plane.image.shape for plane in found} == {(14, 16), (12, 16), (12, 14)}
    assert sum(int(plane.labels.max()) for plane in found) == 6 + 5 + 4


def test_a_manifest_goes_first(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", GREY)
    write(tmp_path / "a_labels.tif", IDS)
    table = "part\tdataset\timage\tlabels\nval\tcells\ta.tif\ta_labels.tif\n"
    (tmp_path / "MANIFEST.tsv").write_text(table)
    assert [plane.dataset for plane in read_folder(tmp_path)] == ["cells"]
    with pytest.raises(FileFormatError, match="'val' for other"):
        list(read_folder(tmp_path, datasets=["other"]))


@pytest.mark.parametrize("shapes", [((10, 12), (10, 11)), ((3, 10, 12), (10, 12)), ((4, 5), (4,))])
def test_shapes_that_differ(tmp_path: Path, shapes: tuple[tuple[int, ...], ...]) -> None:
    write(tmp_path / "a.npy", np.zeros(shapes[0], np.uint8))
    write(tmp_path / "a_labels.npy", np.zeros(shapes[1], np.uint8))
    with pytest.raises(FileFormatError, match=r"a\.npy"):
        list(read_folder(tmp_path))


@pytest.mark.parametrize("name", ["", "images/a.tif", "a.tif"])
def test_nothing_to_read(tmp_path: Path, name: str) -> None:
    if name:
        write(tmp_path / name, GREY)
    with pytest.raises(FileFormatError, match="no pairs of images and labels"):
        list(read_folder(tmp_path))


def test_first_of_each_data_set(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.tif", GREY)
        write(tmp_path / f"{name}_labels.tif", IDS)
    found = read_folder(tmp_path, reading=Reading(files=2))
    assert [plane.name for plane in found] == ["a.tif", "b.tif"]
    assert len(list(read_folder(tmp_path))) == 3


def test_slices_of_two_volumes_are_told_apart(tmp_path: Path) -> None:
    """Means are taken over images: slices of one name would count as one image."""
    ids = np.zeros((3, 10, 12), np.uint16)
    ids[1, 2:6, 2:6] = 1
    for name in "ab":
        write(tmp_path / f"{name}.tif", ids.astype(np.uint8))
        write(tmp_path / f"{name}_labels.tif", ids)
    names = [plane.name for plane in read_folder(tmp_path)]
    assert names == ["a.tif[0:1]", "b.tif[0:1]"]
