"""Contrast as it is displayed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari", reason="needs napari-samara[napari]")

from napari.layers import Image

from napari_samara.intensity import Contrast
from napari_samara.ui.contrast import TITLES, chosen, displayed

GREY = np.zeros((4, 5), np.uint16)
CASES: list[tuple[Any, dict[str, Any], Contrast]] = [
    (GREY, {"contrast_limits": (100, 4000)}, Contrast("limits", limits=(100.0, 4000.0))),
    (np.zeros((4, 5, 3), np.uint8), {"rgb": True}, Contrast("none")),
    (np.zeros((4, 5, 3)), {"rgb": True}, Contrast("limits", limits=(0.0, 1.0))),
    (np.zeros((4, 5, 3), np.uint16), {"rgb": True}, Contrast("limits", limits=(0.0, 65535.0))),
]


@pytest.mark.parametrize(("data", "kwargs", "expected"), CASES)
def test_displayed(data: Any, kwargs: dict[str, Any], expected: Contrast) -> None:
    assert displayed(Image(data, **kwargs)) == expected


@pytest.mark.parametrize("name", TITLES)
def test_every_choice_is_a_contrast(name: str) -> None:
    assert isinstance(chosen(name, Image(GREY, contrast_limits=(0, 9))), Contrast)


def test_every_channel_has_the_limits_of_its_layer() -> None:
    layers = [Image(GREY, contrast_limits=limits) for limits in [(0, 10), (100, 4000)]]
    assert displayed(*layers) == Contrast("limits", limits=((0.0, 10.0), (100.0, 4000.0)))
