"""Tests of slices in order; no DICOM is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_samara.errors import FileFormatError
from napari_samara.formats.dicom_grid import Slice, arranged

ITK = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel().tolist()))


def one(z: float, **options: Any) -> Slice:
    given: dict[str, Any] = {
        "position": (0.0, 0.0, z),
        "orientation": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        "pixel_spacing": (1.0, 1.0),
    }
    given |= options
    return Slice(Path(f"{z}.dcm"), "1", "CT", "", (4, 4), 1, thickness=None, itk=ITK, **given)


def test_order_is_along_the_normal_and_not_of_the_names() -> None:
    files, affine = arranged([one(4), one(0), one(2)], Path("ct"))
    assert [file.name for file in files] == ["0.dcm", "2.dcm", "4.dcm"]
    assert affine[:, 0].tolist() == [0, 0, 2, 0]


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ((0, 1, 2, 4, 5), "1 slices are missing"),
        ((0, 1, 4, 5, 6, 8), "3 slices are missing"),
        ((0, 1, 2, 3.5, 4.5), "not even"),
        ((0, 1, 1, 2, 3), "same place"),
    ],
)
def test_gaps(places: tuple[float, ...], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        arranged([one(z) for z in places], Path("ct"))


def test_rounded_places_are_even() -> None:
    assert len(arranged([one(z) for z in (0, 0.67, 1.33, 2.0)], Path("ct"))[0]) == 4


@pytest.mark.parametrize("missing", ["position", "orientation", "pixel_spacing"])
def test_slices_without_a_place(missing: str) -> None:
    with pytest.raises(FileFormatError, match="does not say where it lies"):
        arranged([one(0), one(1, **{missing: None})], Path("ct"))


def test_frames_as_itk_has_them() -> None:
    itk = ((0.25, 0.5, 2.0), (10.0, 20.0, -30.0), tuple(np.eye(3).ravel().tolist()))
    frames = Slice(Path("a"), "", "", "", (4, 4), 9, None, None, None, None, itk)
    assert frames.affine @ (1, 2, 3, 1) == pytest.approx((-10.75, -21, -28, 1))
