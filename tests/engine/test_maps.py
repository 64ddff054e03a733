"""Tests of maps of features."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.engine.maps import halved

NUMBERS = np.random.default_rng(0).normal(0, 100, (5, 7, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "numbers",
    [
        NUMBERS,
        NUMBERS * 1e-7,  # halves that are subnormal, and some that are zero
        np.array([[[65519.0, -65519.0, 0.0, -0.0]]], np.float32),
        np.array([[[np.nan, 1.0]]], np.float32),
    ],
    ids=["usual", "tiny", "largest", "nan"],
)
def test_numbers_are_halved_as_numpy_does_it(numbers: np.ndarray) -> None:
    numbers = numbers.view()
    numbers.setflags(write=False)  # as those of an embedding
    found = halved(numbers)
    assert found is not None
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, numbers.astype(np.float16))


@pytest.mark.parametrize("large", [65520.0, -7e4, np.inf])
def test_numbers_that_are_too_large_are_left_to_32_bits(large: float) -> None:
    numbers = NUMBERS.copy()
    numbers[2, 3, 1] = large
    assert halved(numbers) is None
