"""Planes and coordinates of image layers, against arithmetic without a viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.components import Dims, ViewerModel
from napari.layers import Image, Points

from napari_samara.errors import ImageError
from napari_samara.planes import Plane
from napari_samara.ui.binding import ImageBinding, comfortable_level
from napari_samara.ui.transforms import matrix_of, unit_factors

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
AFFINE = np.array([[1.5, 0.2, 3.0], [-0.1, 0.8, -2.0], [0.0, 0.0, 1.0]])

# Homogeneous matrix of each placement, worked out by hand.
PLACEMENTS: dict[str, tuple[dict[str, Any], np.ndarray]] = {
    "none": ({}, np.eye(3)),
    "scale": ({"scale": (2.0, 0.5)}, np.diag([2.0, 0.5, 1.0])),
    "translate": ({"translate": (7, -3)}, np.array([[1, 0, 7], [0, 1, -3], [0, 0, 1.0]])),
    "rotate": ({"rotate": TURN}, np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])),
    "shear": ({"shear": [0.25]}, np.array([[1, 0.25, 0], [0, 1, 0], [0, 0, 1.0]])),
    "affine": ({"affine": AFFINE}, AFFINE),
    "all": (
        {
            "scale": (2.0, 0.5),
            "translate": (7, -3),
            "rotate": TURN,
            "shear": [0.25],
            "affine": AFFINE,
        },
        AFFINE
        @ np.array([[1, 0, 7], [0, 1, -3], [0, 0, 1.0]])
        @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
        @ np.array([[1, 0.25, 0], [0, 1, 0], [0, 0, 1.0]])
        @ np.diag([2.0, 0.5, 1.0]),
    ),
}


def viewer_with(data: Any, **kwargs: Any) -> tuple[ViewerModel, Image]:
    viewer = ViewerModel()
    return viewer, viewer.add_image(data, **kwargs)


@pytest.mark.parametrize("name", PLACEMENTS)
def test_matrix_is_the_whole_transform(name: str) -> None:
    placement, expected = PLACEMENTS[name]
    assert np.allclose(matrix_of(Image(np.zeros((4, 5)), **placement)), expected)


@pytest.mark.parametrize("image", PLACEMENTS)
@pytest.mark.parametrize("prompts", PLACEMENTS)
def test_points_reach_the_image_through_both_transforms(image: str, prompts: str) -> None:
    given, to_world = PLACEMENTS[prompts]
    placement, of_image = PLACEMENTS[image]
    viewer, layer = viewer_with(np.zeros((30, 40)), **placement)
    points = Points(np.array([[3.0, 4.0], [10.5, 2.25]]), **given)
    binding = ImageBinding(layer)
    found = binding.from_layer(points, points.data, viewer.dims)
    homogeneous = np.c_[points.data, np.ones(2)].T
    assert np.allclose(found, (np.linalg.inv(of_image) @ to_world @ homogeneous)[:2].T)
    assert np.allclose(binding.to_layer(points, found, viewer.dims), points.data)


ROLLED = [
    # order of the viewer, axis that is fixed
    ((0, 1, 2), 0),
    ((1, 0, 2), 1),
    ((2, 0, 1), 2),
    ((0, 2, 1), 0),  # transposed
    ((1, 2, 0), 1),
    ((2, 1, 0), 2),
]


@pytest.mark.parametrize(("order", "axis"), ROLLED)
@pytest.mark.parametrize("scale", [(1, 1, 1), (5, 1, 1), (5, 0.5, 2)])
def test_plane_of_a_stack(order: tuple[int, ...], axis: int, scale: tuple[float, ...]) -> None:
    volume = np.arange(6 * 7 * 8).reshape(6, 7, 8)
    viewer, layer = viewer_with(volume, scale=scale, translate=(10, 20, 30))
    viewer.dims.order = order
    index = 4
    viewer.dims.set_point(axis, (10, 20, 30)[axis] + index * scale[axis])
    plane = ImageBinding(layer).plane(viewer.dims)
    assert plane == Plane.of(3, fixed={axis: index})
    shown = np.asarray(layer._slice.image.raw)  # what napari draws
    pixels = plane.extract(volume)
    assert np.array_equal(pixels.T if order[-2] > order[-1] else pixels, shown)


@pytest.mark.parametrize(("at", "index"), [(2.4, 2), (2.5, 2), (2.6, 3), (3.5, 4), (0.0, 0)])
def test_halves_go_to_the_even_slice_as_napari_draws_it(at: float, index: int) -> None:
    # Shifted by a fraction: the sliders of the viewer stop at whole steps of its layers.
    viewer, layer = viewer_with(
        np.arange(6)[:, None, None] * np.ones((1, 4, 4)), translate=(-at, 0, 0)
    )
    viewer.dims.set_range(0, (-at, 5 - at, 0.1))
    viewer.dims.set_point(0, 0)
    found = ImageBinding(layer).plane(viewer.dims)
    assert found == Plane.of(3, fixed={0: index})
    assert layer._slice.image.raw.flat[0] == index


def test_no_plane_where_the_sliders_leave_the_image() -> None:
    viewer, layer = viewer_with(np.zeros((3, 8, 8)))
    viewer.add_image(np.zeros((9, 8, 8)))
    viewer.dims.set_point(0, 8)
    assert ImageBinding(layer).plane(viewer.dims) is None


def test_plane_of_an_image_with_fewer_axes_than_the_viewer() -> None:
    viewer, layer = viewer_with(np.zeros((8, 9)))
    viewer.add_image(np.zeros((5, 8, 9)))
    viewer.dims.set_point(0, 3)
    assert ImageBinding(layer).plane(viewer.dims) == Plane.of(2)


def test_time_and_channel_axes() -> None:
    viewer, layer = viewer_with(np.zeros((2, 3, 4, 16, 17)))
    viewer.dims.set_point([0, 1, 2], [1, 2, 3])
    assert ImageBinding(layer).plane(viewer.dims) == Plane.of(5, fixed={0: 1, 1: 2, 2: 3})


def test_flat_points_over_a_stack_lie_in_the_slice_that_is_shown() -> None:
    viewer, layer = viewer_with(np.zeros((5, 8, 9)), scale=(4, 1, 1))
    viewer.dims.set_point(0, 12)
    points = viewer.add_points(np.array([[2.0, 3.0]]))
    binding = ImageBinding(layer)
    assert np.allclose(binding.from_layer(points, points.data, viewer.dims), [[3, 2, 3]])
    assert np.allclose(binding.to_layer(points, [[3, 2, 3]], viewer.dims), [[2, 3]])


def test_rgb_channels_are_no_axis() -> None:
    viewer, layer = viewer_with(np.zeros((8, 9, 3), np.uint8), rgb=True)
    binding = ImageBinding(layer)
    assert (binding.shape, binding.rgb) == ((8, 9), True)
    assert binding.plane(viewer.dims) == Plane.of(2)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_levels(level: int) -> None:
    full = np.arange(64 * 80, dtype=np.uint16).reshape(64, 80)
    pyramid = [full, full[::2, ::2], full[::4, ::4]]
    viewer, layer = viewer_with(pyramid, multiscale=True, scale=(3, 3), translate=(5, 0))
    binding = ImageBinding(layer, level)
    factor = 2**level
    assert binding.shape == (64 // factor, 80 // factor)
    points = viewer.add_points(np.array([[8.0, 16.0]]), scale=(3, 3), translate=(5, 0))
    at = binding.from_layer(points, points.data, viewer.dims)
    assert np.allclose(at, [[8 / factor, 16 / factor]])
    row, col = at[0].astype(int)
    assert binding.data[row, col] == full[8, 16]


@pytest.mark.parametrize("name", PLACEMENTS)
@pytest.mark.parametrize("offset", [None, (4.0, 6.0)])
def test_new_layers_lie_where_the_image_lies(name: str, offset: Any) -> None:
    placement, _ = PLACEMENTS[name]
    viewer, layer = viewer_with(np.zeros((30, 40)), **placement)
    binding = ImageBinding(layer)
    made = Points(ndim=2, **binding.placement(offset))
    at = binding.from_layer(made, [[1.0, 2.0]], viewer.dims)
    assert np.allclose(at, np.add([[1.0, 2.0]], offset or (0, 0)))


def test_level_that_is_comfortable() -> None:
    broad = [np.zeros((10, 9000), bool), np.zeros((5, 4500), bool), np.zeros((3, 2250), bool)]
    assert comfortable_level(Image(broad, multiscale=True)) == 2
    assert comfortable_level(Image(np.zeros((3, 3)))) == 0


def test_units_are_converted() -> None:
    viewer, layer = viewer_with(np.zeros((30, 40)), scale=(2, 2), units=("um", "um"))
    points = Points(np.array([[0.01, 0.02]]), units=("mm", "mm"))
    at = ImageBinding(layer).from_layer(points, points.data, viewer.dims)
    assert np.allclose(at, [[5.0, 10.0]])


def test_units_that_cannot_be_converted_count_alike() -> None:
    pixels, lengths = Points(ndim=2).units, Points(ndim=2, units=("um", "um")).units
    assert unit_factors(pixels, lengths).tolist() == [1.0, 1.0]
    assert unit_factors(None, lengths).size == 0


def test_a_level_that_is_not_there() -> None:
    with pytest.raises(ImageError, match="1 levels, there is no 1"):
        ImageBinding(Image(np.zeros((4, 4))), 1)


def test_dims_alone_are_enough() -> None:
    dims = Dims(ndim=2, ndisplay=2)
    assert ImageBinding(Image(np.zeros((4, 4)))).plane(dims) == Plane.of(2)
