"""The map of similarity lies where the image lies, at its own step."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_samara.planes import Plane
from napari_samara.ui.binding import ImageBinding
from napari_samara.ui.layers.similarity import SimilarityView

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("ndim", [2, 3])
def test_it_lies_on_the_image(ndim: int) -> None:
    viewer = ViewerModel()
    shape, scale = (7, 40, 60)[-ndim:], (5.0, 0.5, 0.5)[-ndim:]
    image = viewer.add_image(
        np.zeros(shape), scale=scale, translate=(9.0, 3.0, 4.0)[-ndim:], rotate=0
    )
    view = SimilarityView(viewer, ImageBinding.of(image))
    plane = Plane.of(2) if ndim == 2 else Plane.of(3, fixed={0: 4})
    similarity = np.zeros((10, 15), np.float32)
    view.show(similarity, 4.0, plane)
    layer = view.layer
    assert layer is not None
    assert list(viewer.layers) == [image, layer]
    here = [0] * ndim
    # The middle of its first position is the middle of the first four by four pixels.
    middle = ([4.0] if ndim == 3 else []) + [1.5, 1.5]
    assert np.allclose(layer.data_to_world(here), image.data_to_world(middle))
    last = [*here[:-2], 9, 14]
    end = [*middle[:-2], 37.5, 57.5]
    assert np.allclose(layer.data_to_world(last), image.data_to_world(end))
    view.show(similarity, 4.0, plane)
    assert len(viewer.layers) == 2
    view.hide()
    assert list(viewer.layers) == [image]
    view.hide()
    assert view.layer is None
