"""Tests of reading DICOM."""

from __future__ import annotations

import shutil
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.dicom_files import write_series, write_slice

from napari_samara.errors import FileFormatError, MissingExtraError
from napari_samara.images import open_image, read_image
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.volumes import read_volume

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("SimpleITK", reason="DICOM needs the extra `volumes`")

VOLUME = np.random.default_rng(2).integers(0, 2000, (5, 6, 7)).astype(np.int16)
TILTED = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)  # rows to the left and back, columns to the feet


def test_series_in_hounsfield_units_with_its_spacing(tmp_path: Path) -> None:
    places = write_series(tmp_path / "ct", VOLUME)
    (tmp_path / "ct" / "notes.txt").write_text("not DICOM")
    found = read_volume(tmp_path / "ct")
    assert found.data.dtype == np.int16
    assert np.array_equal(found.data, VOLUME - 1024)  # whatever the names of the files say
    assert found.spacing == pytest.approx((2, 0.5, 0.25))
    assert found.unit == "mm"
    assert found.affine is not None
    # plane 1, row 2, column 3, right and front where DICOM counts left and back
    left, back, head = places[1] + (3 * 0.25, 2 * 0.5, 0)
    assert found.affine @ (1, 2, 3, 1) == pytest.approx((-left, -back, head, 1))


def test_orientation(tmp_path: Path) -> None:
    places = write_series(tmp_path / "ct", VOLUME, orientation=TILTED)
    found = read_volume(tmp_path / "ct")
    assert np.array_equal(found.data, VOLUME - 1024)
    assert found.affine is not None
    row, col = np.array(TILTED[:3]), np.array(TILTED[3:])
    place = places[4] + row * 3 * 0.25 + col * 2 * 0.5
    assert found.affine @ (4, 2, 3, 1) == pytest.approx((-place[0], -place[1], place[2], 1))


def test_tilted_gantry_is_a_sheared_grid(tmp_path: Path) -> None:
    places = write_series(tmp_path / "ct", VOLUME, step=(0, 0.7, 2))
    found = read_volume(tmp_path / "ct")
    assert found.affine is not None
    place = places[3]
    assert found.affine @ (3, 0, 0, 1) == pytest.approx((-place[0], -place[1], place[2], 1))


@pytest.mark.parametrize(
    ("slope", "intercept", "kind"), [(1, -1024, np.int16), (0.5, 3, np.float32), (100, 0, np.int32)]
)
def test_rescale(tmp_path: Path, slope: float, intercept: float, kind: Any) -> None:
    write_series(tmp_path / "ct", VOLUME, slope=slope, intercept=intercept)
    found = read_image(tmp_path / "ct")
    assert found.dtype == kind
    assert np.allclose(found, slope * VOLUME.astype(float) + intercept)


def test_window_presets_are_of_hounsfield_units(tmp_path: Path) -> None:
    planes = np.full((2, 4, 4), 1024 - 160, np.int16)  # the lower end of soft tissue, and above
    planes[:, :, 2:] = 1024 + 40
    planes[:, 3] = 1024 + 240
    write_series(tmp_path / "ct", planes)
    grey = to_rgb(read_image(tmp_path / "ct")[0], Contrast("ct:soft-tissue"))[..., 0]
    assert grey[0].tolist() == [0, 0, 128, 128]
    assert grey[3].tolist() == [255] * 4


def test_jpeg_2000(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="DICOM needs the extra `volumes`")
    values = np.random.default_rng(3).integers(-1000, 900, (48, 64)).astype(np.int16)
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor("JPEG2000")
    writer.SetFileName(str(tmp_path / "a.dcm"))
    writer.Execute(sitk.GetImageFromArray(values))
    assert b"1.2.840.10008.1.2.4.90" in (tmp_path / "a.dcm").read_bytes()[:1000]
    assert np.array_equal(read_image(tmp_path / "a.dcm").squeeze(), values)


