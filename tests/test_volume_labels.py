"""Tests of labels that lie where their volume does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from tests.dicom_files import write_series
from tests.zarr_files import write_image

from napari_samara.errors import ImageError, OutputError
from napari_samara.volume_labels import grid_with, require_volume_labels, volume_labels
from napari_samara.volumes import Grid, read_volume

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (4, 20, 30)
VOLUME = np.random.default_rng(5).integers(0, 200, SHAPE).astype(np.int16)
TILTED = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
AFFINE = np.array([[-0.5, 0, 0, 10], [0, 0.6, 0, 20], [0, 0, 7, -30], [0, 0, 0, 1]])


def dicom(folder: Path) -> Path:
    pytest.importorskip("SimpleITK", reason="DICOM needs the extra `volumes`")
    write_series(folder / "ct", VOLUME, orientation=TILTED)
    return folder / "ct"


def ome(folder: Path) -> Path:
    steps = [{"type": "translation", "translation": [5.0, 6.0, 7.0]}]
    write_image(folder / "a.ome.zarr", VOLUME, steps=steps)
    return folder / "a.ome.zarr"


def nifti(folder: Path) -> Path:
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    nibabel.save(nibabel.Nifti1Image(VOLUME.T, AFFINE), folder / "a.nii.gz")
    return folder / "a.nii.gz"


def made(volume: Path, out: Path, spacing: Any = None) -> None:
    with volume_labels(out, SHAPE, volume, grid_with(volume, spacing)) as labels:
        labels[1, 2:4, 3] = 7


@pytest.mark.parametrize("make", [dicom, ome, nifti])
@pytest.mark.parametrize("name", ["l.nii", "l.nii.gz"])
def test_nifti_lies_where_the_volume_does(tmp_path: Path, make: Any, name: str) -> None:
    pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    volume = make(tmp_path)
    made(volume, tmp_path / name)
    image, labels = read_volume(volume), read_volume(tmp_path / name)
    assert labels.data.dtype == np.uint16
    assert np.argwhere(labels.data == 7).tolist() == [[1, 2, 3], [1, 3, 3]]
    assert labels.spacing == pytest.approx(image.spacing)
    assert labels.unit == image.unit
    assert labels.affine == pytest.approx(image.affine, abs=1e-5)


def test_units_that_nifti_has_not(tmp_path: Path) -> None:
    pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    write_image(tmp_path / "a.zarr", VOLUME, units=dict.fromkeys("zyx", "nanometer"))
    made(tmp_path / "a.zarr", tmp_path / "l.nii")
    found = read_volume(tmp_path / "l.nii")
    assert found.unit == "µm"
    assert found.spacing == pytest.approx((0.002, 0.0005, 0.00025))


@pytest.mark.parametrize("make", [dicom, ome, nifti])
def test_ome_zarr_has_the_spacing(tmp_path: Path, make: Any) -> None:
    volume = make(tmp_path)
    made(volume, tmp_path / "l.ome.zarr")
    image, labels = read_volume(volume), read_volume(tmp_path / "l.ome.zarr")
    assert labels.spacing == pytest.approx(image.spacing)
    assert labels.unit == image.unit
    assert (np.asarray(labels.data) == 7).sum() == 2
    if make is ome:
        assert labels.same_grid(image)
        assert labels.affine == pytest.approx(image.affine)


def test_spacing_that_is_given_goes_before_that_of_the_file(tmp_path: Path) -> None:
    volume = ome(tmp_path)
    made(volume, tmp_path / "l.ome.zarr", (3, 1, 1))
    assert read_volume(tmp_path / "l.ome.zarr").spacing == (3, 1, 1)
    assert grid_with(volume, (2, 0.5, 0.25)).affine is not None
    assert grid_with(volume, (2, 0.5, 0.25)).affine[0, 3] == 7  # type: ignore[index]
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, photometric="minisblack")
    pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    made(tmp_path / "a.tif", tmp_path / "l.nii", (3, 1, 1))
    assert read_volume(tmp_path / "l.nii").spacing == (3, 1, 1)


@pytest.mark.parametrize("spacing", [(0, 1, 1), (1, -1, 1), (1, float("nan"), 1), (1, 1), ()])
def test_spacing_that_is_none(spacing: Any) -> None:
    with pytest.raises(ImageError, match="not one positive number for each of the 3 axes"):
        grid_with(None, spacing)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("l.png", r"\.tif, \.tiff, \.npy, \.nii, \.nii\.gz or \.ome\.zarr; got 'l\.png'"),
        ("l.nii", "does not: give the spacing, or name a .tif"),
        ("none/l.tif", "there is no folder"),
        ("none/l.ome.zarr", "there is no folder"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, message: str) -> None:
    if name == "l.nii":
        pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    with pytest.raises(OutputError, match=message):
        require_volume_labels(tmp_path / name, None, Grid())


@pytest.mark.parametrize("name", ["l.tif", "l.ome.zarr"])
def test_nothing_is_left_of_what_failed(tmp_path: Path, name: str) -> None:
    def fail() -> None:
        with volume_labels(tmp_path / name, SHAPE, None, Grid()) as labels:
            labels[0] = 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
