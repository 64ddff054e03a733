"""Masks made again of their logits: pixel for pixel those of a fresh decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.engine.finish import largest_piece
from napari_samara.settings import PredictSettings

if TYPE_CHECKING:
    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor

SETTINGS = [
    PredictSettings(),
    PredictSettings(mask_threshold=0.03),
    PredictSettings(mask_threshold=-0.1),
    PredictSettings(fill_holes=True),
    PredictSettings(keep_largest=True, mask_threshold=0.02, fill_holes=True),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("shape", [(128, 160), (50, 33)])
def test_a_mask_of_kept_logits_is_that_of_a_fresh_decoding(
    predictor: Predictor,
    disks: Disks,
    monkeypatch: pytest.MonkeyPatch,
    settings: PredictSettings,
    shape: tuple[int, int],
) -> None:
    embedding = predictor.embed(disks.image[: shape[0], : shape[1]])
    points = [(20, 30), (40, 10)]
    old = [
        *predictor.predict(embedding, points=points[:1]),
        *predictor.predict_many(embedding, points=points),
    ]
    fresh = [
        *predictor.predict(embedding, points=points[:1], settings=settings),
        *predictor.predict_many(embedding, points=points, settings=settings),
    ]
    monkeypatch.setattr(predictor.model, "decode", None)
    for before, expected in zip(old, fresh, strict=True):
        assert before.logits is not None
        again = predictor.mask_of(before.logits, shape, before.score, settings)
        assert np.array_equal(again.data, expected.data)
        assert (again.score, again.box) == (expected.score, expected.box)


def test_largest_piece() -> None:
    data = np.zeros((5, 9), bool)
    data[0, :2] = data[2:4, 4:8] = True
    expected = np.zeros_like(data)
    expected[2:4, 4:8] = True
    assert np.array_equal(largest_piece(data), expected)
