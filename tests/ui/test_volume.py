"""Which slices make up the volume that is shown."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_samara.errors import ImageError
from napari_samara.planes import Plane
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.volume import Volume, axis_name, spacing_of


def test_the_last_hidden_axis_unless_another_is_asked_for() -> None:
    plane = Plane.of(4, fixed={0: 1, 1: 4})
    volume = Volume.of((3, 7, 20, 30), plane)
    assert (volume.along, volume.count, volume.index, volume.hidden) == (1, 7, 4, (0, 1))
    assert volume.slices == tuple(Plane.of(4, fixed={0: 1, 1: z}) for z in range(7))
    through_time = Volume.of((3, 7, 20, 30), plane, 0)
    assert (through_time.count, through_time.index) == (3, 1)
    assert Volume.of((3, 7, 20, 30), plane, 2).along == 1  # that one is shown


def test_three_ways_leave_the_other_axes_where_they_are() -> None:
    volume = Volume.of((3, 7, 20, 30), Plane.of(4, fixed={0: 1, 1: 4}))
    planes = volume.three_ways
    assert planes[:7] == volume.slices
    assert len(set(planes)) == 7 + 20 + 30
    assert {dict(plane.fixed).get(0) for plane in planes} == {1}
    rolled = Volume.of((7, 20, 30), Plane.of(3, fixed={1: 5}))
    assert rolled.three_ways[:20] == rolled.slices
    assert len(rolled.three_ways) == 57


def test_index_of() -> None:
    volume = Volume.of((3, 7, 20, 30), Plane.of(4, fixed={0: 1, 1: 4}))
    assert volume.index_of(Plane.of(4, fixed={0: 1, 1: 6})) == 6
    assert volume.index_of(Plane.of(4, fixed={0: 2, 1: 6})) is None
    assert volume.index_of(Plane.of(4, fixed={0: 1, 2: 6})) is None


def test_a_2d_image_has_none() -> None:
    with pytest.raises(ImageError, match="no slices"):
        Volume.of((20, 30), Plane())


def test_names_and_spacing_come_from_the_layer() -> None:
    data = np.zeros((4, 5, 6), np.uint8)
    plain = ImageBinding.of(Image(data))
    named = ImageBinding.of(
        Image(data, scale=(2, 0.5, -0.5), axis_labels=("z", "y", "x"), rotate=(0, 0, 0))
    )
    assert [axis_name(plain, axis) for axis in range(3)] == ["axis 0", "axis 1", "axis 2"]
    assert [axis_name(named, axis) for axis in range(3)] == ["z", "y", "x"]
    assert spacing_of(named) == pytest.approx((2, 0.5, 0.5))
