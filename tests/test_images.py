"""Tests of reading image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_samara.errors import FileFormatError, ImageError
from napari_samara.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RNG = np.random.default_rng(4)
GREY = RNG.integers(0, 255, (20, 31), dtype=np.uint8)
RGB = RNG.integers(0, 255, (20, 31, 3), dtype=np.uint8)
STACK = RNG.integers(0, 60000, (5, 20, 31), dtype=np.uint16)


def tiff(array: np.ndarray, **options: Any) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, array, **options)


def picture(array: np.ndarray, mode: str | None = None, **options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        image = Image.fromarray(array)
        (image.convert(mode) if mode else image).save(path, **options)

    return write


CHANNELS_LAST = np.moveaxis(STACK, 0, -1)
SAME = [
    ("a.tif", tiff(GREY), GREY),
    ("a.TIFF", tiff(STACK), STACK),
    ("a.tif", tiff(GREY.astype(np.float32) / 7), GREY.astype(np.float32) / 7),
    ("a.tif", tiff(GREY > 99), GREY > 99),
    ("a.tif", tiff(RGB, photometric="rgb"), RGB),
    ("a.tif", tiff(np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate"), RGB),
    ("a.tif", tiff(STACK, imagej=True, metadata={"axes": "ZYX"}), STACK),
    ("a.tif", tiff(STACK, imagej=True, metadata={"axes": "CYX"}), CHANNELS_LAST),
    ("a.ome.tif", tiff(STACK, metadata={"axes": "CYX"}), CHANNELS_LAST),
    ("a.ome.tif", tiff(STACK[None], metadata={"axes": "TZYX"}), STACK),
    ("a.ome.tif", tiff(STACK[:, None], metadata={"axes": "ZCYX"}), STACK),
    ("a.tif", tiff(STACK, compression="zlib", tile=(16, 16)), STACK),
    ("a.tif", picture(GREY, compression="tiff_lzw"), GREY),
    ("a.tif", picture(RGB, compression="tiff_lzw"), RGB),
    ("a.tif", picture(STACK[0], compression="tiff_lzw"), STACK[0]),
    ("a.png", picture(GREY), GREY),
    ("a.png", picture(STACK[0]), STACK[0]),
    ("a.png", picture(RGB), RGB),
    ("a.png", picture(GREY, "LA"), GREY),
    ("a.png", picture(GREY, "P"), np.repeat(GREY[..., None], 3, -1)),
    ("a.png", picture(GREY > 99), GREY > 99),
    ("a.npy", lambda path: np.save(path, STACK), STACK),
    ("a.npy", lambda path: np.save(path, GREY.astype(">f8")), GREY),
]


@pytest.mark.parametrize(("name", "write", "expected"), SAME)
def test_read(tmp_path: Path, name: str, write: Callable[[Path], None], expected: Any) -> None:
    write(tmp_path / name)
    found = read_image(tmp_path / name)
    assert found.shape == expected.shape
    assert found.dtype.newbyteorder("=") == expected.dtype or name == "a.npy"
    assert np.array_equal(found, expected)


def test_lzw_stack(tmp_path: Path) -> None:
    frames = [Image.fromarray(plane) for plane in STACK]
    frames[0].save(
        tmp_path / "a.tif", save_all=True, append_images=frames[1:], compression="tiff_lzw"
    )
    assert np.array_equal(read_image(tmp_path / "a.tif"), STACK)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (31, 20)).save(tmp_path / "a.jpeg")
    assert read_image(tmp_path / "a.jpeg").shape == ((20, 31) if mode == "L" else (20, 31, 3))


def test_finest_level_of_a_pyramid(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GREY, subifds=1)
        writer.write(GREY[::2, ::2], subfiletype=1)
    assert np.array_equal(read_image(tmp_path / "a.tif"), GREY)


@pytest.mark.parametrize(
    ("axes", "channels", "expected"),
    [
        ("CYX", None, CHANNELS_LAST),
        ("cyx", [2], CHANNELS_LAST[..., [2]]),
        ("CYX", [3, 0], CHANNELS_LAST[..., [3, 0]]),
        ("ZYX", None, STACK),
        (None, [30, 1], STACK[..., [30, 1]]),
    ],
)
def test_axes_and_channels(tmp_path: Path, axes: Any, channels: Any, expected: Any) -> None:
    np.save(tmp_path / "a.npy", STACK)
    assert np.array_equal(read_image(tmp_path / "a.npy", axes, channels), expected)


@pytest.mark.parametrize(
    ("axes", "channels", "message"),
    [
        ("YX", None, "one letter"),
        ("YYX", None, "each once"),
        ("1YX", None, "one letter"),
        ("CSX", None, "two axes of channels"),
        ("ZYX", [0], "no axis of channels"),
        ("CYX", [5], r"channels \[5\] .* has 5"),
        ("CYX", [-1], "has 5"),
        ("CYX", [], "has 5"),
    ],
)
def test_axes_that_do_not_fit(tmp_path: Path, axes: str, channels: Any, message: str) -> None:
    np.save(tmp_path / "a.npy", STACK)
    with pytest.raises(ImageError, match=message):
        read_image(tmp_path / "a.npy", axes, channels)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no image file"):
        read_image(tmp_path / "a.tif")
    with pytest.raises(FileNotFoundError, match="no image file"):
        read_image(tmp_path)


def test_unknown_suffix_lists_the_known(tmp_path: Path) -> None:
    (tmp_path / "a.czi").write_bytes(b"x")
    with pytest.raises(FileFormatError, match=r"\.tif, \.tiff, \.png"):
        read_image(tmp_path / "a.czi")


def truncated(tmp_path: Path, name: str, share: float) -> None:
    """Write a good file and cut it off."""
    path = tmp_path / name
    if name.endswith(".tif"):
        tifffile.imwrite(path, STACK, compression="zlib")
    elif name.endswith(".npy"):
        np.save(path, STACK)
    else:
        Image.fromarray(RGB).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("share", [0, 0.02, 0.5])
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.npy"])
def test_file_cut_off(tmp_path: Path, name: str, share: float) -> None:
    truncated(tmp_path, name, share)
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.npy"])
def test_file_of_another_kind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("index,axis-0,axis-1\n" * 50)
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_image(tmp_path / name)


def test_npy_with_objects_runs_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[{}, 1]], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="Python objects"):
        read_image(tmp_path / "a.npy")


def test_archive_named_npy(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", GREY)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(FileFormatError, match="archive"):
        read_image(tmp_path / "a.npy")
