"""Tests of contrasts as values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_samara.contrast import CT_WINDOWS, Contrast
from napari_samara.errors import ImageError


def test_every_ct_window_has_the_width_it_says() -> None:
    widths = {name: high - low for name, (low, high) in CT_WINDOWS.items()}
    assert list(widths.values()) == [1500, 1800, 400, 80, 150]


@pytest.mark.parametrize(
    "values",
    [
        {"policy": "automatic"},
        {"policy": "limits"},
        {"policy": "auto", "limits": (0, 1)},
        {"policy": "limits", "limits": (2, 1)},
        {"policy": "limits", "limits": (0, np.nan)},
        {"policy": "limits", "limits": (0, 1, 2)},
        {"policy": "limits", "limits": 3},
        {"policy": "limits", "limits": ()},
        {"policy": "limits", "limits": "ab"},
        {"policy": "limits", "limits": (-1e308, 1.7e308)},
        {"percentiles": (5, 5)},
        {"percentiles": (-1, 50)},
        {"percentiles": (0, 101)},
        {"channels": ()},
        {"channels": (0, 1, 2, 3)},
        {"channels": (-1,)},
        {"channels": (0.5,)},
        {"channels": 1},
    ],
)
def test_contrast_is_checked_at_birth(values: dict) -> None:
    with pytest.raises(ImageError):
        Contrast(**values)


@pytest.mark.parametrize(
    "contrast",
    [
        Contrast(),
        Contrast("limits", (0, 10), invert=True),
        Contrast("limits", ((0, 10), (5, 6)), channels=(4, 2)),
        Contrast("ct:lung"),
        Contrast("percentile", percentiles=(0.5, 99)),
    ],
)
def test_contrast_round_trip(contrast: Contrast) -> None:
    again = Contrast.from_dict(json.loads(json.dumps(contrast.to_dict())))
    assert again == contrast
    assert hash(again) == hash(contrast)


def test_unknown_entry_is_refused() -> None:
    with pytest.raises(ImageError, match="gamma"):
        Contrast.from_dict({"gamma": 2})


def test_limits_of_lists_and_arrays_compare_equal() -> None:
    wanted = Contrast("limits", ((0, 1), (2, 3)))
    assert Contrast("limits", [[0, 1], [2, 3]]) == wanted  # type: ignore[arg-type]
    assert Contrast("limits", np.array([[0, 1], [2, 3]])) == wanted  # type: ignore[arg-type]
    assert Contrast("limits", np.array([0, 1])) == Contrast("limits", (0, 1))  # type: ignore[arg-type]
