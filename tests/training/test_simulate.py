"""Tests of simulated prompts."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.training.simulate import (
    ABSENT,
    COVERED,
    corrective_point,
    deformed,
    earlier_prompts,
    first_prompts,
    inner_point,
    jittered_box,
    outer_point,
)

SIDE = 40
ROWS, COLS = np.indices((SIDE, SIDE))
RADIUS = np.hypot(ROWS - 20, COLS - 18)


def area(rows: slice, cols: slice) -> np.ndarray:
    """A rectangle."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[rows, cols] = True
    return mask


MASKS = {
    "disk": RADIUS < 9,
    "ring": (RADIUS < 12) & (RADIUS > 9),
    "one pixel": area(slice(7, 8), slice(30, 31)),
    "corner pixel": area(slice(0, 1), slice(39, 40)),
    "line": area(slice(5, 6), slice(2, 33)),
    "two pieces": area(slice(2, 6), slice(3, 9)) | area(slice(30, 38), slice(28, 36)),
    "at the border": area(slice(30, 40), slice(0, 12)),
    "full": np.ones((SIDE, SIDE), bool),
    "all but one": ~area(slice(11, 12), slice(12, 13)),
}
SEEDS = range(25)
every_mask = pytest.mark.parametrize("name", MASKS)


@every_mask
def test_positive_points_lie_inside(name: str) -> None:
    for seed in SEEDS:
        x, y, positive = inner_point(MASKS[name], np.random.default_rng(seed))
        assert positive
        assert MASKS[name][int(y), int(x)]
        assert (x, y) == (int(x), int(y))


@pytest.mark.parametrize("name", [name for name in MASKS if name != "full"])
def test_negative_points_lie_outside(name: str) -> None:
    for seed in SEEDS:
        x, y, positive = outer_point(MASKS[name], np.random.default_rng(seed))
        assert not positive
        assert 0 <= min(x, y) <= max(x, y) < SIDE
        assert not MASKS[name][int(y), int(x)]


def test_points_are_deep_inside_or_anywhere() -> None:
    rng = np.random.default_rng(0)
    depths = [
        RADIUS[int(y), int(x)] for x, y, _ in (inner_point(MASKS["disk"], rng) for _ in MASKS)
    ]
    points = [inner_point(MASKS["disk"], rng) for _ in range(200)]
    points = [inner_point(MASKS["disk"], rng) for _ in range(200)]
    depths = [RADIUS[int(y), int(x)] for x, y, _ in points]
    assert 0.4 < np.mean(np.array(depths) < 2) < 0.7
    assert max(depths) > 7


@every_mask
def test_boxes_hold_most_of_the_object(name: str) -> None:
    rows, cols = np.nonzero(MASKS[name])
    tight = np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1])
    size = np.tile(tight[2:] - tight[:2], 2)
    exact = 0
    for seed in SEEDS:
        found = np.array(jittered_box(MASKS[name], np.random.default_rng(seed)))
        assert np.isfinite(found).all()
        assert (found[2:] >= found[:2] + 1).all()
        assert (np.abs(found - tight) <= 0.3 * size + 4).all()
        exact += int((found == tight).all())
    assert 0 < exact < len(SEEDS)


@every_mask
def test_first_prompts_fit_the_object(name: str) -> None:
    for seed in SEEDS:
        prompts = first_prompts(MASKS[name], np.random.default_rng(seed))
        assert prompts.points or prompts.box is not None
        assert len(prompts.points) <= 4
        for x, y, positive in prompts.points:
            assert MASKS[name][int(y), int(x)] == positive


def test_first_prompts_are_of_every_kind() -> None:
    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(300):
        found = first_prompts(MASKS["disk"], rng)
        kinds.append((found.box is not None, len(found.points), all(p[2] for p in found.points)))
    share = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    assert share[(False, 1, True)] == pytest.approx(0.42, abs=0.1)
    assert share[(True, 0, True)] == pytest.approx(0.42, abs=0.1)
    assert share[(True, 1, True)] > 0.02
    assert any(not positive for _, _, positive in share)


