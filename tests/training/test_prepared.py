"""Tests of what a step learns from, made ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.training.miniature import SHORT, SIZE, square

from napari_samara.training.prepared import Preparation, Prepared
from napari_samara.training.recipe import Recipe
from napari_samara.training.views import Source, Views

PATCH = 16


def preparation(rank: int = 0, **changes: Any) -> Preparation:
    """Of views of a square and of phantoms, for a model input of 64 pixels."""
    recipe = Recipe(**SHORT | {"side": SIZE, "steps": 5} | changes)
    views = Views([Source([square()], 1.0)], recipe.phantoms)
    return Preparation(views, recipe, SIZE, PATCH, rank)


def numbers(given: Prepared) -> list[Any]:
    """All that a step learns from, as plain numbers."""
    return [
        given.step,
        given.rounds,
        given.practice,
        given.clicks,
        given.pixels.tolist(),
        given.targets.labels.tolist(),
        given.targets.points.tolist(),
        [
            (group.views, group.corners, group.objects.masks.sum((1, 2)).tolist())
            for group in given.groups
        ],
        [[(p.points, p.box) for p in group.objects.prompts] for group in given.groups],
    ]


def test_a_step_follows_from_its_number_alone() -> None:
    one, other = preparation(), preparation()
    assert numbers(one[3]) == numbers(other[3])
    assert numbers(one[3]) != numbers(one[2])
    assert numbers(one[3]) != numbers(preparation(rank=1)[3])


@pytest.mark.parametrize("processes", [0, 2])
def test_processes_change_nothing(processes: int) -> None:
    made = list(preparation().steps(1, processes))
    assert [one.step for one in made] == [1, 2, 3, 4]
    for one in made:
        assert numbers(one) == numbers(preparation()[one.step])


def test_large_views_come_in_a_batch_of_their_own() -> None:
    made = preparation(side=SIZE // 2, large_share=1.0, large_batch=3)[0]
    assert made.pixels.shape == (3, 3, SIZE, SIZE)
    assert len(made.targets) == 3


def test_objects_of_a_step_are_all_given_by_masks_of_the_slice_before_or_none() -> None:
    made = [preparation(earlier=0.5, batch=4)[step] for step in range(9)]
    given = [[group.objects.earlier is not None for group in one.groups] for one in made]
    assert all(len(set(some)) == 1 for some in given)
    assert {some[0] for some in given} == {True, False}


def test_some_steps_practise_and_see_the_same_otherwise() -> None:
    changes = {"practised": 0.5, "practice": 3}
    made = [preparation(**changes)[step] for step in range(40)]
    counts = [one.practice for one in made]
    assert set(counts) == {0, 1, 2, 3}
    assert 10 < sum(count > 0 for count in counts) < 30
    assert all(preparation()[step].practice == 0 for step in range(5))
    for step in range(5):  # how many rounds come before decides nothing else
        one, other = numbers(made[step]), numbers(preparation()[step])
        assert one[:2] + one[3:] == other[:2] + other[3:]
    assert all(preparation(rank=1, **changes)[s].practice == counts[s] for s in range(5))


def test_first_steps_have_no_prompts() -> None:
    given = preparation(dense_steps=2, dense_batch=3)[1]
    assert given.pixels.shape == (3, 3, SIZE, SIZE)
    assert given.groups == []


def test_parts_hold_their_objects_and_lie_in_the_frame() -> None:
    made = preparation(batch=6, region_share=0.7, phantoms=1.0, side=SIZE)
    sides = set()
    for step in range(4):
        given = made[step]
        for group in given.groups:
            objects = group.objects
            assert len(group.views) == len(group.regions) == len(group.corners)
            assert set(objects.views) == set(range(len(group.views)))
            for mask, at in zip(objects.masks.numpy(), objects.views, strict=True):
                region, labels = group.regions[at], given.targets.labels[group.views[at]].numpy()
                sides.add(region.side)
                part = region.of_labels(labels, PATCH)
                assert mask.shape == part.shape
                assert len(np.unique(part[mask])) == 1  # all of one object
                assert (part == part[mask][0]).sum() == mask.sum()
                row, col = group.corners[at]
                assert 0 <= row <= SIZE // PATCH - region.side
                assert 0 <= col <= SIZE // PATCH - region.side
    assert sides == {2, 4}


def test_pixels_are_ready_for_the_model() -> None:
    pixels = preparation()[0].pixels
    assert pixels.dtype == torch.float32
    assert abs(float(pixels.mean())) < 0.5
