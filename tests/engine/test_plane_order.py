"""Which plane comes next, and which planes a volume has."""

from __future__ import annotations

import pytest

from napari_samara.engine.plane_order import PlaneOrder, planes_of
from napari_samara.errors import ImageError
from napari_samara.planes import Plane

SHAPE = (9, 4, 5)


def taken(order: PlaneOrder, count: int = 100) -> list[int]:
    """Index of the next planes on the axis they are scrolled along."""
    found = []
    while len(found) < count and (plane := order.take()) is not None:
        found.append(plane.fixed[-1][1])
    return found


def test_in_order_while_nothing_is_looked_at() -> None:
    order = PlaneOrder(planes_of(SHAPE))
    assert len(order) == 9
    assert taken(order) == list(range(9))
    assert len(order) == 0
    assert order.take() is None


def test_the_nearest_first() -> None:
    planes = planes_of(SHAPE)
    order = PlaneOrder(planes)
    order.focus(planes[4])
    assert taken(order) == [4, 3, 5, 2, 6, 1, 7, 0, 8]


@pytest.mark.parametrize(
    ("before", "here", "expected"),
    [(3, 4, [4, 5, 6, 3, 7, 8, 2, 1, 0]), (5, 4, [4, 3, 2, 5, 1, 0, 6, 7, 8])],
)
def test_then_in_the_scroll_direction(before: int, here: int, expected: list[int]) -> None:
    planes = planes_of(SHAPE)
    order = PlaneOrder(planes)
    order.focus(planes[before])
    order.focus(planes[here])
    assert taken(order) == expected


def test_looking_elsewhere_while_it_goes_on() -> None:
    planes = planes_of(SHAPE)
    order = PlaneOrder(planes)
    order.focus(planes[0])
    assert taken(order, 3) == [0, 1, 2]
    order.focus(planes[8])
    order.focus(planes[8])  # looked at again: the direction stays
    assert taken(order, 2) == [8, 7]
    order.focus(planes[5])
    assert taken(order) == [5, 4, 3, 6]


def test_planes_of_the_axes_shown_come_first() -> None:
    planes = planes_of(SHAPE, (0, 1, 2))
    order = PlaneOrder(planes)
    order.focus(planes[2])
    order.focus(planes[9 + 1])  # now y = 1 is looked at
    found = []
    while (plane := order.take()) is not None:
        found.append((plane.axis, plane.index))
    assert found[:4] == [(1, 1), (1, 0), (1, 2), (1, 3)]
    assert found[4:7] == [(0, 2), (0, 1), (0, 3)]  # around the last one looked at
    assert found[13:] == [(2, 0), (2, 1), (2, 2), (2, 3), (2, 4)]


def test_looking_at_a_plane_that_does_not_wait() -> None:
    planes = planes_of(SHAPE)
    order = PlaneOrder(planes[6:])
    order.focus(planes[0])
    assert planes[0] not in order
    assert planes[6] in order
    assert taken(order) == [6, 7, 8]


@pytest.mark.parametrize(
    ("shape", "axes", "fixed", "expected"),
    [
        ((6, 7), (0,), None, [Plane()]),
        ((2, 6, 7), (0,), None, [Plane.of(3, fixed={0: i}) for i in (0, 1)]),
        ((6, 2, 7), (-2,), None, [Plane.of(3, (0, 2), {1: i}) for i in (0, 1)]),
        ((5, 2, 6, 7), (1,), None, [Plane.of(4, fixed={0: 0, 1: i}) for i in (0, 1)]),
        ((5, 2, 6, 7), (1,), {0: 3}, [Plane.of(4, fixed={0: 3, 1: i}) for i in (0, 1)]),
        ((2, 5, 6, 7), (0,), None, [Plane.of(4, fixed={0: i, 1: 0}) for i in (0, 1)]),
        ((2, 5, 6, 7), (0,), {1: 4}, [Plane.of(4, fixed={0: i, 1: 4}) for i in (0, 1)]),
        ((3, 4, 1, 6, 7), (2,), {0: 2, 1: 3}, [Plane.of(5, fixed={0: 2, 1: 3, 2: 0})]),
        ((0, 6, 7), (0,), None, []),
    ],
)
def test_planes_of_a_volume(
    shape: tuple[int, ...], axes: tuple[int, ...], fixed: dict[int, int], expected: list[Plane]
) -> None:
    assert planes_of(shape, axes, fixed) == expected


@pytest.mark.parametrize(
    ("axes", "fixed", "message"),
    [
        ((), None, "different axes"),
        ((0, 0), None, "different axes"),
        ((0, -3), None, "different axes"),
        ((3,), None, "axis 3"),
        ((0,), {0: 1}, "different axes"),
        ((0,), {1: 1}, "three axes"),
    ],
)
def test_axes_that_do_not_fit(
    axes: tuple[int, ...], fixed: dict[int, int] | None, message: str
) -> None:
    with pytest.raises(ImageError, match=message):
        planes_of(SHAPE, axes, fixed)


def test_a_fixed_index_outside_the_image() -> None:
    with pytest.raises(ImageError, match="index 9 lies outside axis 0"):
        planes_of((2, 3, 4, 5), (1,), {0: 9})
