"""Sample images come without a network and open as layers."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer

from napari_samara.ui import sample_data

SAMPLES = [
    ("immunohistochemistry", (512, 512, 3), True),
    ("cell", (660, 550), False),
    ("coins", (303, 384), False),
]


@pytest.mark.parametrize(("name", "shape", "rgb"), SAMPLES)
def test_sample(
    name: str, shape: tuple[int, ...], rgb: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: Any) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    ((data, kwargs, kind),) = getattr(sample_data, name)()
    layer = Layer.create(data, kwargs, kind)
    assert (data.shape, data.dtype) == (shape, np.uint8)
    assert layer.rgb is rgb
    assert layer.name == name


def test_the_volume_is_generated_and_says_so() -> None:
    (image, shown, _), (labels, hidden, _) = sample_data.generated_nuclei()
    layers = [Layer.create(image, shown, "image"), Layer.create(labels, hidden, "labels")]
    assert image.shape == labels.shape
    assert image.ndim == 3
    assert image.nbytes < 8 << 20
    assert all("generated" in layer.name and layer.metadata["generated"] for layer in layers)
    assert [tuple(layer.scale) for layer in layers] == [(0.5, 0.2, 0.2)] * 2
    assert layers[0].contrast_limits[1] > image.mean()
    assert not layers[1].visible
