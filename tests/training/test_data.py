"""Tests of reading labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_samara.errors import FileFormatError
from napari_samara.training.data import (
    LabelledImage,
    as_labels,
    as_uint8,
    read_labels,
    read_manifest,
    split_pieces,
    volume_slices,
)

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
        (HEADER + "train\tone\ta.png\tb.png\n", "labels are int32"),
    ],
)
def test_bad_folder_says_what_to_do(folder: Path, manifest: str | None, message: str) -> None:
    (folder / "MANIFEST.tsv").unlink()
    if manifest is not None:
        (folder / "MANIFEST.tsv").write_text(manifest)
    with pytest.raises(FileFormatError, match=message):
        list(read_manifest(folder, "train", ("one",)))


def test_binary_manifest(folder: Path) -> None:
    (folder / "MANIFEST.tsv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(FileFormatError, match="cannot be read"):
        list(read_manifest(folder, "train", ("one",)))


def test_palette_holds_ids(tmp_path: Path) -> None:
    picture = Image.fromarray(IDS.astype(np.uint8), "P")
    picture.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    picture.save(tmp_path / "ids.png")
    assert np.array_equal(read_labels(tmp_path / "ids.png"), IDS)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([[0, 65535]], np.uint16), [[0, 65535]]),
        (np.array([[0, 2.0]]), [[0, 2]]),
        (np.array([[False, True]]), [[0, 1]]),
        (np.array([[0, 70000, 5]], np.uint32), [[0, 2, 1]]),
        (np.array([[2**40, 7]], np.int64), [[2, 1]]),  # no background: ids still count from 1
        (np.zeros((0, 3), np.uint8), np.zeros((0, 3))),
    ],
)
def test_labels_become_int32(labels: np.ndarray, expected: object) -> None:
    found = as_labels(labels)
    assert found.dtype == np.int32
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("labels", [[[0, -1]], [[0.5, 1]], [[np.nan, 1]], [["a"]], [[1j]]])
def test_what_are_no_labels(labels: list[list[object]]) -> None:
    with pytest.raises(FileFormatError, match="whole numbers from 0"):
        as_labels(np.array(labels))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([[0, 7, 255]], np.uint8), [[0, 7, 255]]),
        (np.full((3, 3), 900, np.uint16), np.zeros((3, 3))),
        (np.array([[False, True]]), [[0, 255]]),
        (np.full((2, 2), np.nan), np.zeros((2, 2))),
    ],
)
def test_eight_bits(image: np.ndarray, expected: object) -> None:
    assert np.array_equal(as_uint8(image), expected)


def test_not_finite_pixels_do_not_set_the_range() -> None:
    image = np.linspace(-5, 5, 1000).reshape(10, 100)
    image[0, :3] = np.nan, np.inf, -np.inf
    found = as_uint8(image)
    assert found[0, :3].tolist() == [0, 255, 0]
    assert np.abs(np.diff(found[1].astype(int))).max() <= 1
    assert found.max() == 255


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.int32)),
        (np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4), np.int32)),
        (np.zeros((3, 4, 4), np.uint8), np.zeros((3, 4, 4), np.int32)),
        (np.zeros((4, 4), np.uint16), np.zeros((4, 4), np.int32)),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.int64)),
        (np.zeros((4, 4), np.uint8), np.full((4, 4), -1, np.int32)),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.int32)),
    ],
)
def test_pair_that_does_not_fit(image: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(FileFormatError, match=r"cells\.png: "):
        LabelledImage("cells.png", "cells", image, labels)


def test_slices_along_each_axis() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (4, 6, 8)).astype(np.uint8)
    labels = np.zeros(image.shape, np.int32)
    labels[:, 1:5, 2:6] = 7
    labels[:, 3, :] = 0  # two pieces in planes across axes 0 and 2, one along axis 1
    found = list(volume_slices(image, labels, "em", step=2))
    assert [one.image.shape for one in found] == [(6, 8)] * 2 + [(4, 8)] * 3 + [(4, 6)] * 4
    assert [int(one.labels.max()) for one in found] == [2, 2, 0, 1, 1, 0, 2, 2, 0]
    assert np.array_equal(found[1].image, image[2])
    assert found[1].name == "em[0:2]"
    assert found[1].dataset == "em"


@pytest.mark.parametrize(
    ("labels", "pieces"),
    [
        ([[1, 0, 1], [0, 0, 2]], 3),
        ([[1, 1, 1], [1, 2, 1]], 2),
        ([[0, 0, 0]], 0),
        ([[5, 0, 9, 0, 5]], 3),
        ([[3]], 1),
    ],
)
def test_each_piece_has_its_own_id(labels: list[list[int]], pieces: int) -> None:
    given = np.array(labels, np.int32)
    found = split_pieces(given)
    assert sorted(set(found.ravel()) - {0}) == list(range(1, pieces + 1))
    assert np.array_equal(found > 0, given > 0)
    pairs = set(zip(found.ravel().tolist(), given.ravel().tolist(), strict=True))
    assert len(pairs) == len({piece for piece, _ in pairs})  # no piece spans two labels


def test_training_rows_of_the_evaluation_images(data_root: Path) -> None:
    image = next(read_manifest(data_root, "train", ("dsb2018",)))
    assert image.labels.max() > 0