def test_a_file_stands_for_its_series(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", VOLUME, series="1.2.3")
    write_series(tmp_path / "ct", VOLUME[:2] + 5, series="1.2.4", name="other")
    with pytest.raises(FileFormatError, match=r"2 series: 5 of CT 'a test' \(im001\.dcm\); 2 of"):
        read_image(tmp_path / "ct")
    found = read_volume(tmp_path / "ct" / "other002.dcm")
    assert np.array_equal(found.data, VOLUME[:2] + 5 - 1024)
    assert found.spacing == pytest.approx((2, 0.5, 0.25))


def test_segmentations_beside_the_series_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", VOLUME)
    write_slice(tmp_path / "ct" / "seg", VOLUME[0], (0, 0, 0), modality="SEG", series="9")
    assert read_image(tmp_path / "ct").shape == VOLUME.shape


def test_one_slice_has_its_thickness(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", VOLUME[:1], thickness=3.0)
    found = read_volume(tmp_path / "ct")
    assert found.data.shape == (1, 6, 7)
    assert found.spacing is not None
    assert found.spacing[1:] == pytest.approx((0.5, 0.25))


def remove(folder: Path) -> None:
    (folder / "im003.dcm").unlink()


def move(folder: Path) -> None:
    write_slice(folder / "im001.dcm", VOLUME[4], (10, 20, -30 + 8.7))


def double(folder: Path) -> None:
    write_slice(folder / "more.dcm", VOLUME[0], (10, 20, -30))


def turn(folder: Path) -> None:
    write_slice(folder / "im005.dcm", VOLUME[0], (10, 20, -30), orientation=TILTED)


def enlarge(folder: Path) -> None:
    write_slice(folder / "im005.dcm", np.zeros((8, 8), np.int16), (10, 20, -30))


def cut(folder: Path) -> None:
    path = folder / "im003.dcm"
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove, r"1 slices are missing, the first between im004\.dcm and im002\.dcm \(4 mm"),
        (move, r"distance of slices is not even: 2\.7 mm between im002\.dcm and im001\.dcm, 2 mm"),
        (double, r"im005\.dcm and more\.dcm lie at the same place"),
        (turn, "turned against each other"),
        (enlarge, r"several sizes: \[\(6, 7\), \(8, 8\)\]"),
    ],
)
def test_slices_that_make_no_volume(tmp_path: Path, damage: Any, message: str) -> None:
    write_series(tmp_path / "ct", VOLUME)
    damage(tmp_path / "ct")
    with pytest.raises(FileFormatError, match=message):
        read_volume(tmp_path / "ct")


def test_slice_cut_off_is_no_silent_gap(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", VOLUME)
    (tmp_path / "ct" / "im001.dcm").write_bytes((tmp_path / "ct" / "im001.dcm").read_bytes()[:140])
    with pytest.warns(RuntimeWarning, match=r"1 DICOM files hold no image.*im001\.dcm"):
        assert len(read_image(tmp_path / "ct")) == 4


def test_slices_that_need_several_types(tmp_path: Path) -> None:
    for number, (stored, slope) in enumerate(((30_000, 1), (30_000, 2), (0, 1))):
        pixels = np.full((6, 7), stored, np.int16)
        write_slice(tmp_path / f"{number}.dcm", pixels, (0, 0, 2 * number), slope=slope)
    found = read_image(tmp_path)
    assert found.dtype == np.int32
    assert found[:, 0, 0].tolist() == [28_976, 58_976, -1024]


def test_a_series_is_held_once_while_it_is_read(tmp_path: Path) -> None:
    write_series(tmp_path, np.zeros((40, 128, 128), np.int16))
    read_image(tmp_path)  # what is imported counts for nothing
    tracemalloc.start()
    found = read_image(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.dtype == np.int16
    assert peak < 1.5 * found.nbytes


def test_pixels_cut_off(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", VOLUME)
    cut(tmp_path / "ct")
    with pytest.raises(FileFormatError, match=r"im003\.dcm|missing"):  # SimpleITK 2.5.7, and before
        read_image(tmp_path / "ct")


def test_folder_without_images_names_its_folders(tmp_path: Path) -> None:
    (tmp_path / "study" / "series1").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no image file in the folder.*series1"):
        read_image(tmp_path / "study")


def test_file_without_a_known_name(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM0.dcm", VOLUME[0], (0, 0, 0))
    (tmp_path / "IM0.dcm").rename(tmp_path / "IM0")
    assert open_image(tmp_path / "IM0").data.shape == (1, 6, 7)
    (tmp_path / "IM1").write_text("something else")
    with pytest.raises(FileFormatError, match="DICOM and OME-Zarr"):
        read_image(tmp_path / "IM1")


def test_without_simpleitk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM")
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    for path in (tmp_path / "a.dcm", tmp_path):
        with pytest.raises(MissingExtraError, match=r"napari-samara\[volumes\]"):
            read_volume(path)


def test_series_of_the_evaluation_images(data_root: Path, tmp_path: Path) -> None:
    pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    folder = data_root / "totalseg_ct_dicom"
    found, labels = read_volume(folder / "dicom"), read_volume(folder / "labels.nii.gz")
    assert found.data.dtype == np.int16
    assert found.data.min() == -1024
    assert found.same_grid(labels)
    liver = found.data[labels.data == 5]
    assert 40 < np.median(liver) < 180  # Hounsfield units of a liver
    assert len(read_image(data_root / "dcmqi_ct3" / "dicom")) == 3
    for file in sorted((folder / "dicom").iterdir())[:7:2]:
        shutil.copy(file, tmp_path)
    assert read_volume(tmp_path).spacing == pytest.approx((4, 0.9765625, 0.9765625))
