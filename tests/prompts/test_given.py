"""Tests of prompts in the forms callers have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.errors import FileFormatError, PromptError
from napari_samara.prompts import PromptSet, as_prompt_set, box, point, write_prompts
from napari_samara.prompts.files import to_document

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = point(1, 2), point(3, 4), box(0, 0, 5, 6)
TWO = PromptSet.from_objects({1: [A], 2: [B]})


class Table:
    """The little that is asked of a table."""

    columns = ("axis-0", "axis-1")

    def __getitem__(self, name: str) -> list[int]:
        return {"axis-0": [1, 3], "axis-1": [2, 4]}[name]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (TWO, TWO),
        (A, PromptSet([A])),
        ([A, B], PromptSet([A, B])),
        ((A, B), PromptSet([A, B])),
        (iter([A, B]), PromptSet([A, B])),
        ([[A], [B]], TWO),
        ([A, [B]], TWO),
        ([(A, C), (B,)], PromptSet.from_objects({1: [A, C], 2: [B]})),
        ({1: A, 2: [B]}, TWO),
        ({np.int64(1): [A], 2: (B,)}, TWO),
        (np.array([(1, 2), (3, 4)]), TWO),
        (np.float32([(1, 2), (3, 4)]), TWO),
        ([(1, 2), (3, 4)], TWO),
        ([[1, 2], [3, 4]], TWO),
        (np.array([(5, 1, 2)]), PromptSet([point(5, 1, 2)])),
        (np.array([(0, 0, 5, 6)]), PromptSet([C])),
        ([(5, 6, 0, 0)], PromptSet([C])),
        (Table(), TWO),
        ({"row": [1, 3], "col": [2, 4]}, TWO),
        (to_document(TWO), TWO),
    ],
)
def test_every_form(given: object, wanted: PromptSet) -> None:
    assert as_prompt_set(given) == wanted


def test_a_path(tmp_path: Path) -> None:
    write_prompts(tmp_path / "p.json", TWO)
    assert as_prompt_set(tmp_path / "p.json") == TWO
    assert as_prompt_set(str(tmp_path / "p.json")) == TWO


def test_a_pandas_table() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"y": [1, 3], "x": [2, 4], "object": [1, 1], "positive": [True, True]})
    assert as_prompt_set(frame) == PromptSet([A, B])
    assert as_prompt_set(frame.rename(columns={"y": "axis-0", "x": "axis-1"})).objects == {
        1: (A, B)
    }


@pytest.mark.parametrize(
    "given", [[], (), {}, PromptSet(), np.zeros((0, 2)), [[]], [[], []], {"row": [], "col": []}]
)
def test_no_prompt_at_all(given: object) -> None:
    with pytest.raises(PromptError, match="no prompt was given"):
        as_prompt_set(given)


@pytest.mark.parametrize(
    "given",
    [
        None,
        3,
        [3, 4],
        np.zeros(2),
        np.zeros((2, 5)),
        np.zeros((2, 2, 2)),
        np.zeros((2, 2), bool),
        np.array([["a", "b"]]),
        [(1, 2), (3, 4, 5)],
        [(1, np.nan)],
        [(3, 3, 3, 9)],
        ["a", "b"],
        [A, 3],
        [A, (1, 2)],
        {1: [A], "2": [B]},
        {0: [A]},
        {1: [3]},
        {1: 3},
    ],
)
def test_what_is_no_prompt(given: object) -> None:
    with pytest.raises(PromptError):
        as_prompt_set(given)


def test_a_table_without_coordinates_is_named() -> None:
    with pytest.raises(FileFormatError, match="axis-0"):
        as_prompt_set({"area": [1]})
