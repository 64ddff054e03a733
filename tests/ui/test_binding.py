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
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.levels import comfortable_level, level_by_zoom
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


TWO = {"scale": (2.0, 0.5), "translate": (7, -3)}
UNFIT: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("shape", {}, {"data": np.zeros((4, 6))}, r"'one' and 'two'.*\(4, 5\) and \(4, 6\) differ"),
    ("scale", {}, {"scale": (2, 2)}, r"differ in scale \(\[1.0, 1.0\] and \[2.0, 2.0\]\)"),
    ("translate", TWO, {**TWO, "translate": (7, 0)}, r"differ in translate \(\[7"),
    ("affine", {}, {"affine": AFFINE}, "differ in affine"),
    ("rgb", {}, {"data": np.zeros((4, 5, 3)), "rgb": True}, "'two' is an RGB image"),
]


def image(name: str, data: Any = None, **kwargs: Any) -> Image:
    return Image(np.zeros((4, 5)) if data is None else data, name=name, **kwargs)


@pytest.mark.parametrize("case", UNFIT, ids=[case[0] for case in UNFIT])
def test_channels_must_lie_on_each_other(case: Any) -> None:
    _, one, two, message = case
    with pytest.raises(ImageError, match=message):
        ImageBinding.of([image("one", **one), image("two", **two)])


def test_too_many_channels_or_one_twice() -> None:
    layers = [image(name) for name in "abcd"]
    with pytest.raises(ImageError, match=r"up to 3 layers.*got 4"):
        ImageBinding.of(layers)
    with pytest.raises(ImageError, match="'b' is chosen for two channels"):
        ImageBinding.of([layers[0], layers[1], layers[1]])
    with pytest.raises(ImageError, match="an image layer is needed"):
        ImageBinding.of([])


def test_the_same_place_said_in_another_way_is_the_same_place() -> None:
    affine = np.diag([2.0, 0.5, 1.0])
    both = ImageBinding.of([image("one", scale=(2.0, 0.5)), image("two", affine=affine)])
    assert both.shape == (4, 5)


def test_the_same_place_in_other_units() -> None:
    pytest.importorskip("pint")
    one = image("one", scale=(2, 2), units=("micrometer", "micrometer"))
    assert ImageBinding.of([one, image("two", scale=(2000, 2000), units=("nm", "nm"))]).rgb
    with pytest.raises(ImageError, match="units"):
        ImageBinding.of([one, image("two", scale=(2, 2), units=("nm", "nm"))])


@pytest.mark.parametrize("count", [2, 3])
def test_channels_are_the_last_axis(count: int) -> None:
    arrays = [np.full((4, 5, 6), number, np.uint16) for number in range(count)]
    binding = ImageBinding.of([image(str(n), array) for n, array in enumerate(arrays)])
    assert (binding.rgb, binding.ndim, binding.shape) == (True, 3, (4, 5, 6))
    assert np.array_equal(binding.data, np.stack(arrays, axis=-1))
    plane = Plane.of(3, fixed={0: 2})
    assert np.array_equal(plane.extract(binding.data, rgb=True), np.stack(arrays, -1)[2])


def test_level_by_zoom() -> None:
    full = np.zeros((640, 800), np.uint8)
    viewer, layer = viewer_with([full[::f, ::f] for f in (1, 2, 4, 8)], scale=(3, 3))
    found = [level_by_zoom(layer, viewer.dims, zoom / 3) for zoom in (4, 1, 0.6, 0.5, 0.25, 0.01)]
    assert found == [0, 0, 0, 1, 2, 3]
    assert level_by_zoom(image("one"), viewer.dims, 0.01) == 0


def test_level_by_zoom_counts_the_axes_that_are_shown() -> None:
    full = np.zeros((8, 64, 64), np.uint8)
    viewer, layer = viewer_with([full, full[:, ::2, ::2]], scale=(50, 1, 1))
    assert level_by_zoom(layer, viewer.dims, 0.5) == 1
    viewer.dims.order = (1, 0, 2)
    assert level_by_zoom(layer, viewer.dims, 0.5) == 0  # slices are coarser than the screen
