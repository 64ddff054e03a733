"""Stacks, transforms, levels and RGB in the viewer give the labels of the headless session."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.components import ViewerModel
from tests.ui.conftest import DiskPredictor, disk
from tests.ui.test_binding import PLACEMENTS

from napari_samara.intensity import Contrast, to_rgb
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, box, point
from napari_samara.session import Session

SHAPE = (6, 40, 48)


@pytest.fixture
def viewer(qapp: Any) -> ViewerModel:
    return ViewerModel()


def headless(image: Any, prompts: list[Any], rgb: bool = False) -> np.ndarray:
    """Labels of the same prompts, given as data coordinates of the image."""
    session = Session(image, DiskPredictor(), rgb=rgb)
    for prompt in prompts:
        session.set_prompts(PromptSet([prompt]))
        session.plane = prompt.plane(session.labels.shape)
        session.accept()
    return session.labels


@pytest.mark.parametrize("image", PLACEMENTS)
@pytest.mark.parametrize("own", ["none", "scale", "all"])
def test_prompts_of_any_placement(viewer: ViewerModel, begin: Any, image: str, own: str) -> None:
    layer = viewer.add_image(np.zeros((40, 48), np.uint8), **PLACEMENTS[image][0])
    points = viewer.add_points(ndim=2, **PLACEMENTS[own][0])
    annotator = begin(viewer, layer, given=_given(points=points))
    for at in [(12.0, 15.0), (25.0, 30.0)]:
        points.add(annotator.binding.to_layer(points, [at], viewer.dims))
        annotator.accept()
    assert np.array_equal(
        annotator.labels.data, headless(layer.data, [point(12, 15), point(25, 30)])
    )
    assert np.allclose(annotator.labels.data_to_world((3, 4)), layer.data_to_world((3, 4)))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1), (2, 1, 0)])
@pytest.mark.parametrize("scale", [(1, 1, 1), (5, 1, 1)])
def test_each_axis_of_a_stack(viewer: ViewerModel, begin: Any, order: Any, scale: Any) -> None:
    volume = np.random.default_rng(1).integers(0, 255, SHAPE, np.uint8)
    layer = viewer.add_image(volume, scale=scale, translate=(2, 3, 4))
    viewer.dims.order = order
    axis = order[0]
    at = np.array([2.0, 14, 17])
    viewer.dims.set_point(axis, layer.data_to_world(at)[axis])
    annotator = begin(viewer, layer)
    annotator.points.add([at])
    preview = annotator.preview
    assert preview.data.shape[axis] == 1
    start = preview.data_to_world(np.zeros(3))
    corner = np.zeros(3)
    corner[axis] = at[axis]
    assert np.allclose(start, layer.data_to_world(corner))
    annotator.accept()
    truth = headless(volume, [point(*at, axis=axis)])
    assert np.array_equal(annotator.labels.data, truth)
    sides = tuple(side for place, side in enumerate(SHAPE) if place != axis)
    row, col = (at[place] for place in range(3) if place != axis)
    assert (truth > 0).sum() == disk(sides, row, col).sum()


def test_boxes_in_a_transposed_view(viewer: ViewerModel, begin: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    viewer.dims.order = (0, 2, 1)
    viewer.dims.set_point(0, 3)
    annotator = begin(viewer, layer)
    annotator.shapes.add(np.array([[3, 5, 10], [3, 5, 30], [3, 20, 30], [3, 20, 10]], float))
    annotator.accept()
    truth = headless(layer.data, [box(5, 10, 20, 30, axis=0, index=3)])
    assert np.array_equal(annotator.labels.data, truth)


def test_scrolling_keeps_prompts_with_their_plane(viewer: ViewerModel, begin: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    viewer.dims.set_point(0, 1)
    annotator = begin(viewer, layer)
    annotator.points.add([[1.0, 10, 10]])
    assert annotator.preview.data.any()
    viewer.dims.set_point(0, 4)
    assert not annotator.preview.data.any()
    assert annotator.session.plane == Plane.of(3, fixed={0: 4})
    annotator.points.add([[4.0, 20, 30]])
    assert len(annotator.session.prompts) == 2
    viewer.dims.set_point(0, 1)
    assert (annotator.preview.data[0] == disk(SHAPE[1:], 10, 10)).all()
    annotator.accept()  # one object in two slices
    assert (annotator.labels.data[1] == disk(SHAPE[1:], 10, 10)).all()
    assert (annotator.labels.data[4] == disk(SHAPE[1:], 20, 30)).all()
    assert len(annotator.points.data) == 0
    annotator.undo()
    assert len(annotator.points.data) == 2


def test_rgb(viewer: ViewerModel, begin: Any, disk_predictor: DiskPredictor) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (40, 48, 3), np.uint8)
    layer = viewer.add_image(picture, rgb=True)
    annotator = begin(viewer, layer)
    annotator.points.add([[12.0, 15.0]])
    annotator.accept()
    assert np.array_equal(annotator.labels.data, headless(picture, [point(12, 15)], rgb=True))
    assert np.array_equal(disk_predictor.encoded[0], picture)


def three(viewer: ViewerModel, count: int = 3) -> list[Any]:
    """Channel layers with limits that differ."""
    arrays = np.random.default_rng(1).integers(0, 999, (count, *SHAPE), np.uint16)
    return [
        viewer.add_image(array, name="rgb"[i], contrast_limits=(10 * i, 500 + 100 * i))
        for i, array in enumerate(arrays)
    ]


@pytest.mark.parametrize("count", [2, 3])
def test_channels_of_several_layers(
    viewer: ViewerModel, begin: Any, disk_predictor: DiskPredictor, count: int
) -> None:
    layers = three(viewer, count)
    viewer.dims.set_point(0, 2)
    annotator = begin(viewer, layers)
    annotator.points.add([[2.0, 12, 15]])
    annotator.accept()
    stacked = np.stack([layer.data for layer in layers], axis=-1)
    limits = tuple((10.0 * i, 500.0 + 100 * i) for i in range(count))
    seen = to_rgb(stacked[2], Contrast("limits", limits=limits))
    assert np.array_equal(disk_predictor.encoded[0], seen)
    truth = headless(stacked, [point(2, 12, 15)], rgb=True)
    assert np.array_equal(annotator.labels.data, truth)
    layers[1].contrast_limits = (0, 50)
    assert annotator.session.contrast.limits[1] == (0, 50)
    assert annotator.session.stale


def test_a_channel_that_is_renamed_or_removed(viewer: ViewerModel, begin: Any) -> None:
    layers = three(viewer)
    annotator = begin(viewer, layers)
    said: list[str] = []
    annotator.message.connect(said.append)
    layers[1].name = "actin"
    viewer.layers.remove(layers[1])
    assert said == ["The channel 'actin' was removed; annotating goes on with it."]
    viewer.dims.set_point(0, 3)
    annotator.points.add([[3.0, 12, 15]])
    annotator.accept()
    assert annotator.labels.data[3].any()
    layers[1].contrast_limits = (0, 9)  # nobody shows it, yet nothing breaks
    layers[0].contrast_limits = (0, 9)
    annotator.close()
    assert not layers[1].events.contrast_limits.callbacks


def test_an_embedding_belongs_to_all_channels(
    viewer: ViewerModel, begin: Any, disk_predictor: DiskPredictor
) -> None:
    layers = three(viewer, 2)
    keys = []
    for chosen in (layers, layers[::-1], layers[:1]):
        annotator = begin(viewer, chosen)
        keys.append(
            disk_predictor.key(annotator.session.encoder_input(), annotator.session.contrast)
        )
    assert len({key.pixels for key in keys}) == 3


@pytest.mark.parametrize("level", [0, 1])
def test_levels(viewer: ViewerModel, begin: Any, level: int) -> None:
    full = np.zeros((80, 96), np.uint8)
    layer = viewer.add_image([full, full[::2, ::2]], multiscale=True, scale=(3, 3))
    annotator = begin(viewer, layer, level=level)
    at = (12.0, 15.0)
    world = layer.data_to_world(np.array(at) * 2**level)
    annotator.points.add([annotator.points.world_to_data(world)])
    annotator.accept()
    assert np.array_equal(annotator.labels.data, headless(layer.data[level], [point(*at)]))
    assert np.allclose(annotator.labels.scale, 3 * 2**level)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_lazy_image_is_read_plane_by_plane(
    viewer: ViewerModel, begin: Any, channels: int
) -> None:
    dask = pytest.importorskip("dask.array")
    read: list[int] = []

    def block(block_info: Any = None) -> np.ndarray:
        read.append(block_info[None]["chunk-location"][0])
        return np.zeros((1, 40, 48), np.uint8)

    lazy = dask.map_blocks(block, chunks=((1,) * 6, (40,), (48,)), dtype=np.uint8)
    layers = [viewer.add_image(lazy, contrast_limits=(0, 255)) for _ in range(channels)]
    viewer.dims.set_point(0, 4)
    annotator = begin(viewer, layers)
    read.clear()
    annotator.points.add([[4.0, 12, 15]])
    annotator.accept()
    assert set(read) <= {4}
    assert (annotator.labels.data > 0).sum() == disk(SHAPE[1:], 12, 15).sum()


PYRAMIDS = {"nested": (1, 2, 4), "odd": (1, 3, 6)}


@pytest.mark.parametrize("factors", PYRAMIDS.values(), ids=PYRAMIDS)
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("lazy", [False, True])
def test_labels_of_a_level_lie_on_its_pixels(
    viewer: ViewerModel, begin: Any, factors: Any, level: int, lazy: bool
) -> None:
    full = np.random.default_rng(1).integers(0, 255, (5, 120, 144), np.uint8)
    levels: list[Any] = [full[:, ::factor, ::factor] for factor in factors]
    if lazy:
        dask = pytest.importorskip("dask.array")
        levels = [dask.from_array(array, chunks=(1, 60, 60)) for array in levels]
    layer = viewer.add_image(
        levels, multiscale=True, scale=(4, 0.5, 2), translate=(1, 7, -3), contrast_limits=(0, 255)
    )
    viewer.dims.set_point(0, 1 + 4 * 3)
    annotator = begin(viewer, layer, level=level)
    step = np.asarray(layer.downsample_factors[level])
    at = np.array([3.0, 8, 9])  # pixel of the level
    world = layer.data_to_world(at * step)
    annotator.points.add([annotator.points.world_to_data(world)])
    annotator.accept()
    pixels = np.asarray(levels[level])
    assert np.array_equal(annotator.labels.data, headless(pixels, [point(*at)]))
    for corner in [(0, 0, 0), tuple(at)]:
        expected = layer.data_to_world(np.array(corner) * step)
        assert np.allclose(annotator.labels.data_to_world(corner), expected)
        assert np.allclose(annotator.points.data_to_world(corner), expected)


def test_painting_in_a_stack_is_recorded_in_its_plane(viewer: ViewerModel, begin: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    viewer.dims.set_point(0, 2)
    annotator = begin(viewer, layer)
    annotator.labels.n_edit_dimensions = 3
    annotator.labels.brush_size = 3
    annotator.labels.paint((2, 10, 10), 6)
    planes = {plane.index for plane in annotator.session.objects[6].planes}
    assert planes == set(np.unique(np.nonzero(annotator.labels.data)[0]))
    assert len(planes) > 1
    while annotator.session.can_undo:
        annotator.undo()
    assert not annotator.labels.data.any()


def _given(**layers: Any) -> Any:
    from napari_samara.ui.layer_set import GivenLayers

    return GivenLayers(**layers)
