"""Prompts that went to a layer and came back are known again, thousands of them too."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari_samara.prompts import box, mask, point, polygon, scribble
from napari_samara.ui import drawn
from napari_samara.ui.drawn import pairs, without

KINDS = [
    point(3, 4),
    point(3, 4, positive=False),
    point(1, 3, 4),
    box(1, 2, 8, 9),
    scribble([(1, 1), (5, 5)]),
    polygon([(1, 1), (5, 5), (1, 6)]),
]


@pytest.mark.parametrize("shift", [0, 1e-9, 9e-4])
def test_each_has_one_partner(shift: float) -> None:
    moved = [
        point(3 + shift, 4 - shift),
        point(3 + shift, 4, positive=False),
        point(1, 3, 4 + shift),
        box(1, 2 - shift, 8, 9 + shift),
        scribble([(1, 1 + shift), (5, 5)]),
        polygon([(1, 1), (5 - shift, 5), (1, 6)]),
    ]
    order = [4, 2, 0, 5, 1, 3]
    assert pairs(KINDS, [moved[at] for at in order]) == {at: order.index(at) for at in range(6)}
    assert without(KINDS, moved[:2]) == KINDS[2:]


def test_masks_and_what_lies_elsewhere_have_none() -> None:
    one = mask(np.eye(9, dtype=bool))
    assert pairs([one, point(1, 1)], [point(1.1, 1), mask(np.ones((9, 9), bool))]) == {}
    assert pairs([one], [one]) == {0: 0}


def test_equal_ones_are_counted() -> None:
    assert without([point(1, 1)] * 3, [point(1, 1)] * 2) == [point(1, 1)]


def test_two_on_the_edge_of_a_step() -> None:
    edge = 0.1 * (7 - 1 / 3)
    assert pairs([point(edge, 1)], [point(edge - 5e-4, 1)]) == {0: 0}


def test_many_are_not_compared_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    inner = drawn.same
    monkeypatch.setattr(drawn, "same", lambda *both: (asked.append(1), inner(*both))[1])
    rng = np.random.default_rng(0)
    at = rng.uniform(0, 2000, (2000, 2))
    moved = [point(*place) for place in at + 1e-9]
    found = pairs([point(*place) for place in at], moved[::-1])
    assert len(found) == 2000
    assert len(asked) < 3000
