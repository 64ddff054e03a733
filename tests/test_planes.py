"""Tests of planes of images with any number of axes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_samara.errors import ImageError
from napari_samara.planes import Plane


def test_plane_of_a_2d_image() -> None:
    plane = Plane.of(2)
    assert plane == Plane()
    assert (plane.axis, plane.index, plane.rest) == (None, None, ())
    image = np.arange(6).reshape(2, 3)
    assert np.shares_memory(plane.extract(image), image)
    np.testing.assert_array_equal(Plane.of(2, (1, 0)).extract(image), image.T)
    assert plane.neighbours((2, 3)) == ()


def test_axis_index_and_rest() -> None:
    plane = Plane.of(4, fixed={0: 7, 1: 2})
    assert (plane.axis, plane.index, plane.rest) == (1, 2, ((0, 7),))
    assert plane.ndim == 4
    assert not plane.transposed
    assert Plane.of(3, (2, 0), {1: 0}).transposed


@pytest.mark.parametrize(
    ("index", "step", "wanted"),
    [(0, 1, [1]), (1, 1, [0, 2]), (2, 1, [1]), (1, 2, []), (0, 2, [2]), (1, 0, [])],
)
def test_neighbours_are_those_that_exist(index: int, step: int, wanted: list[int]) -> None:
    found = Plane.of(3, fixed={0: index}).neighbours((3, 4, 5), step=step)
    assert [plane.index for plane in found] == wanted


def test_neighbours_along_another_axis() -> None:
    plane = Plane.of(4, (3, 2), {0: 1, 1: 2})
    found = plane.neighbours((3, 4, 5, 6), axis=0)
    assert found == (Plane.of(4, (3, 2), {0: 0, 1: 2}), Plane.of(4, (3, 2), {0: 2, 1: 2}))
    assert plane.at(0) == Plane.of(4, (3, 2), {0: 1, 1: 0})


@pytest.mark.parametrize(
    ("ndim", "displayed", "fixed"),
    [
        (1, None, None),
        (3, None, None),
        (3, None, {0: 1, 1: 2}),
        (3, (1, 2), None),
        (3, (1, 1), {0: 1}),
        (3, (0, 1), {0: 1}),
        (3, (1, 2), {3: 1}),
        (3, (1, 3), {0: 1}),
        (3, (0, 1, 2), None),
        (3, None, {0: -1}),
        (3, None, {0: 1, -3: 1}),
        (2, (0, 1), {0: 1}),
    ],
)
def test_axes_that_do_not_make_a_plane(ndim: int, displayed: tuple | None, fixed: dict) -> None:
    with pytest.raises(ImageError):
        Plane.of(ndim, displayed, fixed)


def test_at_refuses_an_axis_that_is_shown() -> None:
    with pytest.raises(ImageError, match="axis 2 is not fixed"):
        Plane.of(3, fixed={0: 2}).at(1, axis=2)
    with pytest.raises(ImageError, match="not fixed"):
        Plane.of(2).at(1)


@pytest.mark.parametrize(
    "plane", [Plane(), Plane.of(3, (2, 1), {0: 5}), Plane.of(5, (4, 1), {0: 1, 2: 3, 3: 0})]
)
def test_round_trip_and_hash(plane: Plane) -> None:
    again = Plane.from_dict(json.loads(json.dumps(plane.to_dict())))
    assert again == plane
    assert {plane: 1}[again] == 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"displayed": [0, 1]},
        {"displayed": [0], "fixed": {}},
        {"displayed": [0.5, 1], "fixed": {}},
        {"displayed": [0, 1], "fixed": {"z": 1}},
        {"displayed": [0, 1], "fixed": [1]},
        {"displayed": [0, 2], "fixed": {}},
    ],
)
def test_bad_plain_form_is_refused(data: dict) -> None:
    with pytest.raises(ImageError):
        Plane.from_dict(data)
