"""Tests of the part of a view that a step looks at."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.training.miniature import SIZE, make_model

from napari_samara.training.regions import Region, joined_features, region_of

PATCH = 4
RNG = np.random.default_rng


def labels_with(*spans: tuple[int, int, int, int]) -> np.ndarray:
    """Rectangles, half-open (row0, col0, row1, col1), in a view of 64 pixels."""
    labels = np.zeros((64, 64), np.int32)
    for label, (row0, col0, row1, col1) in enumerate(spans, start=1):
        labels[row0:row1, col0:col1] = label
    return labels


@pytest.mark.parametrize(
    "span",
    [(0, 0, 7, 9), (57, 50, 64, 64), (30, 31, 35, 36), (20, 0, 41, 21), (29, 29, 33, 50)],
    ids=["corner", "far corner", "middle", "as large as may be", "across the middle"],
)
def test_the_object_is_in_it(span: tuple[int, int, int, int]) -> None:
    labels = labels_with(span)
    places = set()
    for seed in range(40):
        region = region_of(labels, PATCH, 1, RNG(seed))
        assert region.side == 8
        assert min(region.row, region.col) >= 0
        assert max(region.row, region.col) <= 8
        part = region.of_labels(labels, PATCH)
        assert part.shape == (32, 32)
        assert (part == 1).sum() == (labels == 1).sum()
        places.add((region.row, region.col))
    if span[0] and span[2] - span[0] < 10 and span[2] < 64:
        assert len(places) > 1  # not always at the same place in the region


@pytest.mark.parametrize(
    "labels",
    [labels_with(), labels_with((2, 2, 4, 4)), labels_with((10, 10, 32, 20))],
    ids=["no object", "too small", "too large for half"],
)
def test_whole_view(labels: np.ndarray) -> None:
    assert region_of(labels, PATCH, 9, RNG(0)) == Region(0, 0, 16)


def test_every_object_has_its_turn() -> None:
    labels = labels_with((2, 2, 6, 6), (50, 50, 56, 56))
    seen = {
        int(label)
        for seed in range(20)
        for label in np.unique(region_of(labels, PATCH, 1, RNG(seed)).of_labels(labels, PATCH))
    }
    assert seen == {0, 1, 2}


def test_features_of_the_same_place() -> None:
    """Embedding and finer maps are cut where the labels are."""
    model = make_model().eval()
    patch = model.config.vision_config.patch_size
    with torch.no_grad():
        features = model.encode_any(torch.zeros(1, 3, SIZE, SIZE))
    marked = [torch.zeros_like(features.embedding), *map(torch.zeros_like, features.skips)]
    for step, whole in enumerate(marked):
        whole[..., 1 << step : 3 << step, 2 << step : 4 << step] = 1
    region = Region(1, 2, 2)
    part = region.of_features(type(features)(marked[0], tuple(marked[1:])))
    for step, cut in enumerate((part.embedding, *part.skips)):
        assert cut.shape[-2:] == (2 << step, 2 << step)
        assert bool(cut.all())
    labels = np.zeros((SIZE, SIZE), np.int32)
    labels[patch : 3 * patch, 2 * patch : 4 * patch] = 1
    assert region.of_labels(labels, patch).all()


def test_regions_of_several_views_are_cut_as_each_alone() -> None:
    model = make_model().eval()
    pixels = torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        features = model.encode_any(pixels)
    regions, views = [Region(0, 1, 2), Region(2, 2, 2), Region(1, 0, 2)], [2, 0, 2]
    joined = joined_features(features, views, regions)
    for number, (view, region) in enumerate(zip(views, regions, strict=True)):
        alone = region.of_features(features)
        pairs = zip((joined.embedding, *joined.skips), (alone.embedding, *alone.skips), strict=True)
        for mine, its in pairs:
            assert torch.equal(mine[number], its[view])
