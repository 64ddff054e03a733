"""Tests of folders that a table describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_samara.errors import FileFormatError
from napari_samara.training.manifest import left_out, manifest_datasets, read_manifest
from napari_samara.training.slices import Reading

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "part\tdataset\timage\tlabels\n"
GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
IDS = (GREY // 20).astype(np.int32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of two data sets and two parts."""
    Image.fromarray(GREY).save(tmp_path / "a.png")
    Image.fromarray(np.dstack([GREY] * 4)).save(tmp_path / "b.png")
    tifffile.imwrite(tmp_path / "c.tif", GREY.astype(np.uint16) * 1000)
    tifffile.imwrite(tmp_path / "ids.tif", IDS.astype(np.uint16))
    Image.fromarray(IDS.astype(np.uint8)).save(tmp_path / "more.png")
    (tmp_path / "MANIFEST.tsv").write_text(
        HEADER
        + "train\tone\ta.png\tids.tif; more.png\n"
        + "train\ttwo\tb.png\tids.tif\n"
        + "val\tone\tc.tif\tids.tif\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("part", "datasets", "names"),
    [
        ("train", ("one",), ["a.png", "a.png#1"]),
        ("train", ("one", "two"), ["a.png", "a.png#1", "b.png"]),
        ("val", ("two", "one"), ["c.tif"]),
    ],
)
def test_rows_of_a_part(
    folder: Path, part: str, datasets: tuple[str, ...], names: list[str]
) -> None:
    found = list(read_manifest(folder, part, datasets))
    assert [image.name for image in found] == names
    for image in found:
        assert image.image.dtype == np.uint8
        assert np.array_equal(image.labels, IDS)


def test_opacity_is_dropped_and_wide_types_are_stretched(folder: Path) -> None:
    (colour,) = read_manifest(folder, "train", ("two",))
    assert np.array_equal(colour.image, np.dstack([GREY] * 3))
    (wide,) = read_manifest(folder, "val", ("one",))
    assert (wide.image.min(), wide.image.max()) == (0, 255)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "MANIFEST.tsv cannot be read"),
        ("", "needs the columns"),
        ("part\tdataset\timage\n", "needs the columns"),
        (HEADER, "has no row of the part 'train' for one"),
        (HEADER + "val\tone\ta.png\tids.tif\n", "has no row of the part 'train' for one"),
        (HEADER + "train\tone\n", "in every row"),
        (HEADER + "train\tone\tgone.png\tids.tif\n", r"no image file .*gone.png.*complete"),
        (HEADER + "train\tone\ta.png\tgone.tif\n", r"no image file .*gone.tif.*complete"),
        (HEADER + "train\tone\tMANIFEST.tsv\tids.tif\n", "images are read from"),
        (HEADER + "train z>3\tone\ta.png\tids.tif\n", r"the part 'train z>3' for a\.png"),
        (HEADER + "train\tone\tseries\tids.tif\n", "series is a folder"),
        (HEADER + "train\tone\ta.png\tb.png\n", r"b.png has the shape \(6, 8, 4\)"),
    ],
)
def test_bad_folder_says_what_to_do(folder: Path, manifest: str | None, message: str) -> None:
    (folder / "MANIFEST.tsv").unlink()
    (folder / "series").mkdir()
    if manifest is not None:
        (folder / "MANIFEST.tsv").write_text(manifest)
    with pytest.raises(FileFormatError, match=message):
        list(read_manifest(folder, "train", ("one",)))


