"""Tests of marks that are equally large on the screen at every zoom."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Points, Shapes

from napari_samara.ui.screen_size import EDGE, POINT, ScreenSize, camera_of


def on_screen(viewer: ViewerModel, layer: Points | Shapes, scale: float = 1.0) -> list[float]:
    """Sizes of all marks and of the next one, in pixels of the screen."""
    if isinstance(layer, Points):
        sizes = [*layer.size, layer.current_size]
    else:
        sizes = [*layer.edge_width, layer.current_edge_width]
    return [float(size) * scale * camera_of(viewer).zoom for size in sizes]


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_points_and_edges_stay_as_they_are_on_the_screen(scale: float) -> None:
    viewer = ViewerModel()
    points = Points([[3, 4], [9, 9]], scale=[scale] * 2)
    shapes = Shapes([np.array([[0, 0], [9, 9]])], shape_type="rectangle", scale=[scale] * 2)
    kept = []  # napari holds listeners weakly
    for layer, pixels in ((points, POINT), (shapes, EDGE)):
        viewer.add_layer(layer)
        kept.append(ScreenSize(viewer, layer))
        for zoom in (1.0, 8.0, 0.2):
            camera_of(viewer).zoom = zoom
            marks = len(layer.data) + 1
            assert on_screen(viewer, layer, scale) == pytest.approx([pixels] * marks)
    points.add([[5, 5]])
    assert on_screen(viewer, points, scale) == pytest.approx([POINT] * 4)


def test_slices_far_apart_do_not_count() -> None:
    viewer = ViewerModel()
    points = viewer.add_points([[1, 3, 4]], scale=[40, 0.5, 0.5])
    sized = ScreenSize(viewer, points)
    camera_of(viewer).zoom = 4.0
    assert on_screen(viewer, points, 0.5) == pytest.approx([POINT] * 2)
    viewer.dims.order = (1, 0, 2)  # pixels are 40 times 0.5
    assert on_screen(viewer, points, 20.25) == pytest.approx([POINT] * 2)
    sized.close()


def test_a_size_that_the_user_sets_holds_at_every_zoom() -> None:
    viewer = ViewerModel()
    points = viewer.add_points([[3, 4], [9, 9]])
    points.selected_data = set()
    sized = ScreenSize(viewer, points)
    camera_of(viewer).zoom = 2.0
    points.current_size = 15  # 30 pixels of the screen
    assert on_screen(viewer, points) == pytest.approx([30] * 3)
    camera_of(viewer).zoom = 10.0
    assert on_screen(viewer, points) == pytest.approx([30] * 3)
    sized.close()


def test_nothing_is_drawn_or_decoded_by_zooming() -> None:
    viewer = ViewerModel()
    points = viewer.add_points([[3, 4]])
    sized = ScreenSize(viewer, points)
    seen: list[object] = []
    points.events.data.connect(seen.append)
    points.events.features.connect(seen.append)
    camera_of(viewer).zoom = 7.0
    assert on_screen(viewer, points) == pytest.approx([POINT] * 2)
    assert seen == []
    sized.close()


def test_a_closed_layer_is_left_as_it_is() -> None:
    viewer = ViewerModel()
    points = viewer.add_points([[3, 4]])
    sized = ScreenSize(viewer, points)
    camera_of(viewer).zoom = 2.0
    sized.close()
    camera_of(viewer).zoom = 20.0
    assert points.size.tolist() == [POINT / 2]
    points.current_size = 4
    assert points.current_size == 4
