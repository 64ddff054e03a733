"""What is learned from: planes of layers, as the model sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.layers import Image, Labels

from napari_samara.errors import ImageError, TrainingError
from napari_samara.planes import Plane
from napari_samara.training.examples import SLICES
from napari_samara.ui import own_checkpoints
from napari_samara.ui.finetune_data import Source, TrainingData
from napari_samara.ui.finetune_job import free_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SQUARE = np.s_[2:8, 2:8]


def test_a_plane_as_it_is_displayed() -> None:
    pixels = np.full((20, 30), 500, np.uint16)
    pixels[SQUARE] = 1000
    labels = np.zeros((20, 30), int)
    labels[SQUARE] = 100_000  # large ids cost no memory
    labels[10:12, 2:4] = 5  # too small to count
    image = Image(pixels, contrast_limits=(0, 1000))
    ((rgb, ids),) = Source.of_layers(image, Labels(labels)).examples()
    assert (rgb.dtype, rgb.shape) == (np.uint8, (20, 30, 3))
    assert sorted(np.unique(rgb)) == [128, 255]
    assert sorted(np.unique(ids)) == [0, 1, 2]
    assert ((ids == 2) == (labels == 100_000)).all()


@pytest.mark.parametrize("rgb", [False, True])
def test_planes_of_a_stack(rgb: bool) -> None:
    depth = SLICES + 5
    pixels = np.zeros((depth, 20, 30, 3) if rgb else (depth, 20, 30), np.uint8)
    pixels[3] = 200
    labels = np.zeros((depth, 20, 30), int)
    labels[:, 2:8, 2:8] = 1
    labels[:2] = 0
    labels[3, 10:16, 2:8] = 1  # one label, two pieces
    labels[3, 10:16, 20:26] = 2  # and another: the plane with the most
    found = Source.of_layers(Image(pixels, rgb=rgb), Labels(labels)).examples()
    assert len(found) == SLICES
    image, ids = found[0]
    assert image.shape == (20, 30, 3)
    assert (image == image.max()).all()
    assert sorted(np.unique(ids)) == [0, 1, 2, 3]


def test_the_level_of_a_pyramid_that_fits() -> None:
    levels = [np.zeros((64, 64), np.uint8), np.full((32, 32), 9, np.uint8)]
    image = Image(levels, multiscale=True, contrast_limits=(0, 9))
    labels = np.zeros((32, 32), int)
    labels[SQUARE] = 1
    ((rgb, _),) = Source.of_layers(image, Labels(labels)).examples()
    assert (rgb == 255).all()
    with pytest.raises(ImageError, match=r"64 × 64 and .* 10 × 10"):
        Source.of_layers(image, Labels(np.zeros((10, 10), int)))


def test_objects_of_a_session_in_a_stack(
    make_napari_viewer: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_image(np.zeros((9, 64, 64), np.uint8))
    annotator = begin(viewer, layer)
    annotator.labels.data[5, :8, :8] = 77  # not of the session
    for z in (2, 6):
        viewer.dims.set_point(0, z)
        annotator.points.add([[z, 30, 30]])
        annotator.accept()
    source = Source.of_session(annotator)
    assert source.planes == (Plane.of(3, fixed={0: 2}), Plane.of(3, fixed={0: 6}))
    data = TrainingData.read([source])
    assert (data.objects, data.about) == (2, "2 objects in 2 planes")
    annotator.delete()
    with pytest.raises(TrainingError, match="1 object of"):
        TrainingData.read([Source.of_session(annotator)])


def test_names_that_are_free(tmp_path: Path) -> None:
    assert free_name(tmp_path, "Series 3: coins/ö.tif") == "Series-3-coins-ö.tif-finetuned-1"
    (tmp_path / "image-finetuned-1").mkdir()
    assert free_name(tmp_path, " ?? ") == "image-finetuned-2"


def test_a_list_that_is_gone_is_not_told(qapp: Any) -> None:
    from napari_samara.ui.offers import Offer
    from napari_samara.ui.widgets.checkpoint_form import CheckpointForm

    form = CheckpointForm()
    own_checkpoints.events.made.emit(Offer("new", "/new", 1.0))
    assert [offer.name for offer in form.offers] == ["new"]
    form.deleteLater()
    qapp.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    qapp.processEvents()
    own_checkpoints.events.made.emit(Offer("newer", "/newer", 1.0))
    assert [offer.name for offer in form.offers] == ["new"]