def test_binary_manifest(folder: Path) -> None:
    (folder / "MANIFEST.tsv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(FileFormatError, match="cannot be read"):
        list(read_manifest(folder, "train", ("one",)))


def test_datasets_of_a_part(folder: Path) -> None:
    assert manifest_datasets(folder, "train") == ["one", "two"]
    assert manifest_datasets(folder, "val") == ["one"]
    with pytest.raises(FileFormatError, match="no row of the part 'test'"):
        manifest_datasets(folder, "test")


VOLUME = np.zeros((12, 20, 24), np.uint8)
VOLUME[2:11, 4:16, 4:18] = 90
VOLUME[9:, 10:, 10:] += 100  # an object in the last planes as well


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """A volume of two parts, a CT, and what cannot be read."""
    ids = (VOLUME > 80).astype(np.uint8)
    tifffile.imwrite(tmp_path / "v.tif", VOLUME, photometric="minisblack")
    tifffile.imwrite(tmp_path / "ids.tif", ids, photometric="minisblack")
    hounsfield = VOLUME.astype(np.int16) * 10 - 500
    tifffile.imwrite(tmp_path / "ct.tif", hounsfield, photometric="minisblack")
    (tmp_path / "series").mkdir()
    (tmp_path / "MANIFEST.tsv").write_text(
        "part\tdataset\timage\tlabels\tmodality\tnote\n"
        "train z<9, val z>=9\tem\tv.tif\tids.tif\tFIB-SEM\t\n"
        "test\tct\tct.tif\tids.tif\tCT torso\tlabels = output, not manual; 3 mm\n"
        "test\tmr\tct.tif\tids.tif\tMRI\t\n"
        "test\tdicom\tseries\tids.tif\tCT\t\n"
        "demo\traw\tv.tif\t\t\t\n"
    )
    return tmp_path


def test_planes_of_a_part_of_a_volume(volumes: Path) -> None:
    validation = list(read_manifest(volumes, "val", ("em",)))
    assert {plane.name for plane in validation} == {f"v.tif[0:{z}]" for z in (9, 10, 11)}
    training = list(read_manifest(volumes, "train", ("em",), Reading(slices=100)))
    across = {axis: [p for p in training if f"[{axis}:" in p.name] for axis in (0, 1, 2)}
    assert [plane.name for plane in across[0]] == [f"v.tif[0:{z}]" for z in range(2, 9)]
    assert {plane.image.shape for plane in across[1]} == {(9, 24)}  # rows are planes below 9
    assert {plane.image.shape for plane in across[2]} == {(9, 20)}
    assert len(across[1]) == 12
    for plane in (*validation, *training):
        index, axis = int(plane.name.split(":")[1][:-1]), int(plane.name.split("[")[1][0])
        whole = np.take(VOLUME, index, axis)
        shown = whole if axis == 0 else whole[:9]
        assert np.array_equal(plane.image, shown)
        assert np.array_equal(plane.labels > 0, shown > 80)


def test_intensities_and_agreement(volumes: Path) -> None:
    (ct, *_), (mr, *_) = (list(read_manifest(volumes, "test", (name,))) for name in ("ct", "mr"))
    assert ct.intensity == "ct:soft-tissue, -160 to 240 HU"
    assert ct.agreement
    assert np.array_equal(np.unique(ct.image), [0, 255])  # -500 and 400 HU
    assert mr.intensity == "percentiles 0.1 and 99.9 of the image"
    assert not mr.agreement


def test_what_is_left_out_unless_asked_for(volumes: Path) -> None:
    assert manifest_datasets(volumes, "test") == ["ct", "mr"]
    assert left_out(volumes, "test") == {"dicom": "is a series of files, which is not read"}
    assert left_out(volumes, "demo") == {"raw": "has no labels"}
    assert left_out(volumes, "val") == {}
    with pytest.raises(FileFormatError, match="no row of the part 'demo' to read"):
        manifest_datasets(volumes, "demo")
    with pytest.raises(FileFormatError, match=r"series is a folder; .* make it NIfTI"):
        list(read_manifest(volumes, "test", ("dicom",)))


def test_validation_part_of_the_em_volume(data_root: Path) -> None:
    assert "fibsem_medulla" in manifest_datasets(data_root, "val")
    found = list(read_manifest(data_root, "val", ("fibsem_medulla",), Reading(slices=2)))
    assert [plane.image.shape for plane in found] == [(250, 250)] * 2 + [(50, 250)] * 4
    assert all(int(plane.name.split(":")[1][:-1]) >= 200 for plane in found[:2])


@pytest.mark.parametrize("dataset", ["totalseg_ct", "totalseg_mr", "sct_spine", "pyradiomics_mri"])
def test_volumes_of_the_evaluation_images(data_root: Path, dataset: str) -> None:
    pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    found = list(read_manifest(data_root, "test", (dataset,), Reading(slices=1)))
    assert all(plane.labels.any() for plane in found)
    assert all(plane.agreement is dataset.startswith("totalseg") for plane in found)
    assert all(("HU" in plane.intensity) is (dataset == "totalseg_ct") for plane in found)
    coarse = [plane for plane in found if "t2s" in plane.name or "pyradiomics" in plane.name]
    assert all("[0:" in plane.name for plane in coarse)


def test_training_rows_of_the_evaluation_images(data_root: Path) -> None:
    image = next(read_manifest(data_root, "train", ("dsb2018",)))
    assert image.labels.max() > 0
