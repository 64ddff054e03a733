"""Tests of folders that a table describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_samara.errors import FileFormatError
from napari_samara.training.manifest import manifest_datasets, read_manifest

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


def test_datasets_of_a_part(folder: Path) -> None:
    assert manifest_datasets(folder, "train") == ["one", "two"]
    assert manifest_datasets(folder, "val") == ["one"]
    with pytest.raises(FileFormatError, match="no row of the part 'test'"):
        manifest_datasets(folder, "test")


def test_training_rows_of_the_evaluation_images(data_root: Path) -> None:
    image = next(read_manifest(data_root, "train", ("dsb2018",)))
    assert image.labels.max() > 0
