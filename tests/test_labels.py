"""Tests of label files."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_samara.errors import ImageError, OutputError
from napari_samara.images import read_image
from napari_samara.labels import write_labels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["l.tif", "L.TIFF", "l.ome.tif", "l.npy"])
@pytest.mark.parametrize("shape", [(30, 40), (1, 1), (3, 20, 4), (4, 8, 9), (2, 3, 20, 3)])
@pytest.mark.parametrize(("most", "dtype"), [(7, "uint16"), (65535, "uint16"), (65536, "int32")])
def test_round_trip(
    tmp_path: Path, name: str, shape: tuple[int, ...], most: int, dtype: str
) -> None:
    labels = np.random.default_rng(0).integers(0, 7, shape, dtype=np.int32)
    labels.flat[-1] = most
    write_labels(tmp_path / name, labels)
    found = read_image(tmp_path / name)
    assert found.dtype == dtype
    assert np.array_equal(found, labels)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_tiff_is_compressed_and_names_its_axes(tmp_path: Path) -> None:
    write_labels(tmp_path / "l.tif", np.ones((5, 200, 200), np.int32))
    with tifffile.TiffFile(tmp_path / "l.tif") as file:
        assert file.series[0].axes == "ZYX"
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert (tmp_path / "l.tif").stat().st_size < 5000


def test_more_axes_than_have_names(tmp_path: Path) -> None:
    labels = np.arange(2 * 2 * 2 * 4 * 5, dtype=np.int32).reshape(2, 2, 2, 4, 5)
    write_labels(tmp_path / "l.tif", labels)
    assert np.array_equal(read_image(tmp_path / "l.tif"), labels)


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros((4, 4)),
        np.zeros(5, int),
        np.zeros((0, 4), int),
        np.full((2, 2), -1),
        np.full((2, 2), 2**31),
        np.array([["a"]]),
    ],
)
def test_what_is_no_label_image(tmp_path: Path, labels: np.ndarray) -> None:
    with pytest.raises(ImageError, match="labels"):
        write_labels(tmp_path / "l.tif", labels)
    assert not list(tmp_path.iterdir())


def test_other_suffix(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.tif, \.tiff, \.npy; got 'l\.png'"):
        write_labels(tmp_path / "l.png", np.ones((2, 2), int))


@pytest.mark.parametrize("name", ["l.tif", "l.npy"])
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail(target: object, *args: object, **kwargs: object) -> None:
        if hasattr(target, "write_text"):
            target.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", fail)
    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_labels(tmp_path / name, np.ones((2, 2), int))
    assert not list(tmp_path.iterdir())
