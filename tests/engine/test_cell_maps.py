"""Tests of what the network that comes with the package says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_samara.engine.cell_maps import WEIGHTS, cell_maps, cell_net, cut_masks
from napari_samara.engine.dense_maps import DenseMaps, dense_seeds
from napari_samara.geometry import Frame
from napari_samara.intensity import to_rgb

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def maps(disks):
    return cell_maps(to_rgb(disks.image), CPU)


def test_disks_are_inside_and_what_is_around_them_is_not(maps, disks):
    assert maps.inside.shape == (205, 256)  # padding is cut off
    assert maps.stride == 2
    at = np.indices(disks.labels.shape).reshape(2, -1).T
    rows, cols = np.minimum((at * 512 / 160 / 2).astype(int), (204, 255)).T
    inside = maps.inside[rows, cols].reshape(disks.labels.shape)
    known = disks.labels > 0
    middle = ndimage.binary_erosion(known, iterations=2)
    far = ~ndimage.binary_dilation(known, iterations=3)
    assert inside[middle].mean() > 0.8
    assert inside[far].mean() < 0.1
    edge = maps.boundary[rows, cols].reshape(disks.labels.shape)
    assert edge[known & ~middle].mean() > 2 * edge[far].mean()


def test_pixels_vote_for_the_middle_of_their_disk(maps, disks):
    for number in range(1, 13):
        row, col = np.argwhere(disks.labels == number).mean(axis=0)
        place = (np.array([row, col]) + 0.5) * 512 / 160 / 2 - 0.5
        at = tuple(np.clip(place.round().astype(int), 0, (204, 255)))
        assert np.hypot(*(maps.votes[at] - place)) < 4  # positions; radii are 10 and more


def test_seeds_lie_on_disks(maps, disks):
    points = dense_seeds(maps).points.round().astype(int)
    assert len(set(disks.labels[points[:, 0], points[:, 1]]) - {0}) >= 11
    assert len(points) <= 20


def test_masks_that_are_cut_out_are_the_disks(maps, disks):
    cut = cut_masks(maps)
    found = set()
    for one in cut:
        assert one.logits.shape == (256, 256)
        assert one.logits[205:].max() < 0  # nothing in the padding
        row, col = (round(part) for part in one.point)
        number = int(disks.labels[row, col])
        at = ((np.indices(disks.labels.shape) + 0.5) * 512 / 160 / 2).astype(int)
        mask = one.logits[tuple(np.minimum(at, 255))] > 0
        truth = disks.labels == number
        if number and (mask & truth).sum() > 0.7 * (mask | truth).sum():
            found.add(number)
        assert mask[row, col]
    assert len(found) >= 11
    assert len(cut) <= 20


def test_a_mask_that_is_cut_out_has_no_hole():
    rows, cols = np.indices((256, 256))
    away = np.hypot(rows - 100, cols - 80)
    inside = np.where((away < 20) & (away >= 4), 0.9, 0.1).astype(np.float32)
    votes = np.broadcast_to(np.float32([100, 80]), (256, 256, 2))
    width = np.ones((256, 256), np.float32)
    maps = DenseMaps(inside, 0 * inside, inside, votes, width, 2.0, Frame(256, 256, 512))
    (one,) = cut_masks(maps)
    assert ((one.logits > 0) == (away < 20)).all()
    assert one.logits[100, 95] == pytest.approx(5.0)  # ten times 0.9 - 0.4
    assert one.logits[100, 80] == 0.5
    assert away[tuple(round(part) for part in one.point)] < 20
    assert cut_masks(replace(maps, inside=0 * inside)) == []


def test_images_of_any_size_and_those_that_show_nothing():
    for shape in ((1, 1), (1, 600), (37, 5), (512, 512)):
        maps = cell_maps(np.full((*shape, 3), 7, np.uint8), CPU)
        assert np.isfinite(maps.inside).all()
        assert maps.votes.shape == (*maps.inside.shape, 2)
        assert len(dense_seeds(maps).points) <= 1


def test_the_network_is_read_once_and_is_small():
    assert cell_net(CPU) is cell_net(CPU)
    assert not cell_net(CPU).training
    assert {value.dtype for value in cell_net(CPU).parameters()} == {torch.float32}
    assert WEIGHTS.stat().st_size < 1.8e6
