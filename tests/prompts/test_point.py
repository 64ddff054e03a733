"""Tests of point prompts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_samara.errors import FileFormatError, PromptError
from napari_samara.planes import Plane
from napari_samara.prompts import Point, Prompt, point


@pytest.mark.parametrize(
    ("made", "fixed", "rc"),
    [
        (point(3, 4), {}, (3, 4)),
        (point(5, 3, 4), {0: 5}, (3, 4)),
        (point(5, 3, 4, axis=1), {1: 3}, (5, 4)),
        (point(5, 3, 4, axis=2), {2: 4}, (5, 3)),
        (point(2, 5, 3, 4), {0: 2, 1: 5}, (3, 4)),
        (point(2, 5, 3, 4, axis=(0, 2)), {0: 2, 2: 3}, (5, 4)),
        (point(4.5, 3.25, 4), {0: 5}, (3.25, 4)),
        (point(np.float32(1), np.int64(2)), {}, (1, 2)),
    ],
)
def test_plane_and_place(made: Point, fixed: dict, rc: tuple[float, float]) -> None:
    assert made.fixed == fixed
    assert made.rc == rc


def test_inputs() -> None:
    inputs = point(7, 3, 4, positive=False).inputs((10, 20))
    assert inputs.points.tolist() == [[3, 4]]
    assert inputs.points.dtype == np.float32
    assert inputs.positive.tolist() == [False]
    assert inputs.box is None
    assert inputs.mask is None


@pytest.mark.parametrize("at", [(-0.5, 0), (9.5, 19.5), (0, 0), (9, 19)])
def test_the_border_pixels_belong_to_the_image(at: tuple[float, float]) -> None:
    assert len(point(*at).inputs((10, 20)).points) == 1


@pytest.mark.parametrize("at", [(-1, 0), (10, 0), (0, 20), (0, -0.6), (1e9, 1e9)])
def test_a_point_outside_is_refused(at: tuple[float, float]) -> None:
    with pytest.raises(PromptError, match=r"point \(.*outside the plane of shape \(10, 20\)"):
        point(*at).inputs((10, 20))


@pytest.mark.parametrize(
    "make",
    [
        lambda: point(),
        lambda: point(1),
        lambda: point(1, math.nan),
        lambda: point(math.inf, 2),
        lambda: point("a", 2),
        lambda: point((1, 2)),
        lambda: point(1, 2, axis=0),
        lambda: point(1, 2, 3, axis=3),
        lambda: point(1, 2, 3, axis=-1),
        lambda: point(1, 2, 3, 4, axis=0),
        lambda: point(1, 2, 3, 4, axis=(0, 0)),
        lambda: point(1, 2, positive="no"),
        lambda: point(None, 2),
    ],
)
def test_bad_points(make) -> None:
    with pytest.raises(PromptError):
        make()


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (point(3, 4), {"kind": "point", "at": [3, 4], "positive": True}),
        (point(5, 3.5, 4, positive=False), {"kind": "point", "at": [5, 3.5, 4], "positive": False}),
        (point(5, 3, 4, axis=2), {"kind": "point", "at": [5, 3, 4], "positive": True, "axis": 2}),
        (
            point(1, 5, 3, 4, axis=(0, 2)),
            {"kind": "point", "at": [1, 5, 3, 4], "positive": True, "axis": [0, 2]},
        ),
    ],
)
def test_plain_form(made: Point, data: dict) -> None:
    assert made.to_dict() == data
    assert Point.from_dict(data) == made
    assert hash(Prompt.from_dict(data)) == hash(made)


def test_plain_form_with_axis_and_index_is_understood() -> None:
    data = {"kind": "point", "axis": 1, "index": 5, "at": [3, 4]}
    assert Point.from_dict(data) == point(3, 5, 4, axis=1)
    assert Point.from_dict({"kind": "point", "index": 5, "at": [3, 4]}) == point(5, 3, 4)
    assert Point.from_dict({"kind": "point", "index": 5, "at": [5, 3, 4]}) == point(5, 3, 4)
    with pytest.raises(PromptError, match="does not lie at index 6"):
        Point.from_dict({"kind": "point", "index": 6, "at": [5, 3, 4]})


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "point"},
        {"kind": "point", "at": [1, 2], "positve": False},
        {"kind": "box", "corners": [0, 0, 1, 1]},
        {"kind": "star", "at": [1, 2]},
        {"kind": ["point"], "at": [1, 2]},
        {"at": [1, 2]},
    ],
)
def test_bad_plain_form(data: dict) -> None:
    with pytest.raises(FileFormatError):
        Point.from_dict(data)


@pytest.mark.parametrize("at", ["ab", None, 3, [[1, 2]], [1, float("nan")], [True, None]])
def test_bad_values_in_plain_form(at: object) -> None:
    with pytest.raises(PromptError):
        Point.from_dict({"kind": "point", "at": at})


def test_plane_of_an_image() -> None:
    assert point(5, 3, 4, axis=1).plane((9, 9, 9)) == Plane.of(3, fixed={1: 3})
    assert point(3, 4).plane((9, 9)) == Plane.of(2)
    with pytest.raises(PromptError, match=r"give point\(z, row, col\)"):
        point(3, 4).plane((9, 9, 9))
    with pytest.raises(PromptError, match="3D image"):
        point(1, 3, 4).plane((9, 9))
    for z in (9, -1):
        with pytest.raises(PromptError, match="outside the image of shape"):
            point(z, 3, 4).plane((9, 9, 9))


def test_repr_shows_what_differs_from_the_default() -> None:
    assert repr(point(3, 4)) == "Point(at=(3.0, 4.0))"
    assert repr(point(1, 3, 4, positive=False)) == (
        "Point(at=(1.0, 3.0, 4.0), positive=False, axis=0, index=1)"
    )
