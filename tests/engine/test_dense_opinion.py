"""Tests of what dense maps say of masks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_samara.engine.dense_maps import DenseMaps
from napari_samara.engine.dense_opinion import FACTS, DenseOpinion, mask_facts
from napari_samara.geometry import Frame

SIDE, STRIDE = 32, 8.0
"""Positions a side of the maps, for an input of 256; masks have 128."""


def disk(row, col, radius, side=SIDE, rows=SIDE):
    """Pixels of a map that lie within a radius, in positions of the map."""
    at = (np.indices((rows, side)) + 0.5) * SIDE / side
    return np.hypot(at[0] - row, at[1] - col) < radius


@pytest.fixture(scope="module")
def maps():
    """What a head says of two disks side by side in an image of 192 x 256."""
    rows = 24
    one, two = disk(12, 9, 5, rows=rows), disk(12, 20, 5, rows=rows)
    inside = np.where(one | two, 0.9, 0.05).astype(np.float32)
    rim = (one & ~ndimage.binary_erosion(one)) | (two & ~ndimage.binary_erosion(two))
    votes = np.zeros((rows, SIDE, 2), np.float32)
    votes[one], votes[two] = (11.5, 8.5), (11.5, 19.5)
    depth = ndimage.distance_transform_edt(one | two) / 5
    width = np.ones((rows, SIDE), np.float32)
    edge = np.where(rim, 0.8, 0.02).astype(np.float32)
    return DenseMaps(inside, edge, depth.astype(np.float32), votes, width, STRIDE,
                     Frame(192, 256, 256))  # fmt: skip


def facts_of(maps, mask):
    logits = np.where(mask, 4.0, -4.0).astype(np.float32)
    opinion = DenseOpinion(maps, len(mask))
    found = mask_facts(logits, 0.7, 0.9, [opinion, opinion])
    assert found.dtype == np.float32
    assert found[3:10].tolist() == found[10:].tolist() == opinion.facts(logits).tolist()
    return dict(zip(FACTS, found.tolist(), strict=True))


def test_an_object_and_what_is_none(maps):
    right = facts_of(maps, disk(12, 9, 5, 128, 128))
    assert (right["score"], right["stability"]) == pytest.approx((0.7, 0.9))
    assert right["area"] == pytest.approx(np.log(1 + np.pi * 40**2), abs=0.02)  # input pixels
    assert right["inside"] > 0.75
    assert right["inside around"] < 0.35
    assert right["edge"] > 1.4 * right["edge within"]
    assert right["votes"] > 0.75
    assert right["depth"] == pytest.approx(maps.depth[:, :14].max(), abs=0.1)

    both = facts_of(maps, disk(12, 9, 5, 128, 128) | disk(12, 20, 5, 128, 128))
    assert both["votes"] < 0.1  # nothing votes for the place between them
    half = facts_of(maps, disk(12, 9, 5, 128, 128) & (np.arange(128) < 36))
    assert half["votes"] < 0.7 * right["votes"]
    assert half["inside around"] > right["inside around"] + 0.1
    large = facts_of(maps, disk(12, 9, 9, 128, 128))
    assert large["inside"] < 0.5 * right["inside"]
    assert large["edge"] < 0.5 * right["edge"]
    beside = facts_of(maps, disk(20, 9, 3, 128, 128))
    assert beside["inside"] < 0.2
    assert beside["depth"] < right["depth"]


def test_the_part_of_the_maps_is_large_enough(maps):
    """Facts of a mask are those that all of the maps give."""
    mask = disk(12, 10.5, 4, 128, 128)
    found, whole = facts_of(maps, mask), DenseOpinion(maps, 128)
    shown = mask[: whole.inside.shape[0]]
    around = ndimage.maximum_filter(shown, 5) & ~shown
    assert found["inside around"] == pytest.approx(whole.inside[around].mean(), rel=1e-5)
    own = whole.inside * shown
    centre = [(own * vote).sum() / own.sum() for vote in whole.votes]
    apart = np.hypot(whole.votes[0] - centre[0], whole.votes[1] - centre[1])
    voting = np.where(apart < 2.5 * whole.width, whole.inside, 0)
    overlap = (voting * shown).sum() / (voting.sum() + (shown * (1 - voting)).sum())
    assert found["votes"] == pytest.approx(overlap, rel=1e-5)


def test_masks_at_the_border_in_the_padding_and_empty(maps):
    corner = facts_of(maps, disk(0, 0, 4, 128, 128))
    assert np.isfinite(list(corner.values())).all()
    everything = facts_of(maps, np.ones((128, 128), bool))
    assert everything["inside around"] == 0  # there is nothing around it
    assert np.isfinite(list(everything.values())).all()
    padding = facts_of(maps, disk(29, 9, 3, 128, 128))  # below the last row of the image
    assert set(padding.values()) == {0.0}
    assert set(facts_of(maps, np.zeros((128, 128), bool)).values()) == {0.0}
