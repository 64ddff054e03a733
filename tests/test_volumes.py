"""Tests of reading volumes with their spacing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_samara.errors import FileFormatError, ImageError, MissingExtraError
from napari_samara.images import read_image
from napari_samara.volumes import Volume, read_volume

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(1)
STACK = RNG.integers(-900, 900, (4, 5, 6)).astype(np.int16)
AFFINE = np.array([[-0.5, 0, 0, 10], [0, 0.6, 0, 20], [0, 0, 7, -30], [0, 0, 0, 1]])


def write_nifti(path: Path, array: np.ndarray, **header: Any) -> None:
    """Write (z, y, x) as a NIfTI file, whose axes are x, y, z."""
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    image = nibabel.Nifti1Image(array.T, AFFINE)
    image.header.set_xyzt_units(header.pop("unit", "mm"))
    if "slope" in header:
        image.header.set_slope_inter(header["slope"], header["inter"])
    nibabel.save(image, path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
def test_nifti_has_its_planes_first(tmp_path: Path, name: str) -> None:
    write_nifti(tmp_path / name, STACK)
    found = read_volume(tmp_path / name)
    assert np.array_equal(found.data, STACK)
    assert found.data.dtype == np.int16
    assert found.spacing == pytest.approx((7, 0.6, 0.5))
    assert found.unit == "mm"
    assert found.thick_axis == 0
    assert found.affine is not None
    # plane 1, row 2, column 3 is the voxel (3, 2, 1) of the file
    assert found.affine @ (1, 2, 3, 1) == pytest.approx(AFFINE @ (3, 2, 1, 1))


def test_scaled_nifti_is_in_its_own_units(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", STACK, slope=2.0, inter=-1024.0)
    found = read_image(tmp_path / "a.nii")
    assert found.dtype == np.float32
    assert np.array_equal(found, 2.0 * STACK - 1024)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 4, 5, 6), (4, 5, 6)),
        ((3, 4, 5, 6), (3, 4, 5, 6)),
        ((2, 1, 4, 5, 6), (4, 5, 6, 2)),  # channels go to the end
        ((1, 5, 6), (1, 5, 6)),
        ((5, 6), (5, 6)),
    ],
)
def test_axes_of_nifti(tmp_path: Path, shape: Any, expected: Any) -> None:
    array = RNG.integers(0, 99, shape).astype(np.uint8)
    write_nifti(tmp_path / "a.nii", array)
    found = read_image(tmp_path / "a.nii")
    assert found.shape == expected
    assert sorted(found.ravel()) == sorted(array.ravel())


def test_colours_of_nifti_come_last(tmp_path: Path) -> None:
    colours = np.zeros((4, 5, 6), [(name, "u1") for name in "RGB"])
    colours["G"] = 7
    write_nifti(tmp_path / "a.nii", colours)
    found = read_image(tmp_path / "a.nii")
    assert found.shape == (4, 5, 6, 3)
    assert found[..., 1].min() == 7
    assert not found[..., [0, 2]].any()


def test_without_nibabel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(MissingExtraError, match=r"a\.nii\.gz.*napari-samara\[volumes\]"):
        read_volume(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kept", [0, 100, 500])
def test_damaged_nifti(tmp_path: Path, name: str, kept: int) -> None:
    write_nifti(tmp_path / name, RNG.integers(0, 255, (9, 20, 30)).astype(np.uint8))
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:kept])
    with pytest.raises(FileFormatError, match=rf"{name} cannot be read"):
        read_volume(tmp_path / name)


OME = {"axes": "ZYX", "PhysicalSizeZ": 2.0, "PhysicalSizeY": 0.25, "PhysicalSizeX": 0.2}
IMAGEJ = {"axes": "ZYX", "spacing": 3.0, "unit": "um"}


@pytest.mark.parametrize(
    ("name", "options", "spacing"),
    [
        ("a.ome.tif", {"metadata": OME}, (2.0, 0.25, 0.2)),
        ("a.ome.tif", {"metadata": {"axes": "ZYX"}}, None),
        ("a.ome.tif", {"metadata": OME | {"PhysicalSizeZ": 0.0}}, None),
        ("a.ome.tif", {"metadata": OME | {"PhysicalSizeZUnit": "nm"}}, None),
        ("a.tif", {"imagej": True, "metadata": IMAGEJ, "resolution": (4, 2)}, (3.0, 0.5, 0.25)),
        ("a.tif", {"imagej": True, "metadata": {"axes": "ZYX"}}, None),
        ("a.tif", {"photometric": "minisblack"}, None),
    ],
)
def test_spacing_of_tiff(tmp_path: Path, name: str, options: Any, spacing: Any) -> None:
    tifffile.imwrite(tmp_path / name, np.abs(STACK).astype(np.uint16), **options)
    found = read_volume(tmp_path / name)
    assert np.array_equal(found.data, np.abs(STACK))
    assert found.spacing == (None if spacing is None else pytest.approx(spacing))
    assert found.affine is None


def test_array_file_has_no_spacing(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", STACK)
    found = read_volume(tmp_path / "a.npy")
    assert found.spacing is None
    assert found.thick_axis is None
    np.save(tmp_path / "a.npy", STACK[0])
    with pytest.raises(ImageError, match=r"\(5, 6\); a volume has three axes"):
        read_volume(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [((1, 1, 1), None), ((3, 1, 1), None), ((3.1, 1, 1), 0), ((0.5, 7.5, 0.5), 1)],
)
def test_thick_planes(spacing: Any, axis: int | None) -> None:
    assert Volume(STACK, spacing).thick_axis == axis


def test_grids() -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.2
    off = AFFINE.copy()
    off[0, 3] += 0.5
    grid = Volume(STACK, (7, 0.6, 0.5), "mm", AFFINE)
    assert grid.same_grid(Volume(STACK, (7, 0.6, 0.5), "mm", shifted))
    assert not grid.same_grid(Volume(STACK, (7, 0.6, 0.5), "mm", off))
    assert not grid.same_grid(Volume(STACK[:3], (7, 0.6, 0.5), "mm", AFFINE))
    assert grid.same_grid(Volume(STACK))


def test_slices_of_the_evaluation_images(data_root: Path) -> None:
    pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    found = read_volume(data_root / "sct_spine" / "t2s_image.nii.gz")
    assert found.data.shape == (11, 320, 320)
    assert found.thick_axis == 0
    assert read_volume(data_root / "totalseg_ct" / "ct_image.nii.gz").thick_axis is None
    em = read_volume(data_root / "fibsem_medulla" / "raw.ome.tif")
    assert em.spacing == pytest.approx((0.01, 0.01, 0.01))
    assert em.unit == "µm"
