"""Tests of planes of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_samara.errors import FileFormatError
from napari_samara.training.slices import Pair, Reading, planes_of

if TYPE_CHECKING:
    from pathlib import Path

SPACED = {"axes": "ZYX", "PhysicalSizeY": 0.5, "PhysicalSizeX": 0.5}


def a_pair(folder: Path, image: np.ndarray, ids: np.ndarray, **options: Any) -> Pair:
    metadata = options.pop("metadata", {"axes": "ZYX"})
    tifffile.imwrite(folder / "v.ome.tif", image, metadata=metadata)
    tifffile.imwrite(folder / "ids.ome.tif", ids, metadata={"axes": "ZYX"})
    return Pair(folder / "v.ome.tif", folder / "ids.ome.tif", "v", "set", **options)


def ball(shape: tuple[int, int, int] = (20, 24, 28)) -> np.ndarray:
    """A ball of radius 6 around plane 9."""
    places = np.indices(shape)
    distance = sum((at - middle) ** 2 for at, middle in zip(places, (9, 12, 14), strict=True))
    return (distance < 36).astype(np.uint8)


def indices(planes: list[Any], axis: int = 0) -> list[int]:
    names = [plane.name for plane in planes if plane.name.startswith(f"v[{axis}:")]
    return [int(name[4:-1]) for name in names]


@pytest.mark.parametrize(
    ("slices", "expected"), [(1, [9]), (2, [6, 12]), (3, [5, 9, 13]), (100, list(range(4, 15)))]
)
def test_planes_are_spread_over_the_objects(
    tmp_path: Path, slices: int, expected: list[int]
) -> None:
    found = list(planes_of(a_pair(tmp_path, ball(), ball()), Reading(slices=slices)))
    assert indices(found) == expected
    assert len(indices(found, 1)) == len(indices(found, 2)) == len(expected)


@pytest.mark.parametrize(
    ("shape", "between", "axes"),
    [
        ((20, 24, 28), None, {0, 1, 2}),
        ((20, 24, 28), 1.5, {0, 1, 2}),
        ((20, 24, 28), 1.6, {0}),  # more than three times as far apart as pixels
        ((8, 24, 28), None, {0}),  # eight rows show nothing
        ((8, 8, 28), None, {0}),
    ],
)
def test_axes_that_are_worth_looking_at(
    tmp_path: Path, shape: Any, between: float | None, axes: set[int]
) -> None:
    metadata = {"axes": "ZYX"} if between is None else SPACED | {"PhysicalSizeZ": between}
    ids = np.ones(shape, np.uint8)
    found = list(planes_of(a_pair(tmp_path, ids, ids, metadata=metadata), Reading(slices=1)))
    assert {int(plane.name[2]) for plane in found} == axes


def test_a_volume_without_objects_has_no_planes(tmp_path: Path) -> None:
    assert list(planes_of(a_pair(tmp_path, ball(), ball() * 0))) == []


@pytest.mark.parametrize(
    ("is_ct", "window", "expected"),
    [
        (True, "auto", "ct:soft-tissue"),
        (True, "ct:lung", "ct:lung"),
        (True, "percentile", "percentiles"),
        (None, "auto", "percentiles"),
        (None, "ct:bone", "ct:bone"),
        (False, "auto", "percentiles"),
        (False, "ct:bone", "percentiles"),
    ],
)
def test_windows(tmp_path: Path, is_ct: bool | None, window: str, expected: str) -> None:
    image = (ball().astype(np.int16) * 100) - 60
    pair = a_pair(tmp_path, image, ball(), is_ct=is_ct)
    plane = next(planes_of(pair, Reading(window=window)))
    assert plane.intensity.startswith(expected)
    grey = {"ct:soft-tissue": [64, 128], "ct:lung": [219, 236], "ct:bone": [62, 76]}
    assert np.unique(plane.image).tolist() == grey.get(expected, [0, 255])


def test_windows_in_two_dimensions_and_of_8_bits(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.array([[-60, 40]], np.int16))
    np.save(tmp_path / "l.npy", np.array([[0, 1]], np.uint8))
    (plane,) = planes_of(Pair(tmp_path / "i.npy", tmp_path / "l.npy", "i", "set", True))
    assert plane.image.tolist() == [[64, 128]]
    (plane, *_) = planes_of(a_pair(tmp_path, ball() * 7, ball(), is_ct=True))
    assert plane.intensity == "8 bit"  # it has been windowed already
    assert plane.image.max() == 7


def test_percentiles_are_of_the_volume(tmp_path: Path) -> None:
    """Slices of one volume have one brightness, and a few hot pixels do not set it."""
    image = np.zeros((20, 24, 28), np.float32)
    image += np.arange(20)[:, None, None]
    image[0, 0, :3] = 1e6, np.nan, np.inf
    pair = a_pair(tmp_path, image, ball())
    found = [p for p in planes_of(pair, Reading(slices=100)) if p.name.startswith("v[0")]
    values = [int(np.median(plane.image)) for plane in found]
    assert values == [round(255 * z / 19) for z in range(4, 15)]


def test_a_volume_of_one_value(tmp_path: Path) -> None:
    image = np.full((20, 24, 28), 7, np.int16)
    assert not any(plane.image.any() for plane in planes_of(a_pair(tmp_path, image, ball())))


def test_labels_elsewhere(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="NIfTI needs the extra `volumes`")
    shifted = np.eye(4)
    shifted[0, 3] = 1
    paths = [tmp_path / name for name in ("i.nii", "l.nii")]
    for path, affine in zip(paths, (np.eye(4), shifted), strict=True):
        nibabel.save(nibabel.Nifti1Image(ball(), affine), path)
    with pytest.raises(FileFormatError, match=r"l\.nii lies elsewhere than .*i\.nii"):
        list(planes_of(Pair(*paths, "i", "set")))
