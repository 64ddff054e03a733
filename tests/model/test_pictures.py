"""What counts as an image, and what it becomes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from tests.reference.seeded import image

from napari_samara.errors import ImageError
from napari_samara.model.pictures import as_maps, as_pictures

RGB = image(20, 31)
GREY = RGB[..., 0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (RGB, RGB),
        (Image.fromarray(RGB), RGB),
        (torch.from_numpy(RGB), RGB),
        (RGB.transpose(2, 0, 1), RGB),
        (torch.from_numpy(RGB).permute(2, 0, 1), RGB),
        (np.dstack([RGB, GREY]), RGB),
        (RGB.astype(np.int64), RGB),
        (RGB.astype(np.float32), RGB),
        (RGB[:1], RGB[:1]),
        (RGB[:1, :1], RGB[:1, :1]),
        (GREY, np.dstack([GREY] * 3)),
        (GREY[..., None], np.dstack([GREY] * 3)),
        (GREY[None], np.dstack([GREY] * 3)),
        (Image.fromarray(GREY), np.dstack([GREY] * 3)),
    ],
)
def test_one_image(given, expected):
    (picture,) = as_pictures(given)
    assert picture.rgb.dtype == np.uint8
    assert np.array_equal(picture.rgb, expected)
    assert not picture.scaled


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
def test_floats_in_0_to_1_are_the_8_bits_they_came_from(kind):
    (picture,) = as_pictures((RGB / 255).astype(kind))
    assert np.array_equal(picture.rgb, RGB)
    assert picture.scaled


def test_bool():
    (picture,) = as_pictures(GREY > 100)
    assert np.array_equal(picture.rgb[..., 1], np.where(GREY > 100, 255, 0))


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ([RGB], 1),
        ([RGB, GREY, Image.fromarray(RGB)], 3),
        (np.stack([RGB, RGB]), 2),
        (torch.zeros(4, 3, 9, 8, dtype=torch.uint8), 4),
        ([np.stack([RGB, RGB]), RGB], 3),
        ([[RGB, RGB], [GREY]], 3),
        ((RGB, RGB), 2),
    ],
)
def test_several(given, count):
    assert len(as_pictures(given)) == count


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "PIL image"),
        ([], "no image"),
        ([None], "PIL image"),
        ([[1, 2], [3, 4]], "PIL image"),
        ("a.png", "PIL image"),
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((2, 3, 4, 5, 3), np.uint8), "shape"),
        (np.zeros((0, 5, 3), np.uint8), "empty"),
        (np.zeros((5, 0), np.uint8), "empty"),
        (np.zeros((8, 9, 5), np.uint8), "channels"),
        (np.full((8, 9), 1000, np.uint16), "0..255"),
        (np.full((8, 9), -1), "0..255"),
        (np.full((8, 9), np.nan), "0..255"),
        (np.full((8, 9), np.inf), "0..255"),
        (np.full((8, 9), 2.5), "fractions"),
        (np.zeros((8, 9), complex), "real"),
        (np.zeros((8, 9), object), "real"),
        (np.zeros((8, 9), "U3"), "real"),
        (Image.fromarray(np.zeros((8, 9), np.uint16)), "8 bits"),
        (Image.fromarray(np.zeros((8, 9), np.float32)), "8 bits"),
    ],
)
def test_no_image(given, message):
    with pytest.raises(ImageError, match=message):
        as_pictures(given)


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (GREY, 1),
        (Image.fromarray(GREY), 1),
        (torch.from_numpy(GREY), 1),
        (GREY > 5, 1),
        (GREY.astype(float), 1),
        (np.stack([GREY, GREY]), 2),
        ([GREY, GREY.astype(np.uint16)], 2),
        ([GREY[None]], 1),
    ],
)
def test_maps(given, count):
    found = as_maps(given)
    assert [m.dtype for m in found] == [np.int32] * count
    assert found[0].shape == GREY.shape


@pytest.mark.parametrize(
    "given",
    [
        [RGB[None]],
        GREY / 2.0,
        np.full((4, 5), np.nan),
        np.full((4, 5), 2**40),
        np.zeros((4, 5), complex),
        np.zeros((0, 5), int),
        Image.fromarray(RGB),
        [3],
    ],
)
def test_no_maps(given):
    with pytest.raises(ImageError):
        as_maps(given)
