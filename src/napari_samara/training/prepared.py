"""All that a step learns from, made ahead: views, what is true of them, objects and their prompts.

It follows from the recipe and the number of the step alone, so that it does not matter who makes
it, when, and how far ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from napari_samara.training.dense import InstanceTargets, instance_targets
from napari_samara.training.regions import Region, region_of
from napari_samara.training.rounds import ViewObjects, choose_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_samara.training.recipe import Recipe
    from napari_samara.training.views import Views

_SHARED, _CLICKS = 1 << 20, 1 << 21
"""In place of a worker's number in the seeds of what all workers decide alike, and of clicks."""

AHEAD = 3
"""Steps that each process prepares before they are asked for."""


@dataclass(frozen=True, eq=False)
class PreparedObjects:
    """Objects of views that are decoded together: parts of one size.

    Attributes
    ----------
    views : list of int
        Number of the view of each part.
    regions : list of Region
        What of the view is decoded.
    corners : list of tuple of int
        Place of each part in the model's input frame, in embedding positions (row, col).
    objects : ViewObjects
        Numbered by part.
    """

    views: list[int]
    regions: list[Region]
    corners: list[tuple[int, int]]
    objects: ViewObjects


@dataclass(frozen=True, eq=False)
class Prepared:
    """What one step learns from.

    Attributes
    ----------
    step : int
        Its number.
    pixels : Tensor
        (V, 3, side, side) float32.
    targets : InstanceTargets
        What is true of them.
    groups : list of PreparedObjects
        Objects that are prompted, perhaps none.
    rounds : int
        Predictions of each object to learn from.
    practice : int
        Predictions before them.
    clicks : tuple of int
        Seed of the clicks between them.
    """

    step: int
    pixels: Tensor
    targets: InstanceTargets
    groups: list[PreparedObjects] = field(default_factory=list)
    rounds: int = 1
    practice: int = 0
    clicks: tuple[int, ...] = ()


class Preparation(Dataset[Prepared]):
    """Makes the steps of a run, by their number.

    Parameters
    ----------
    views : Views
        What to draw from.
    recipe : Recipe
        How.
    size, patch : int
        Side of the model input and of one embedding position, in pixels.
    rank : int
        Of the worker that trains; each sees other views.
    """

    def __init__(self, views: Views, recipe: Recipe, size: int, patch: int, rank: int = 0) -> None:
        self.views, self.recipe, self.rank = views, recipe, rank
        self.size, self.patch = size, patch

    def __getitem__(self, step: int) -> Prepared:
        """Return what a step learns from."""
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, step, self.rank))
        # a seed of its own: (seed, step) alone is the one of the first worker, as zeros at the end
        # of a seed count for nothing
        shared = np.random.default_rng((recipe.seed, step, _SHARED))
        large, halved, earlier, second, third = shared.random(5) < (
            recipe.large_share,
            recipe.region_share,
            recipe.earlier,
            recipe.second_round,
            recipe.third_round,
        )  # what a step costs, so that no worker waits for another
        prompted = step >= recipe.dense_steps
        side, count = recipe.side, recipe.batch if prompted else recipe.dense_batch
        if prompted and large:
            side, count = self.size, recipe.large_batch
        crops = [self.views.draw(rng, side) for _ in range(count)]
        pixels = torch.from_numpy(np.stack([crop.pixels for crop in crops]))
        targets = InstanceTargets.of_views([instance_targets(crop.labels, rng) for crop in crops])
        if not prompted:
            return Prepared(step, pixels, targets)
        rounds = 1 + int(second) + int(second and third)
        practised = shared.random() < recipe.practised
        practice = int(shared.integers(1, recipe.practice + 1)) if practised else 0
        groups = self._objects([crop.labels for crop in crops], bool(halved), bool(earlier), rng)
        clicks = recipe.seed, step, _CLICKS + self.rank
        return Prepared(step, pixels, targets, groups, rounds, practice, clicks)

    def steps(self, start: int, processes: int = 0) -> Iterator[Prepared]:
        """Go through the steps of the recipe.

        Parameters
        ----------
        start : int
            The first.
        processes : int
            That prepare steps ahead; 0 for none: each step is made when it is asked for.

        Yields
        ------
        Prepared
            In order.
        """
        numbers = range(start, self.recipe.steps)
        if not processes:
            yield from (self[step] for step in numbers)
            return
        loader: DataLoader[Prepared] = DataLoader(
            self,
            batch_size=None,
            sampler=numbers,
            num_workers=processes,
            prefetch_factor=AHEAD,
            collate_fn=_as_it_is,
        )
        yield from loader

    def _objects(
        self, views: list[np.ndarray], halved: bool, earlier: bool, rng: np.random.Generator
    ) -> list[PreparedObjects]:
        """Choose what is prompted in each view; parts of one size go together."""
        groups: dict[int, list[tuple[int, Region, tuple[int, int], ViewObjects]]] = {}
        for number, labels in enumerate(views):
            row, col = self._offset(rng, len(labels))
            region = Region(0, 0, len(labels) // self.patch)
            if halved:
                region = region_of(labels, self.patch, self.recipe.smallest, rng)
            part = region.of_labels(labels, self.patch)
            objects = choose_objects(part, self.recipe, rng, earlier)
            if objects is not None:
                corner = row + region.row, col + region.col
                groups.setdefault(region.side, []).append((number, region, corner, objects))
        found = []
        for group in groups.values():
            numbers, regions, corners, parts = (list(one) for one in zip(*group, strict=True))
            objects = ViewObjects.of_views(parts)
            found.append(PreparedObjects(numbers, regions, corners, objects))
        return found

    def _offset(self, rng: np.random.Generator, side: int) -> tuple[int, int]:
        """Place of a view in the model's frame, in embedding positions (row, col)."""
        row, col = rng.integers(0, (self.size - side) // self.patch + 1, 2)
        return int(row), int(col)


def _as_it_is(prepared: Any) -> Any:
    return prepared
