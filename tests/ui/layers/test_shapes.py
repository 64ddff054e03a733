"""Shapes as prompts: their sign is seen without colours, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.components import ViewerModel

from napari_samara.ui.layers.shapes import NEGATIVE_MARK

BOXES = [np.array([[r, 5], [r, 15], [r + 8, 15], [r + 8, 5]], float) for r in (5, 15, 25)]


def test_sign_is_colour_and_mark(qapp: Any, begin: Any) -> None:
    viewer = ViewerModel()
    annotator = begin(viewer, viewer.add_image(np.zeros((40, 48), np.uint8)))
    annotator.shapes.add(BOXES[0])
    assert not any(np.atleast_1d(annotator.shapes.text.values))
    annotator.positive = False
    annotator.shapes.add(BOXES[1])
    annotator.positive = True
    annotator.shapes.add(BOXES[2])
    assert list(annotator.shapes.text.values) == ["", NEGATIVE_MARK, ""]
    assert [prompt.kind for prompt in annotator.session.prompts] == ["box", "polygon", "box"]
    annotator.undo()
    annotator.undo()
    assert list(annotator.shapes.text.values) == [""]
    assert len(np.unique(annotator.shapes.edge_color, axis=0)) == 1


def test_what_spans_slices_is_no_prompt(qapp: Any, begin: Any) -> None:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((5, 40, 48), np.uint8))
    viewer.dims.set_point(0, 2)
    annotator = begin(viewer, layer)
    annotator.shapes.add(np.array([[0, 5, 5], [4, 20, 20]]), shape_type="line")
    assert len(annotator.session.prompts) == 0
    annotator.shapes.add(np.array([[2, 5, 5], [2, 20, 20]]), shape_type="line")
    assert len(annotator.session.prompts) == 1
