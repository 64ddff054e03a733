"""The whole loop in a real viewer, by real clicks and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.ui.conftest import disk

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.gui

SHAPE = (96, 128)


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    return make_napari_viewer(show=True)


def test_click_gives_preview(viewer: Any, begin: Any, hands: Any) -> None:
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8))
    annotator = begin(viewer, layer)
    annotator.layers.select_points()
    user = hands(viewer)
    user.click(40, 50)
    assert len(annotator.points.data) == 1
    at = annotator.points.data[0]
    assert np.allclose(at, (40, 50), atol=0.5)
    assert (annotator.preview.data == disk(SHAPE, *at)).all()
