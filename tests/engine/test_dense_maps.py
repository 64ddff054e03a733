"""Tests of seeds from dense maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_samara import api
from napari_samara.engine.dense_maps import DenseMaps, deepest_points, dense_seeds
from napari_samara.geometry import Frame


def maps_of(labels, frame, stride=4.0):
    """Perfect maps of a label image at the resolution of the maps."""
    votes = np.zeros((*labels.shape, 2), np.float32)
    for number in np.unique(labels[labels > 0]):
        votes[labels == number] = np.argwhere(labels == number).mean(axis=0)
    inside = (labels > 0).astype(np.float32)
    width = np.ones(labels.shape, np.float32)
    return DenseMaps(inside, 0 * inside, inside, votes, width, stride, frame)


def two_squares():
    labels = np.zeros((32, 40), np.int64)
    labels[4:12, 6:14] = 1
    labels[4:12, 14:20] = 2  # touches the first
    labels[20:29, 25:30] = 3
    return labels


@pytest.mark.parametrize("shape", [(128, 160), (256, 320)])
def test_one_point_in_each_object_also_where_they_touch(shape):
    labels = two_squares()
    seeds = dense_seeds(maps_of(labels, Frame(*shape, 160)))
    factor = np.array(shape) / labels.shape
    at = np.floor((seeds.points + 0.5) / factor).astype(int)
    assert sorted(labels[at[:, 0], at[:, 1]]) == [1, 2, 3]
    areas = [(labels == number).sum() for number in labels[at[:, 0], at[:, 1]]]
    assert seeds.sizes == pytest.approx(4 * np.sqrt(areas))


def test_maps_of_twice_the_resolution_give_the_same_seeds():
    labels = two_squares()
    coarse = maps_of(labels, Frame(128, 160, 160))
    fine = maps_of(labels.repeat(2, 0).repeat(2, 1), Frame(128, 160, 160), 2.0)
    one, other = dense_seeds(coarse), dense_seeds(fine)
    assert other.sizes == pytest.approx(one.sizes)
    assert np.abs(other.points - one.points).max() <= 4  # a position of the coarse ones
    specks = np.zeros((64, 80), np.int64)
    specks[10:12, 10:13] = 1  # six positions of two pixels: less than two of four
    assert not len(dense_seeds(maps_of(specks, Frame(128, 160, 160), 2.0)).points)
    specks[12, 10:13] = 1
    assert len(dense_seeds(maps_of(specks, Frame(128, 160, 160), 2.0)).points) == 1


def test_the_deepest_point_of_each_object_of_the_size_asked_for():
    labels = two_squares()
    maps = maps_of(labels, Frame(128, 160, 160))
    places = np.stack(np.indices(labels.shape), axis=-1)
    off = np.square(places - maps.votes - 0.1).sum(-1)  # no two equally deep
    maps = replace(maps, depth=np.exp(-off / 20).astype(np.float32))
    points = deepest_points(maps, 28.0)  # four pixels of the image for a position
    at = (points // 4).astype(int)
    assert sorted(labels[at[:, 0], at[:, 1]]) == [1, 2, 3]
    one = deepest_points(maps, 200.0)
    assert len(one) == 1  # all of it would fit into a single object
    assert deepest_points(replace(maps, inside=0 * maps.inside), 28.0).shape == (0, 2)


def test_nothing_where_nothing_is_inside():
    seeds = dense_seeds(maps_of(np.zeros((32, 40), np.int64), Frame(128, 160, 160)))
    assert seeds.points.shape == (0, 2)
    assert seeds.sizes.shape == (0,)


def test_maps_of_a_checkpoint_lie_over_the_image(disks):
    tiny = api.load("samara-tiny", device="cpu")
    maps = tiny.dense_maps(tiny.embed(disks.image))
    rows, cols = maps.inside.shape
    assert rows / cols == pytest.approx(128 / 160, abs=0.02)
    assert maps.inside.min() >= 0
    assert maps.inside.max() <= 1
    points = dense_seeds(maps).points.round().astype(int)
    assert len(set(disks.labels[points[:, 0], points[:, 1]]) - {0}) >= 11


def test_a_checkpoint_without_a_head_says_nothing(predictor, disks):
    assert predictor.dense_maps(predictor.embed(disks.image)) is None
