"""What putting labels in order changes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.planes import Plane
from napari_samara.session.label_order import Ordered


def volume() -> np.ndarray:
    """Three slices with objects 1, 2 and 5."""
    labels = np.zeros((3, 8, 9), np.int32)
    labels[0, 1:4, 1:4] = 1
    labels[1, 1:4, 1:4] = 2
    labels[2, 5:8, 2:7] = 5
    return labels


def test_only_planes_that_differ_are_rewritten() -> None:
    before = volume()
    after = before.copy()
    after[1][after[1] == 2] = 0
    after[2, 0, 0] = 7
    found = Ordered.of(before, after, Plane.of(3, fixed={0: 1}), everywhere=True)
    assert [dict(plane.fixed)[0] for plane, _, _ in found.changed] == [1, 2]
    assert all(np.array_equal(old, plane.extract(before)) for plane, old, _ in found.changed)
    assert all(np.array_equal(now, plane.extract(after)) for plane, _, now in found.changed)
    assert (found.gone, found.new) == ((2,), (7,))
    assert found.renamed == ((0, 0), (0, 7), (1, 1), (2, 0), (5, 5))


def test_planes_across_another_axis_and_transposed() -> None:
    before = volume()
    after = np.where(before == 5, 3, before)
    found = Ordered.of(before, after, Plane.of(3, (2, 0), {1: 4}), everywhere=True)
    assert [dict(plane.fixed)[1] for plane, _, _ in found.changed] == [5, 6, 7]
    assert found.changed[0][2].shape == (9, 3)
    assert (found.gone, found.new) == ((5,), (3,))


def test_one_plane() -> None:
    plane = Plane.of(3, fixed={0: 2})
    before = volume()[2]
    found = Ordered.of(before, np.zeros_like(before), plane)
    assert [one for one, _, _ in found.changed] == [plane]
    assert found.gone == (5,)
    assert Ordered.of(before, before.copy(), plane).changed == ()


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (5, 1)])
def test_planes_of_hardly_a_pixel(shape: tuple[int, int]) -> None:
    labels = np.ones(shape, np.uint8)
    found = Ordered.of(labels, labels * 3, Plane.of(2))
    assert found.renamed == (((1, 3),) if labels.size else ())


def test_pairs_are_those_of_every_pixel() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 4, (2, 30, 20))
    found = Ordered.of(before, after, Plane.of(2))
    assert set(found.renamed) == set(
        zip(before.ravel().tolist(), after.ravel().tolist(), strict=True)
    )
