"""Changes of the list of layers, told by every napari."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.components import ViewerModel

from napari_samara.ui.layer_events import _Renamed, changes_of


def by_child(events: Any) -> tuple[Any, ...]:
    """As where the list has no event of its own for names."""
    return events.inserted, events.removed, _Renamed(events)


@pytest.mark.parametrize("changes", [changes_of, by_child])
def test_layers_and_names(qapp: Any, changes: Any) -> None:
    viewer, told = ViewerModel(), []

    def tell(*_: Any) -> None:
        told.append([layer.name for layer in viewer.layers])

    found = changes(viewer.layers.events)
    for event in found:
        event.connect(tell)
    layer = viewer.add_image(np.zeros((4, 4)), name="cells")
    layer.name = "nuclei"
    layer.opacity = 0.5
    assert told == [["cells"], ["nuclei"]]
    viewer.layers.remove(layer)
    assert told[-1] == []
    for event in found:
        event.disconnect(tell)
    viewer.add_image(np.zeros((4, 4)))
    assert len(told) == 3
