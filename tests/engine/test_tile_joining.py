"""Labels of tiles become labels of the plane: nothing cut, nothing twice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_samara.engine.tile_joining import join_labels, tiles_covering
from napari_samara.errors import ImageError

SIZE = (300, 400)


def scene(seed: int, longest: int = 24) -> np.ndarray:
    """Ellipses that do not touch each other, some at the edge of the plane."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(SIZE, np.int32)
    rows, cols = np.indices(SIZE)
    count = 0
    for _ in range(400):
        row, col = rng.uniform(0, SIZE[0]), rng.uniform(0, SIZE[1])
        a, b = rng.uniform(4, longest / 2, 2)
        near = ((rows - row) / (a + 2)) ** 2 + ((cols - col) / (b + 2)) ** 2 <= 1
        inside = ((rows - row) / a) ** 2 + ((cols - col) / b) ** 2 <= 1
        if inside.any() and not labels[near].any():
            count += 1
            labels[inside] = count
    return labels


def cut_up(labels: np.ndarray, boxes: list[tuple[int, int, int, int]], seed: int) -> list:
    """Each tile with numbers of its own, in another order."""
    rng = np.random.default_rng(seed)
    tiles = []
    for box in boxes:
        part = labels[box[0] : box[2], box[1] : box[3]]
        names = np.concatenate([[0], rng.permutation(labels.max()) + 1])
        tiles.append((box, names[part]))
    return tiles


def same_objects(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether both have the same objects, whatever their numbers."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return all(len(np.unique(numbers)) == pairs.shape[1] for numbers in pairs)


@pytest.mark.parametrize("overlap", [4, 24, 60])
@pytest.mark.parametrize("seed", range(3))
def test_a_scene_cut_up_is_itself_again(overlap: int, seed: int) -> None:
    labels = scene(seed)
    boxes = tiles_covering(SIZE, 128, overlap)
    assert len(boxes) > 4
    found = join_labels(cut_up(labels, boxes, seed), SIZE)
    assert found.dtype == np.int32
    assert found.max() == labels.max() > 40
    assert same_objects(found, labels)
    backwards = join_labels(cut_up(labels, boxes[::-1], seed), SIZE)
    assert same_objects(backwards, labels)


def test_objects_longer_than_a_tile_are_joined() -> None:
    labels = np.zeros(SIZE, np.int32)
    labels[40:60, 10:390] = 1
    labels[100:290, 200:230] = 2
    boxes = tiles_covering(SIZE, 128, 24)
    assert same_objects(join_labels(cut_up(labels, boxes, 0), SIZE), labels)


def test_tiles_that_do_not_agree_to_the_pixel() -> None:
    """An object seen a little larger in one tile than in the other stays one object."""
    one, other = np.zeros((100, 100), int), np.zeros((100, 100), int)
    one[40:60, 70:95] = 1
    other[41:61, 28:57] = 1  # columns 68 to 97 of the plane: two tiles 40 pixels apart
    found = join_labels([((0, 0, 100, 100), one), ((0, 40, 100, 140), other)], (100, 140))
    assert found.max() == 1
    assert np.array_equal(found[:, :100], one)


def test_a_whole_object_replaces_what_a_tile_saw_of_it() -> None:
    one, other = np.zeros((100, 100), int), np.zeros((100, 100), int)
    one[40:60, 90:100] = 1  # cut at column 100
    other[42:58, 48:70] = 1  # whole: columns 88 to 110
    found = join_labels([((0, 0, 100, 100), one), ((0, 40, 100, 140), other)], (100, 140))
    assert found.max() == 1
    assert found[42:58, 88:110].all()
    assert np.count_nonzero(found) == 16 * 22


def test_neighbours_that_touch_stay_two() -> None:
    labels = np.zeros(SIZE, np.int32)
    labels[100:140, 50:120] = 1
    labels[100:140, 120:190] = 2
    boxes = tiles_covering(SIZE, 128, 40)
    found = join_labels(cut_up(labels, boxes, 0), SIZE)
    assert same_objects(found, labels)


@pytest.mark.parametrize(
    ("size", "side", "overlap"),
    [
        ((300, 400), 128, 0),
        ((1000, 90), 128, 32),
        ((128, 128), 128, 64),
        ((101, 257), 64, 16),
        ((31, 30), 64, 16),
    ],
)
def test_tiles_cover_with_their_overlap(size: tuple[int, int], side: int, overlap: int) -> None:
    boxes = tiles_covering(size, side, overlap)
    seen = np.zeros(size, int)
    for row0, col0, row1, col1 in boxes:
        assert (row1 - row0, col1 - col0) == (min(side, size[0]), min(side, size[1]))
        seen[row0:row1, col0:col1] += 1
    assert seen.min() == 1
    for axis in (0, 1):
        starts = sorted({box[axis] for box in boxes})
        assert all(after - before <= side - overlap for before, after in itertools.pairwise(starts))


def test_what_is_refused() -> None:
    with pytest.raises(ImageError, match="overlap"):
        tiles_covering(SIZE, 64, 64)
    with pytest.raises(ImageError, match="shape"):
        join_labels([((0, 0, 10, 10), np.zeros((10, 9), int))], SIZE)
    assert join_labels([], SIZE).max() == 0