EMPTY = np.zeros((SIDE, SIDE), bool)
BLOCK = area(slice(10, 30), slice(10, 30))
SMALL_HOLE, LARGE_HOLE = area(slice(12, 14), slice(12, 14)), area(slice(18, 25), slice(18, 25))
SPECK, BLOB = area(slice(2, 4), slice(2, 4)), area(slice(31, 39), slice(31, 39))


@pytest.mark.parametrize(
    ("truth", "predicted", "region", "positive"),
    [
        (BLOCK, EMPTY, BLOCK, True),
        (EMPTY, BLOCK, BLOCK, False),
        (BLOCK, BLOCK & ~SMALL_HOLE & ~LARGE_HOLE, LARGE_HOLE, True),
        (BLOCK, BLOCK | SPECK | BLOB, BLOB, False),
        (BLOCK, (BLOCK & ~LARGE_HOLE) | BLOB, BLOB, False),  # 64 pixels too many, 49 missed
        (BLOCK, (BLOCK & ~LARGE_HOLE) | SPECK, LARGE_HOLE, True),
        (~SPECK, np.ones_like(SPECK), SPECK, False),
        (MASKS["one pixel"], EMPTY, MASKS["one pixel"], True),
    ],
)
def test_click_goes_into_the_largest_error(
    truth: np.ndarray, predicted: np.ndarray, region: np.ndarray, positive: bool
) -> None:
    for rng in (None, *(np.random.default_rng(seed) for seed in range(10))):
        found = corrective_point(truth, predicted, rng)
        assert found is not None
        x, y, sign = found
        assert region[int(y), int(x)]
        assert sign == positive


def test_click_without_chance_is_the_middle() -> None:
    assert corrective_point(area(slice(10, 21), slice(4, 15)), EMPTY) == (9.0, 15.0, True)


@every_mask
def test_perfect_mask_needs_no_click(name: str) -> None:
    assert corrective_point(MASKS[name], MASKS[name].copy(), np.random.default_rng(0)) is None
    assert corrective_point(EMPTY, EMPTY) is None


@every_mask
def test_a_deformed_mask_is_not_empty_and_stays_near(name: str) -> None:
    mask = MASKS[name]
    found = [deformed(mask, np.random.default_rng(seed)) for seed in SEEDS]
    assert all(one.any() and one.shape == mask.shape for one in found)
    if name == "disk":
        overlaps = [(one & mask).sum() / (one | mask).sum() for one in found]
        assert max(overlaps) > 0.8
        assert 0.05 < min(overlaps) < 0.7
        areas = [one.sum() for one in found]
        assert min(areas) < mask.sum() < max(areas)


def labelled(*names: str) -> np.ndarray:
    """Masks as labels from 1."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    for label, name in enumerate(names, start=1):
        labels[MASKS[name]] = label
    return labels


def test_masks_of_the_slice_before_lie_on_the_object_or_where_none_is() -> None:
    labels = labelled("disk", "two pieces")
    gone = 0
    for seed in range(200):
        prompts, earlier, there = earlier_prompts(labels, 1, np.random.default_rng(seed))
        assert earlier.any()
        assert prompts.points or prompts.box is not None
        for x, y, positive in prompts.points:
            assert earlier[int(y), int(x)] == positive
        if prompts.box is not None:
            rows, cols = np.nonzero(earlier)
            middle = (cols.min() + cols.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
            assert prompts.box[0] < middle[0] < prompts.box[2]
            assert prompts.box[1] < middle[1] < prompts.box[3]
        if not there:
            gone += 1
            assert (labels[earlier] > 0).mean() <= COVERED
    assert gone / 200 == pytest.approx(ABSENT, abs=0.1)


def test_where_objects_fill_everything_none_is_gone() -> None:
    labels = np.ones((SIDE, SIDE), np.int32)
    labels[:, 20:] = 2
    assert all(earlier_prompts(labels, 2, np.random.default_rng(seed))[2] for seed in range(30))
