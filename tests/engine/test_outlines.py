"""Objects cut to their boxes."""

from __future__ import annotations

import numpy as np

from napari_samara.engine.outlines import Outline, Outlines, outlines_of


def square(row: int, col: int, side: int = 10) -> Outline:
    return Outline((row, col, row + side, col + side), np.ones((side, side), bool))


def test_in_a_crop() -> None:
    one = square(5, 8)
    found = one.within((0, 10, 12, 30))
    assert found.shape == (12, 20)
    assert found[5:12, :8].all()
    assert found.sum() == 7 * 8
    assert not one.within((100, 100, 110, 110)).any()
    assert one.longest == 10


def test_what_two_share() -> None:
    assert square(0, 0).shared(square(0, 5)) == 0.5
    assert square(0, 0).shared(square(0, 10)) == 0
    assert square(0, 0, 4).shared(square(0, 0, 10)) == 1
    holed = Outline((0, 0, 10, 10), np.eye(10, dtype=bool))
    assert holed.shared(square(0, 0)) == 1
    assert square(0, 0).shared(Outline((0, 0, 10, 10), np.eye(10, dtype=bool)[::-1])) == 1


def test_of_labels() -> None:
    labels = np.zeros((40, 50), np.int32)
    labels[2:6, 3:9] = 7
    labels[20:30, 30:31] = 90000
    found = outlines_of(labels)
    assert [one.box for one in found] == [(2, 3, 6, 9), (20, 30, 30, 31)]
    assert [int(one.inside.sum()) for one in found] == [24, 10]
    assert [one.box for one in outlines_of(labels, [90000, 5])] == [(20, 30, 30, 31)]
    assert outlines_of(np.zeros((4, 4), int)) == []


def test_near() -> None:
    held = Outlines()
    far, near = square(500, 500), square(60, 60)
    held.add(far)
    held.add(near)
    assert set(held.near(square(66, 66))) == {near}
    assert not list(held.near(square(300, 300)))
