"""One contrast for all slices of a volume."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.intensity import Contrast, to_rgb
from napari_samara.volume_contrast import volume_contrast


@pytest.fixture
def volume() -> np.ndarray:
    """Bright slices in the middle of dim ones, uint16, 40 x 20 x 30."""
    made = np.random.default_rng(0).integers(100, 200, (40, 20, 30)).astype(np.uint16)
    made[15:25] += 1000
    return made


def test_slices_stay_comparable(volume: np.ndarray) -> None:
    contrast = volume_contrast(volume)
    assert contrast.policy == "limits"
    dim, bright = (to_rgb(volume[index], contrast).mean() for index in (0, 20))
    assert bright > dim + 150
    assert abs(to_rgb(volume[0]).mean() - to_rgb(volume[20]).mean()) < 10  # each by itself


@pytest.mark.parametrize("policy", ["auto", "percentile"])
def test_limits_are_percentiles_of_the_volume(volume: np.ndarray, policy: str) -> None:
    low, high = np.percentile(volume, (1.0, 99.8))
    limits = volume_contrast(volume, Contrast(policy)).limits
    assert limits == pytest.approx((low, high), abs=10)


def test_minmax_and_what_goes_with_the_policy(volume: np.ndarray) -> None:
    found = volume_contrast(volume, Contrast("minmax", invert=True))
    assert found == Contrast("limits", limits=(100.0, 1199.0), invert=True)


@pytest.mark.parametrize(
    ("dtype", "shape", "contrast"),
    [
        ("uint8", (5, 6, 7), Contrast()),
        ("uint16", (6, 7), Contrast()),
        ("uint16", (5, 6, 7), Contrast("none")),
        ("int16", (5, 6, 7), Contrast("ct:bone")),
        ("uint16", (5, 6, 7), Contrast("limits", limits=(1, 2))),
        ("bool", (5, 6, 7), Contrast("minmax")),
        ("complex64", (5, 6, 7), Contrast()),  # using it says what is wrong
    ],
)
def test_what_is_fixed_anyway_stays(dtype: str, shape: tuple[int, ...], contrast: Contrast) -> None:
    assert volume_contrast(np.zeros(shape, dtype), contrast) is contrast


def test_the_same_for_every_time_and_process(volume: np.ndarray) -> None:
    movie = np.stack([volume, volume[::-1]])
    assert volume_contrast(movie) == volume_contrast(movie.copy())
    assert volume_contrast(movie).limits == pytest.approx(volume_contrast(volume).limits, abs=5)


def test_channels(volume: np.ndarray) -> None:
    stack = np.stack([volume, volume * 2, volume * 3, volume * 0], axis=-1)
    found = volume_contrast(stack, rgb=True).limits
    assert isinstance(found, tuple)
    assert len(found) == 3
    assert found[1] == pytest.approx((2 * found[0][0], 2 * found[0][1]))
    one = volume_contrast(stack, Contrast("percentile", channels=(1,)), rgb=True)
    assert one.limits == pytest.approx(found[1])
    assert to_rgb(stack[0], one).shape == (20, 30, 3)
    eight = volume_contrast((stack // 20).astype(np.uint8), Contrast("percentile"), rgb=True)
    assert isinstance(eight.limits[0], float)  # joint, so that colours stay
    wrong = volume_contrast(stack, Contrast("percentile", channels=(7,)), rgb=True)
    assert wrong.channels == (7,)


@pytest.mark.parametrize("fill", [np.nan, np.inf, 3.0])
def test_volumes_without_contrast(fill: float) -> None:
    volume = np.full((4, 5, 6), fill)
    assert to_rgb(volume[0], volume_contrast(volume)).max() == 0


def test_missing_values_do_not_count(volume: np.ndarray) -> None:
    holes = volume.astype(np.float32)
    holes[::2] = np.nan
    assert volume_contrast(holes).limits == pytest.approx(volume_contrast(volume).limits, abs=20)


class Lazy:
    """An array that counts the slices that are read."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(np.uint16)
        self.reads = 0

    def __getitem__(self, index: tuple[int, ...]) -> np.ndarray:
        self.reads += 1
        return np.zeros(self.shape[len(index) :], self.dtype)


@pytest.mark.parametrize(("shape", "reads"), [((500, 8, 9), 16), ((3, 4, 8, 9), 12)])
def test_few_slices_are_read(shape: tuple[int, ...], reads: int) -> None:
    lazy = Lazy(shape)
    volume_contrast(lazy)
    assert lazy.reads == reads
