"""Tests of the checks that all prompts share."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.errors import PromptError
from napari_samara.prompts.coordinates import (
    as_tuple,
    fixed_axes,
    numbers,
    pairs,
    plain,
    sign,
    whole,
)


@pytest.mark.parametrize(
    ("value", "wanted"), [(2.4, 2), (2.5, 3), (3.5, 4), (-0.4, 0), (-0.5, 0), (-0.6, -1), (7, 7)]
)
def test_halves_go_up(value: float, wanted: int) -> None:
    assert whole(value) == wanted


@pytest.mark.parametrize(
    ("axis", "index", "wanted"),
    [
        (None, None, (None, None)),
        (None, 4, (0, 4)),
        (2, 4.5, (2, 5)),
        (np.int64(1), np.float32(3), (1, 3)),
        ((1,), (3,), (1, 3)),
        ((2, 0), (7, 8), ((0, 2), (8, 7))),
        (None, (7, 8), ((0, 1), (7, 8))),
    ],
)
def test_axes_are_sorted(axis: object, index: object, wanted: tuple) -> None:
    assert fixed_axes(axis, index) == wanted


@pytest.mark.parametrize(
    ("axis", "index"),
    [(1, None), (-1, 0), ((0, 1), 2), ((1, 1), (2, 2)), (0, np.nan), (0, "a"), (0.5, 1), ("z", 1)],
)
def test_axes_that_do_not_fit(axis: object, index: object) -> None:
    with pytest.raises(PromptError):
        fixed_axes(axis, index)


@pytest.mark.parametrize(("value", "wanted"), [(1, True), (False, False), (np.True_, True)])
def test_sign(value: object, wanted: bool) -> None:
    assert sign(value, "point") is wanted


@pytest.mark.parametrize("value", ["false", None, 2, -1, 0.5, []])
def test_sign_is_never_guessed(value: object) -> None:
    with pytest.raises(PromptError, match="positive of a point is True or False"):
        sign(value, "point")


@pytest.mark.parametrize(
    "values", [[(1, np.nan)], [(1, 2, 3)], [], [1, 2], "ab", None, [("a", "b")], [(1, 2), (3,)]]
)
def test_bad_pairs(values: object) -> None:
    with pytest.raises(PromptError):
        pairs(values, "scribble")


def test_numbers_takes_any_array() -> None:
    assert numbers(np.float16([1, 2]), "point").dtype == np.float64
    with pytest.raises(PromptError, match="must be numbers"):
        numbers(np.array([1j]), "point")


def test_plain_and_tuple() -> None:
    assert plain((1.0, (2.5, 3), True)) == [1, [2.5, 3], True]
    assert as_tuple(None) == ()
    assert as_tuple(3) == (3,)
    assert as_tuple((3, 4)) == (3, 4)
