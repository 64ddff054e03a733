"""Labels are counted the same, whichever way is quicker."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from napari_samara.session import counts
from napari_samara.session.counts import Counts, counted

VALUES = [
    np.zeros((0, 4), np.int32),
    np.array([[0, 3, 3], [1, 0, 0]], np.uint8),
    np.array([-5, -5, 0, 2], np.int64),
    np.array([2**31 - 1, 0, 7], np.int32),
]


@pytest.mark.parametrize("values", VALUES, ids=str)
def test_counted(values: np.ndarray) -> None:
    assert counted(values) == Counter(values.ravel().tolist())


@pytest.mark.parametrize("labels", [[3], [1, 2, 3, 7, 9], [1, 2, 3, 7, 2_000_000_000]], ids=str)
@pytest.mark.parametrize("few", [0, 4])
def test_present(labels: list[int], few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_FEW", few)
    planes = [np.random.default_rng(seed).integers(0, 9, (20, 30), np.int32) for seed in (0, 1)]
    planes[0][0, 0] = 2_000_000_000
    found = Counts(Counter(), lambda: planes, labels)
    for label in labels:
        assert found.present(label) == sum(int((plane == label).sum()) for plane in planes)
