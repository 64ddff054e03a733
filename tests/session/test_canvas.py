"""Tests of the boxes of planes that a draft paints on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_samara.planes import Plane
from napari_samara.session.canvas import Canvas
from napari_samara.session.draft import Brush, Draft

PLANE = Plane.of(3, fixed={0: 2})


class Watched:
    """Labels that tell what was read of them."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels, self.read = labels, 0
        self.shape, self.ndim, self.dtype = labels.shape, labels.ndim, labels.dtype

    def __getitem__(self, region: Any) -> np.ndarray:
        found = self.labels[region]
        self.read += found.size
        return found


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (5, 40, 50)).astype(np.int32)


def test_boxes_grow_and_keep_what_was_painted(labels: np.ndarray) -> None:
    canvas, before = Canvas(labels), labels.copy()
    canvas.box(PLANE, (5, 6, 9, 10))[...] = 8
    wide = canvas.box(PLANE, (0, 0, 12, 20)).copy()
    expected = before[2, :12, :20].copy()
    expected[5:9, 6:10] = 8
    assert np.array_equal(wide, expected)
    assert np.array_equal(labels, before)
    assert canvas.find(PLANE, lambda found: found == 8) == (5, 6, 9, 10)
    assert canvas.find(PLANE, lambda found: found == 9) is None
    [whole] = canvas.planes()
    assert (whole == 8).sum() == 16


def test_boxes_written_by_others_are_read_again(labels: np.ndarray) -> None:
    canvas = Canvas(labels)
    canvas.box(PLANE, (0, 0, 4, 4))
    labels[2, 2:8, 2:8] = 9
    canvas.renew(PLANE, (2, 2, 8, 8))
    assert (canvas.box(PLANE, (2, 2, 8, 8)) == 9).all()


def test_new_label_is_not_looked_for(labels: np.ndarray) -> None:
    watched = Watched(labels)
    draft = Draft(watched, {}, highest=3)
    crop = np.ones((3, 3), np.bool_)
    draft.paint(PLANE, (4, 4, 7, 7), crop, Brush(7, "overwrite", replacing=True))
    assert watched.read == 9
    # painted a second time it is there, though not in the labels themselves
    draft.paint(PLANE, (20, 20, 23, 23), crop, Brush(7, "overwrite", replacing=True))
    assert len(draft.edits) == 2
    assert draft.edits[1].box == (4, 4, 23, 23)
