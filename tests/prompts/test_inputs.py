"""Tests of what prompts say to the model, alone and together."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.errors import PromptError
from napari_samara.prompts import PromptInputs

LEFT, RIGHT = np.eye(4, dtype=bool), np.eye(4, dtype=bool)[::-1]


def test_empty_inputs_have_the_right_shapes() -> None:
    for inputs in (PromptInputs(), PromptInputs.of()):
        assert inputs.points.shape == (0, 2)
        assert inputs.points.dtype == np.float32
        assert inputs.positive.shape == (0,)
        assert inputs.positive.dtype == np.bool_


def test_merged_takes_points_in_order_one_box_and_one_mask() -> None:
    merged = PromptInputs.merged(
        [
            PromptInputs.of([(1, 2)], positive=False),
            PromptInputs.of([(3, 4), (5, 6)], box=(1, 5, 3, 9), mask=LEFT),
            PromptInputs.of(box=(0, 6, 2, 7)),
            PromptInputs.of(mask=RIGHT),
        ]
    )
    assert merged.points.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert merged.positive.tolist() == [False, True, True]
    assert merged.steps.tolist() == [1, 0, 0]  # points of a box come with it
    assert merged.box is not None
    assert merged.box.tolist() == [0, 5, 3, 9]
    np.testing.assert_array_equal(merged.mask, LEFT | RIGHT)


def test_merged_of_points_has_neither_box_nor_mask() -> None:
    merged = PromptInputs.merged([PromptInputs.of([(1, 2)])])
    assert merged.box is None
    assert merged.mask is None


def test_merged_of_nothing_is_refused() -> None:
    with pytest.raises(PromptError, match="no prompt was given"):
        PromptInputs.merged([])
