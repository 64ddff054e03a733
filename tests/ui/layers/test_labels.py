"""Labels layers as arrays: changed pixels only, and what the user paints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.layers import Labels

from napari_samara.errors import ImageError
from napari_samara.formats.ome_labels import create_labels
from napari_samara.planes import Plane
from napari_samara.ui.layers.labels import LayerLabels, painted_edits

if TYPE_CHECKING:
    from pathlib import Path

    from napari_samara.session import LabelEdit

SHAPE = (4, 8, 9)
TWO = (np.array([2, 2]), np.array([1, 3]), np.array([4, 4]))


@pytest.fixture(params=["memory", "folder"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> LayerLabels:
    """Labels of a layer, in memory and in an OME-Zarr folder."""
    if request.param == "memory":
        return LayerLabels(Labels(np.zeros(SHAPE, np.int32)), SHAPE)
    return LayerLabels(Labels(create_labels(tmp_path / "l.ome.zarr", SHAPE)), SHAPE)


REGIONS = [
    (1, slice(2, 5), slice(3, 7)),
    (slice(0, 4), 6, slice(3, 7)),
    (slice(None), slice(None), 8),
    2,
    (slice(None, None, 2), slice(1, 3)),
]


@pytest.mark.parametrize("region", REGIONS)
def test_writing_is_that_of_an_array(target: LayerLabels, region: Any) -> None:
    truth = np.zeros(SHAPE, np.int32)
    values = np.random.default_rng(0).integers(0, 3, truth[region].shape)
    truth[region] = values
    target[region] = values
    assert np.array_equal(np.asarray(target), truth)
    target.layer.undo()
    assert not np.asarray(target).any()


def test_writing_is_not_taken_for_painting(target: LayerLabels) -> None:
    told: list[LabelEdit] = []
    target.painted.connect(told.append)
    target[1] = 5
    assert told == []


@pytest.mark.parametrize(
    "paint",
    [
        lambda layer: layer.paint((2, 3, 4), 6),
        lambda layer: layer.fill((2, 3, 4), 6),
        lambda layer: layer.data_setitem(TWO, 6),
        lambda layer: layer.data_setitem(TWO, np.array([6, 7])),
    ],
    ids=["paint", "fill", "one value", "values"],
)
def test_painting_is_told_as_edits(target: LayerLabels, paint: Any) -> None:
    target.layer._slice_dims(_at(2))
    told: list[LabelEdit] = []
    target.painted.connect(told.extend)
    paint(target.layer)
    truth = np.asarray(target).copy()
    replayed = np.zeros(SHAPE, np.int32)
    for edit in told:
        assert edit.plane == Plane.of(3, fixed={0: 2})
        edit.apply(replayed)
    assert np.array_equal(replayed, truth)
    assert truth.any()
    for edit in reversed(told):
        edit.inverse().apply(replayed)
    assert not replayed.any()


@pytest.mark.parametrize("visible", [True, False])
def test_undo_by_the_layer_itself_is_told(target: LayerLabels, visible: bool) -> None:
    """Called by a script: keys lead to the history of the annotation."""
    layer = target.layer
    layer._slice_dims(_at(2))
    shadow = np.zeros(SHAPE, np.int32)
    target.painted.connect(lambda edits: [_check_and_apply(edit, shadow) for edit in edits])
    layer.paint((2, 3, 4), 6)
    layer.paint((2, 4, 5), 7)
    layer.data_setitem(TWO, 3)
    target[1, 2:4, 3:5] = 9  # written by the session, which knows
    shadow[1, 2:4, 3:5] = 9
    layer.visible = visible
    for way in (layer.undo,) * 4 + (layer.redo,) * 2 + (layer.undo,):
        way()
        assert np.array_equal(shadow, layer.data)
    layer.visible = True
    layer.paint((2, 1, 1), 5)  # what could be redone is dropped, which is no step
    assert np.array_equal(shadow, layer.data)


def test_a_stroke_through_planes_is_told_at_once(target: LayerLabels) -> None:
    layer = target.layer
    layer._slice_dims(_at(1))
    layer.n_edit_dimensions, layer.brush_size = 3, 3
    told: list[tuple[LabelEdit, ...]] = []
    target.painted.connect(told.append)
    layer.paint((1, 3, 4), 6)
    assert [[dict(edit.plane.fixed) for edit in edits] for edits in told] == [
        [{0: 0}, {0: 1}, {0: 2}]
    ]


def test_closing_lets_go_of_the_methods_of_the_layer(target: LayerLabels) -> None:
    layer, told = target.layer, []
    target.painted.connect(told.append)
    layer.data_setitem(TWO, 3)
    told.clear()
    target.close()
    layer.undo()
    assert not np.asarray(layer.data).any()
    assert told == []
    assert "undo" not in vars(layer)


def _check_and_apply(edit: LabelEdit, shadow: np.ndarray) -> None:
    row0, col0, row1, col1 = edit.box
    assert np.array_equal(edit.plane.extract(shadow)[row0:row1, col0:col1], edit.before)
    edit.apply(shadow)


def test_nothing_painted_is_no_edit(target: LayerLabels) -> None:
    assert list(painted_edits(target.layer, [])) == []


@pytest.mark.parametrize(
    "layer",
    [
        Labels(np.zeros((3, 3), int)),
        Labels([np.zeros(SHAPE, int), np.zeros((4, 4, 4), int)], multiscale=True),
    ],
    ids=["another shape", "several levels"],
)
def test_labels_that_do_not_fit(layer: Labels) -> None:
    with pytest.raises(ImageError, match="choose other labels"):
        LayerLabels(layer, SHAPE)


def _at(index: int) -> Any:
    from napari.components import Dims

    dims = Dims(ndim=3, ndisplay=2, range=((0, 3, 1), (0, 7, 1), (0, 8, 1)))
    dims.set_point(0, index)
    return dims
