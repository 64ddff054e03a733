"""Tests of labels as runs, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_samara.errors import FileFormatError
from napari_samara.planes import Plane
from napari_samara.session import label_runs
from napari_samara.session.edits import LabelEdit, decode_values, encode_values
from napari_samara.session.label_runs import (
    blocks_of,
    blocks_of_runs,
    encode_blocks,
    fill,
    without_edits,
)

SHAPE = (7, 9, 11)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two places of the first axis at a time."""
    monkeypatch.setattr(label_runs, "_BLOCK", 2 * 9 * 11)


@pytest.fixture
def labels() -> np.ndarray:
    made = np.zeros(SHAPE, np.int32)
    made[1:6, 2:5, 3:9] = 4  # goes on from block to block
    made[6, 8, 10] = 2**31 - 1
    return made


def test_as_the_runs_of_the_whole(labels: np.ndarray) -> None:
    runs = encode_blocks(blocks_of(labels))
    assert runs == encode_values(labels.astype(np.int64))
    parts = list(blocks_of_runs(runs, SHAPE, np.int32))
    assert [start for start, _ in parts] == [0, 2, 4, 6]
    assert np.array_equal(np.concatenate([block for _, block in parts]), labels)
    assert runs is not None
    assert np.array_equal(decode_values(runs, SHAPE), labels)


def test_nothing_but_zeros(labels: np.ndarray) -> None:
    assert encode_blocks(blocks_of(np.zeros(SHAPE, np.int8))) is None
    fill(labels, None)
    assert not labels.any()


def test_fill_writes_what_differs(labels: np.ndarray) -> None:
    class Watched:
        shape, dtype = labels.shape, labels.dtype
        written: list[Any] = []  # noqa: RUF012

        def __getitem__(self, region: Any) -> np.ndarray:
            return labels[region]

        def __setitem__(self, region: Any, values: np.ndarray) -> None:
            self.written.append(region)
            labels[region] = values

    wanted = labels.copy()
    wanted[4, 4, 4] = 9
    fill(Watched(), encode_blocks(blocks_of(wanted)))
    assert np.array_equal(labels, wanted)
    assert Watched.written == [slice(4, 6)]


@pytest.mark.parametrize("displayed", [(1, 2), (2, 1), (0, 2), (2, 0), (0, 1)])
def test_without_edits(labels: np.ndarray, displayed: tuple[int, int]) -> None:
    begun = labels.copy()
    [axis] = {0, 1, 2} - set(displayed)
    made = []
    for index, box, value in ((3, (1, 2, 6, 7), 8), (3, (0, 0, 4, 4), 5), (4, (2, 2, 3, 3), 6)):
        plane = Plane.of(3, displayed, {axis: index})
        before = plane.extract(labels, box=box).copy()
        after = before.copy()
        after[::2] = value
        made.append(LabelEdit(plane, box, before, after))
        made[-1].apply(labels)
    assert not np.array_equal(labels, begun)
    parts = [block for _, block in without_edits(blocks_of(labels), made)]
    assert np.array_equal(np.concatenate(parts), begun)


@pytest.mark.parametrize(
    "runs",
    [
        {},
        {"values": [1], "lengths": [3]},
        {"values": [1, 2], "lengths": [700, -7]},
        {"values": [1], "lengths": [1, 692]},
        {"values": ["a"], "lengths": [693]},
    ],
)
def test_runs_that_do_not_fit(runs: Any) -> None:
    with pytest.raises(FileFormatError, match="runs of labels"):
        list(blocks_of_runs(runs, SHAPE, np.int32))
