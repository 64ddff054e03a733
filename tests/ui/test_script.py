"""The handle for scripts, and the example in the documentation, with the shipped checkpoint."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import napari_samara as samara
from napari_samara.prompts import point
from napari_samara.ui.open_annotators import annotator_of

if TYPE_CHECKING:
    from napari_samara.engine.predictor import Predictor

pytestmark = pytest.mark.gui

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "annotate.py"


def test_handle(make_napari_viewer: Any, predictor: Predictor) -> None:
    viewer = make_napari_viewer()
    image = viewer.add_image(np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8))
    handle = samara.ui.annotate(viewer, image, checkpoint=predictor)
    try:
        handle.session.add(point(20, 30))
        handle.session.wait(60)
        assert np.allclose(handle.points.data, [[20, 30]])
        assert handle.session.candidate is not None
        assert (handle.preview.data == handle.session.candidate.data).all()
        assert handle.labels in viewer.layers
        assert handle.shapes in viewer.layers
        again = samara.ui.annotate(viewer, image, checkpoint=predictor)
        assert annotator_of(viewer) is again
        assert len(handle.session.events.prompts) == 0
        again.close()
        assert annotator_of(viewer) is None
    finally:
        handle.close()


def test_example(make_napari_viewer: Any) -> None:
    if next(c for c in samara.list_checkpoints() if c.name == "samara-tiny").path is None:
        pytest.skip("samara-tiny is not in this checkout")
    example = runpy.run_path(str(EXAMPLE))
    handle = example["annotate_coins"](make_napari_viewer())
    try:
        assert list(handle.session.objects) == [1, 2]
        assert set(np.unique(handle.labels.data)) == {0, 1, 2}
    finally:
        handle.close()
