"""Tests of the way from any intensities to 8-bit RGB."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.errors import ImageError
from napari_samara.intensity import POLICIES, Contrast, to_rgb

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 15), dtype=np.uint8)
REAL_TYPES = [
    *("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">f4", "?", "g"),
]


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "limits"])
@pytest.mark.parametrize("dtype", REAL_TYPES)
def test_every_real_type_and_policy_gives_rgb(dtype: str, policy: str) -> None:
    plane = (GREY > 90) if dtype == "?" else GREY.astype(dtype)
    rgb = to_rgb(plane, Contrast(policy))
    assert rgb.shape == (12, 15, 3)
    assert rgb.dtype == np.uint8
    assert (rgb == rgb[..., :1]).all()


def test_8_bit_is_left_alone_by_default() -> None:
    np.testing.assert_array_equal(to_rgb(GREY), np.stack([GREY] * 3, axis=-1))
    colour = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    found = to_rgb(colour)
    np.testing.assert_array_equal(found, colour)
    assert not np.shares_memory(found, colour)


@pytest.mark.parametrize("factor", [1, 10, 255])
def test_16_bit_is_stretched_by_default_whatever_its_range(factor: int) -> None:
    plane = GREY.astype(np.uint16) * factor
    rgb = to_rgb(plane)
    assert rgb.min() == 0
    assert rgb.max() == 255
    np.testing.assert_array_equal(rgb, to_rgb(plane, Contrast("percentile")))
    np.testing.assert_array_equal(rgb, to_rgb(GREY.astype(np.uint16)))


def test_bool_becomes_black_and_white() -> None:
    assert to_rgb(np.array([[True, False]]))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(
    ("contrast", "values", "wanted"),
    [
        (Contrast("none"), [-5.0, 0, 0.6, 254.4, 300], [0, 0, 1, 254, 255]),
        (Contrast("limits", (10, 20)), [9.0, 10, 15, 20, 99], [0, 0, 128, 255, 255]),
        (Contrast("limits", (10, 10)), [9.0, 10, 11], [0, 0, 255]),
        (Contrast("minmax"), [-1.0, 0, 1], [0, 128, 255]),
        (Contrast("percentile", percentiles=(0, 50)), [0.0, 1, 2, 3, 4], [0, 128, 255, 255, 255]),
        (Contrast("minmax", invert=True), [-1.0, 1], [255, 0]),
        (Contrast("ct:lung"), [-1350.0, -600, 150], [0, 128, 255]),
        (Contrast("ct:brain"), [0, 40, 80, 3000], [0, 128, 255, 255]),
        (Contrast("ct:soft-tissue"), [-160, 40, 240], [0, 128, 255]),
        (Contrast("ct:liver"), [-45, 30, 105], [0, 128, 255]),
        (Contrast("ct:bone"), [-500, 400, 1300], [0, 128, 255]),
    ],
)
def test_values_become_grey(contrast: Contrast, values: list, wanted: list[int]) -> None:
    plane = np.array([values], dtype=np.float32 if isinstance(values[0], float) else np.int16)
    assert to_rgb(plane, contrast)[0, :, 0].tolist() == wanted


@pytest.mark.parametrize("value", [0, 7, -3.5, np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("policy", ["auto", "percentile", "minmax"])
def test_constant_plane_is_black(policy: str, value: float) -> None:
    assert not to_rgb(np.full((4, 5), value), Contrast(policy)).any()


def test_missing_values_are_dark_and_infinite_ones_cut() -> None:
    plane = np.array([[np.nan, -np.inf, -4, 0, 4, np.inf]])
    assert to_rgb(plane, Contrast("minmax"))[0, :, 0].tolist() == [0, 0, 0, 128, 255, 255]


@pytest.mark.parametrize("peak", [np.finfo(np.float64).max, np.finfo(np.float64).tiny, 5e-324])
def test_extreme_floats_neither_overflow_nor_divide_by_zero(peak: float) -> None:
    plane = np.array([[-peak, 0.0, peak]])
    for policy in ("minmax", "percentile", "none", "auto"):
        to_rgb(plane, Contrast(policy))
    assert to_rgb(plane, Contrast("minmax"))[0, [0, 2], 0].tolist() == [0, 255]


def test_large_integers_keep_their_differences() -> None:
    plane = np.array([[2**40, 2**40 + 1, 2**40 + 2]])
    assert to_rgb(plane, Contrast("minmax"))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (1, 1, 3)])
def test_the_smallest_planes(shape: tuple[int, ...]) -> None:
    assert to_rgb(np.ones(shape)).shape == (*shape[:2], 3)


@pytest.mark.parametrize(
    ("count", "channels", "wanted"),
    [
        (1, None, (0, 0, 0)),
        (2, None, (0, 1, None)),
        (3, None, (0, 1, 2)),
        (4, None, (0, 1, 2)),
        (4, (3,), (3, 3, 3)),
        (6, (5, 0), (5, 0, None)),
        (6, (4, 2, 0), (4, 2, 0)),
    ],
)
def test_channels_become_colours(count: int, channels: tuple | None, wanted: tuple) -> None:
    plane = RNG.integers(0, 256, (3, 4, count), dtype=np.uint8)
    rgb = to_rgb(plane, Contrast(channels=channels))
    for colour, source in enumerate(wanted):
        np.testing.assert_array_equal(rgb[..., colour], 0 if source is None else plane[..., source])


def test_two_channels_stay_without_blue_when_inverted() -> None:
    rgb = to_rgb(np.zeros((2, 2, 2), np.uint8), Contrast(invert=True))
    assert rgb[0, 0].tolist() == [255, 255, 0]


def test_8_bit_colours_are_stretched_together_and_others_apart() -> None:
    photo = np.zeros((1, 2, 3), np.uint8)
    photo[0, 1] = (100, 50, 10)
    assert to_rgb(photo, Contrast("minmax"))[0, 1].tolist() == [255, 128, 26]
    assert to_rgb(photo.astype(np.uint16), Contrast("minmax"))[0, 1].tolist() == [255, 255, 255]


def test_limits_for_each_channel() -> None:
    plane = np.full((1, 1, 2), 50.0)
    contrast = Contrast("limits", ((0, 100), (0, 50)))
    assert to_rgb(plane, contrast)[0, 0].tolist() == [128, 255, 0]
    with pytest.raises(ImageError, match="2 pairs of limits for 3 channels"):
        to_rgb(np.zeros((2, 2, 3)), contrast)


@pytest.mark.parametrize(
    ("plane", "message"),
    [
        (np.zeros((0, 5)), "empty: shape"),
        (np.zeros((5, 5, 0)), "empty"),
        (np.zeros(7), "got shape"),
        (np.float64(3), "got shape"),
        (np.zeros((2, 3, 4, 5)), "take one plane"),
        (np.zeros((4, 4, 5)), "choose up to three"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.array([["a"]]), "cannot be shown"),
        (np.array([[None, 1]], dtype=object), "object"),
        (np.zeros((2, 2), "M8[s]"), "datetime64"),
    ],
)
def test_what_is_no_plane_is_named(plane: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        to_rgb(plane)


def test_chosen_channel_must_exist() -> None:
    with pytest.raises(ImageError, match=r"channels \(0, 3\) of an image that has 3"):
        to_rgb(np.zeros((2, 2, 3)), Contrast(channels=(0, 3)))
