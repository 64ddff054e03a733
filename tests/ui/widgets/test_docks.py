"""Docks as napari opens them: each is given a proxy of the viewer, another one each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.utils._proxies import PublicOnlyProxy

from napari_samara.session import InlineRunner
from napari_samara.ui import open_annotators
from napari_samara.ui.annotator import Annotator
from napari_samara.ui.widgets.annotate import AnnotateWidget
from napari_samara.ui.widgets.finetune import FinetuneWidget
from napari_samara.ui.widgets.measure import MeasureWidget
from napari_samara.ui.widgets.volumes import VolumesWidget

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.gui

DOCKS = (AnnotateWidget, VolumesWidget, FinetuneWidget, MeasureWidget)


def test_docks_know_the_image_and_the_annotation_of_their_viewer(
    make_napari_viewer: Callable[..., Any], disk_predictor: Any
) -> None:
    viewer = make_napari_viewer()
    image = viewer.add_image(np.zeros((6, 96, 128), np.uint8), name="cells")
    assert viewer.layers.selection.active is image
    docks = {}
    for make in DOCKS:
        docks[make] = dock = make(PublicOnlyProxy(viewer))
        viewer.window.add_dock_widget(dock, name=make.__name__)
        assert dock.viewer is viewer
    annotate, volumes = docks[AnnotateWidget], docks[VolumesWidget]
    assert annotate.source.images.images == (image,)
    annotator = open_annotators.register(
        PublicOnlyProxy(viewer),
        lambda: Annotator(viewer, image, disk_predictor, runner=lambda _: InlineRunner()),
    )
    assert annotate.annotator is annotator
    assert volumes.annotator is annotator
    assert open_annotators.annotator_of(PublicOnlyProxy(viewer)) is annotator
    annotator.close()
    assert annotate.annotator is None
    assert volumes.annotator is None
