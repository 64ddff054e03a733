"""NIfTI files are read as they are, and no more of them than is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_samara.formats import nifti
from napari_samara.formats.axis_view import AxisView
from napari_samara.formats.nifti import read_nifti

if TYPE_CHECKING:
    from pathlib import Path

nibabel = pytest.importorskip("nibabel", reason="needs the extra `volumes`")

VALUES = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def written(path: Path, slope: float = 1.0) -> Path:
    image = nibabel.Nifti1Image(VALUES, np.eye(4))
    image.header.set_slope_inter(slope, 0.0)
    nibabel.save(image, path)
    return path


def mapped(array: Any) -> bool:
    """Whether the pixels of an array are those of a file."""
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


@pytest.mark.parametrize(
    ("name", "slope", "lazy"),
    [("a.nii", 1.0, True), ("a.nii.gz", 1.0, False), ("a.nii", 2.0, False)],
)
def test_only_what_is_looked_at_is_read_where_that_can_be(
    tmp_path: Path, name: str, slope: float, lazy: bool
) -> None:
    array, axes = read_nifti(written(tmp_path / name, slope))
    assert axes == "ZYX"
    assert array.dtype == (np.int16 if slope == 1 else np.float32)
    assert np.array_equal(array, VALUES.T * slope)
    assert mapped(array) is lazy


def test_large_scaled_files_are_read_slice_by_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nifti, "LARGE", 4 * VALUES.size - 1)
    array, axes = read_nifti(written(tmp_path / "a.nii", 2.0))
    assert isinstance(array, AxisView)
    assert (axes, array.dtype, array.shape) == ("ZYX", np.float32, VALUES.T.shape)
    assert np.array_equal(array[1], VALUES.T[1] * 2)
    assert np.array_equal(array[:, 1:3, ::2], VALUES.T[:, 1:3, ::2] * 2)
    assert isinstance(read_nifti(written(tmp_path / "b.nii.gz", 2.0))[0], np.ndarray)
