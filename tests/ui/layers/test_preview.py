"""The preview: its pixels, what is sent to be drawn, and what is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.components import ViewerModel
from tests.ui.conftest import disk

from napari_samara.masks import Mask
from napari_samara.planes import Plane
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.layers.preview import Preview

SHAPE = (60, 80)


@pytest.fixture
def flat(qapp: Any) -> tuple[ViewerModel, Preview, list[tuple[Any, Any]]]:
    """A preview in a viewer, and the boxes that were sent to be drawn."""
    viewer = ViewerModel()
    binding = ImageBinding.of(viewer.add_image(np.zeros(SHAPE, np.uint8)))
    preview = Preview(binding, Plane.of(2))
    viewer.add_layer(preview.layer)
    drawn: list[tuple[Any, Any]] = []
    preview.layer.events.labels_update.connect(
        lambda event: drawn.append((tuple(event.offset), np.array(event.data)))
    )
    return viewer, preview, drawn


def test_only_the_box_that_changes_is_drawn(flat: Any) -> None:
    _, preview, drawn = flat
    one, other = Mask(disk(SHAPE, 20, 30, 5)), Mask(disk(SHAPE, 24, 36, 5))
    preview.show(one, Plane.of(2))
    assert (preview.layer.data == one.data).all()
    assert drawn[-1][0] == one.box[:2]
    preview.show(other, Plane.of(2))
    assert (preview.layer.data == other.data).all()
    offset, values = drawn[-1]
    assert offset == (15, 25)  # the corner of both boxes together
    assert (values == other.data[15:30, 25:42]).all()
    preview.show(None, Plane.of(2))
    assert not preview.layer.data.any()
    assert len(drawn) == 3


def test_what_shows_already_is_not_drawn_again(flat: Any) -> None:
    _, preview, drawn = flat
    mask = Mask(disk(SHAPE, 20, 30, 5))
    for _ in range(3):
        preview.show(mask, Plane.of(2))
    assert len(drawn) == 1
    preview.show(None, Plane.of(2))
    preview.show(Mask(np.zeros(SHAPE, bool)), Plane.of(2))
    assert len(drawn) == 2


def test_nothing_is_kept_for_napari_to_undo(flat: Any) -> None:
    _, preview, _ = flat
    preview.show(Mask(disk(SHAPE, 20, 30, 5)), Plane.of(2))
    preview.layer.undo()
    assert preview.layer.data.any()


def test_a_transposed_view_is_drawn_transposed(flat: Any) -> None:
    viewer, preview, drawn = flat
    viewer.dims.order = (1, 0)
    mask = Mask(disk(SHAPE, 20, 30, 5))
    preview.show(mask, Plane.of(2))
    offset, values = drawn[-1]
    assert (preview.layer.data == mask.data).all()
    assert offset == (25, 15)
    assert values.shape == (11, 11)


def test_a_contour_is_drawn_whole(flat: Any) -> None:
    _, preview, drawn = flat
    preview.layer.contour = 1
    mask = Mask(disk(SHAPE, 20, 30, 5))
    preview.show(mask, Plane.of(2))
    assert (preview.layer.data == mask.data).all()
    assert drawn == []  # napari works the contour out of the whole plane


def test_another_plane_begins_empty(qapp: Any) -> None:
    viewer = ViewerModel()
    binding = ImageBinding.of(viewer.add_image(np.zeros((5, *SHAPE), np.uint8)))
    planes = [Plane.of(3, fixed={0: index}) for index in range(3)]
    preview = Preview(binding, planes[0])
    viewer.add_layer(preview.layer)
    mask = Mask(disk(SHAPE, 20, 30, 5))
    preview.show(mask, planes[0])
    preview.show(None, planes[1])
    assert not preview.layer.data.any()
    preview.show(mask, planes[2])  # the same mask as before, elsewhere
    assert (preview.layer.data[0] == mask.data).all()
    assert preview.layer.translate[0] == 2


def test_the_list_of_layers_is_not_told(flat: Any) -> None:
    """It would be painted anew with every click, and the whole window with it."""
    viewer, preview, drawn = flat
    told: list[str] = []
    viewer.layers.events.connect(lambda event: told.append(event.type))
    preview.show(Mask(disk(SHAPE, 20, 30, 5)), Plane.of(2))
    assert len(drawn) == 1
    assert told == []
    preview.layer.visible = False
    assert "visible" in told
