"""A script goes on with what was saved, in new labels or in its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.ui.conftest import disk

from napari_samara.prompts import point
from napari_samara.session import Session, recover
from napari_samara.store import ZarrStore
from napari_samara.ui.keeping import Keeping
from napari_samara.ui.layer_set import GivenLayers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


@pytest.fixture
def folder(tmp_path: Path, disk_predictor: Any) -> Path:
    """An annotation with one object of 16 bits and an open prompt."""
    folder = tmp_path / "mine"
    labels = np.zeros(SHAPE, np.uint16)
    image = np.zeros(SHAPE, np.uint8)
    session = Session(image, disk_predictor, journal=folder, labels=labels)
    session.add(point(40, 50))
    session.accept()
    session.add(point(70, 90))
    session.close()
    return folder


@pytest.mark.parametrize(
    ("mine", "dtype", "adopted"),
    [
        (None, np.uint16, False),
        (0, np.int32, True),
        (0, np.uint8, False),
        (1, np.int32, True),
        (9, np.int32, False),
    ],
    ids=["none", "empty", "too small", "the same", "something else"],
)
def test_labels(
    make_napari_viewer: Any,
    begin: Any,
    folder: Path,
    mine: int | None,
    dtype: Any,
    adopted: bool,
) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    own = None
    if mine is not None:
        data = np.zeros(SHAPE, dtype)
        data[35:45, 45:55] = mine
        own = viewer.add_labels(data, name="own")
        before = own.data.copy()
    store = ZarrStore(folder.parent / "e.zarr")
    keeping = Keeping(folder, recover(folder), store)
    annotator = begin(viewer, layer, given=GivenLayers(labels=own), keeping=keeping)
    assert (annotator.labels is own) is adopted
    assert (annotator.labels.data == disk(SHAPE, 40, 50)).all()
    if own is not None and not adopted:
        assert (own.data == before).all()
        assert annotator.labels.data.dtype == np.uint16
    assert np.allclose(annotator.points.data, [[70, 90]])
    assert annotator.preview.data.any()
    annotator.accept()
    saved = recover(folder)
    assert saved is not None
    assert list(saved.objects()) == [1, 2]
    assert store.nbytes > 0


def test_without_keeping_nothing_is_written(
    make_napari_viewer: Any, begin: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    annotator = begin(viewer, viewer.add_image(np.zeros(SHAPE, np.uint8)))
    annotator.points.add([[40.0, 50.0]])
    annotator.accept()
    assert annotator.folder is None
    assert list(tmp_path.iterdir()) == []
