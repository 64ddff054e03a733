"""What is on the screen, in pixels of the plane that is annotated."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_samara.planes import Plane
from napari_samara.ui.seen import seen_part


def bound(corners: Any, shape: tuple[int, ...], **options: Any) -> Any:
    """A binding as far as it is asked."""
    layer = SimpleNamespace(corner_pixels=np.array(corners), multiscale=False, **options)
    layer.multiscale = hasattr(layer, "data_level")
    factors = options.pop("factors", np.ones(len(shape)))
    return SimpleNamespace(layer=layer, ndim=len(shape), shape=shape, factors=np.asarray(factors))


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ([[10, 20], [49, 79]], (10, 20, 50, 80)),
        ([[-5, 20], [400, 79]], (0, 20, 100, 80)),
        ([[300, 20], [400, 79]], None),
        ([[10, 20], [9, 19]], None),
    ],
)
def test_part_of_a_plane(corners: Any, expected: Any) -> None:
    assert seen_part(bound(corners, (100, 200)), Plane.of(2)) == expected


def test_axes_of_a_stack_that_is_turned() -> None:
    binding = bound([[3, 10, 20], [3, 49, 79]], (5, 100, 200))
    assert seen_part(binding, Plane.of(3, fixed={0: 3})) == (10, 20, 50, 80)
    assert seen_part(binding, Plane.of(3, (2, 1), {0: 3})) == (20, 10, 80, 50)


def test_a_pyramid_is_seen_at_another_level_than_it_is_annotated() -> None:
    levels = np.array([[1, 1], [2, 2], [4, 4]])
    binding = bound(
        [[5, 10], [24, 39]], (200, 400), data_level=2, downsample_factors=levels, factors=levels[1]
    )
    found = seen_part(binding, Plane.of(2))
    assert found == (10, 20, 49, 79)
