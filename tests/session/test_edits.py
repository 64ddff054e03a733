"""Edits: applied, turned round, saved as runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_samara.errors import FileFormatError, FrameError, ImageError
from napari_samara.planes import Plane
from napari_samara.session.edits import (
    LabelEdit,
    crop,
    decode_values,
    edit_from_dict,
    encode_values,
    merged,
)

PLANES = [
    Plane.of(2),
    Plane.of(2, (1, 0)),
    Plane.of(3, fixed={0: 2}),
    Plane.of(3, (0, 2), {1: 3}),
    Plane.of(3, (2, 0), {1: 3}),
]


@pytest.mark.parametrize("plane", PLANES, ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_there_and_back_through_json(plane: Plane, dtype: type) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (7, 8, 9)[: plane.ndim]).astype(dtype)
    before = labels.copy()
    crop = plane.extract(labels)[1:5, 2:6].copy()
    edit = LabelEdit(plane, (1, 2, 5, 6), crop, rng.integers(0, 4, (4, 4)).astype(dtype))
    again = edit_from_dict(json.loads(json.dumps(edit.to_dict())), labels)
    for one in (edit, again):
        one.apply(labels)
        assert np.array_equal(plane.extract(labels)[1:5, 2:6], edit.after)
        assert np.count_nonzero(labels != before) == np.count_nonzero(edit.changed)
        one.inverse().apply(labels)
        assert np.array_equal(labels, before)
        assert labels.dtype == dtype


def test_only_changed_pixels_are_written() -> None:
    labels = np.zeros((4, 4), np.int32)
    edit = LabelEdit(Plane.of(2), (0, 0, 2, 2), np.zeros((2, 2), int), np.eye(2, dtype=int))
    labels[0, 1] = 9
    edit.apply(labels)
    assert labels[:2, :2].tolist() == [[1, 9], [0, 1]]


def test_arrays_that_do_not_fill_the_box() -> None:
    with pytest.raises(FrameError, match="do not fill"):
        LabelEdit(Plane.of(2), (0, 0, 2, 3), np.zeros((2, 2)), np.zeros((2, 2)))


@pytest.mark.parametrize("box", [(0, 0, 9, 2), (-1, 0, 1, 2), (3, 0, 1, 2)])
def test_boxes_outside(box: tuple[int, int, int, int]) -> None:
    data = {"plane": Plane.of(2).to_dict(), "box": box, "values": [1], "lengths": [1]}
    with pytest.raises((FrameError, FileFormatError)):
        edit_from_dict(data, np.zeros((4, 4), int))


def test_another_image() -> None:
    edit = LabelEdit(Plane.of(3, fixed={0: 1}), (0, 0, 1, 1), np.zeros((1, 1)), np.ones((1, 1)))
    with pytest.raises(ImageError):
        edit.apply(np.zeros((4, 4), int))


@pytest.mark.parametrize(
    "numbers", [np.zeros((0,)), np.zeros((3, 4)), np.arange(12).reshape(3, 4), -np.eye(5)]
)
def test_runs(numbers: np.ndarray) -> None:
    numbers = numbers.astype(np.int64)
    data = json.loads(json.dumps(encode_values(numbers)))
    assert np.array_equal(decode_values(data, numbers.shape), numbers)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"values": [1], "lengths": [1, 2]},
        {"values": [1], "lengths": [5]},
        {"values": [1, 2], "lengths": [8, -4]},
        {"values": ["a"], "lengths": [4]},
        {"values": [10**30], "lengths": [4]},
    ],
)
def test_runs_that_are_none(data: dict[str, object]) -> None:
    with pytest.raises(FileFormatError):
        decode_values(data, (2, 2))


@pytest.mark.parametrize("crossing", [False, True])
@pytest.mark.parametrize("count", [3, 40])
def test_many_edits_are_written_at_once(count: int, crossing: bool) -> None:
    rng = np.random.default_rng(count)
    labels = rng.integers(0, 4, (3, 30, 40), np.int32)
    truth, edits = labels.copy(), []
    for number in range(count):
        across = crossing and number % 3 == 0
        plane = Plane.of(3, fixed={2: 5} if across else {0: number % 2})
        row, col = rng.integers(0, 20, 2) if not across else (0, number % 20)
        side = 2 if across else 9
        box = (int(row), int(col), int(row) + side, int(col) + side)
        before = crop(plane, truth, box).copy()
        edits.append(LabelEdit(plane, box, before, rng.integers(0, 9, (side, side), np.int32)))
        edits[-1].apply(truth)
    fewer = merged(edits, labels)
    assert len(fewer) == (count if crossing or count == 3 else 2)
    for edit in fewer:
        edit.apply(labels)
    assert np.array_equal(labels, truth)
