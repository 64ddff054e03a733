"""Tests of mask prompts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_samara.errors import PromptError
from napari_samara.prompts import MaskPrompt, Prompt, mask

DATA = np.zeros((20, 30), bool)
DATA[4:9, 6:17] = True


def test_inputs_are_mask_box_and_point() -> None:
    inputs = mask(DATA.astype(np.int32) * 7).inputs((20, 30))
    assert inputs.mask is not None
    assert inputs.box is not None
    np.testing.assert_array_equal(inputs.mask, DATA)
    assert inputs.box.tolist() == [4, 6, 9, 17]
    assert inputs.points.tolist() == [[6, 11]]
    assert inputs.positive.tolist() == [True]


def test_mask_does_not_follow_the_array() -> None:
    data = DATA.copy()
    made = mask(data)
    data[:] = False
    np.testing.assert_array_equal(made.array, DATA)


def test_equal_masks_are_equal_values() -> None:
    assert mask(DATA) == mask(DATA.astype(float))
    assert hash(mask(DATA)) == hash(mask(DATA))
    assert mask(DATA) != mask(~DATA)
    assert MaskPrompt((1, 4), (1, 0, 1, 2)) == MaskPrompt((1, 4), (2, 2))
    assert len(repr(mask(np.random.default_rng(0).random((90, 90)) > 0.5))) < 200


def test_plain_form_through_json() -> None:
    made = mask(DATA, axis=2, index=3)
    again = Prompt.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    assert again.fixed == {2: 3}


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4)),
        np.full((4, 4), np.nan),
        np.ones((0, 4)),
        np.ones((4, 4, 2)),
        np.ones(4),
        np.array([[None]], dtype=object),
        [["a"]],
    ],
)
def test_bad_arrays(array: object) -> None:
    with pytest.raises(PromptError):
        mask(array)


@pytest.mark.parametrize(
    ("size", "counts"), [((2, 2), (3,)), ((2, 2), (4,)), ((2,), (0, 2)), (3, 4), ((2, 2), ("a",))]
)
def test_bad_runs(size: tuple, counts: tuple) -> None:
    with pytest.raises(PromptError):
        MaskPrompt(size, counts)


def test_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(PromptError, match=r"\(20, 30\) does not fit the plane of shape \(30, 20\)"):
        mask(DATA).inputs((30, 20))
