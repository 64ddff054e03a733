"""Tests of what all kinds of prompts share."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from napari_samara.errors import FileFormatError, PromptError
from napari_samara.planes import Plane
from napari_samara.prompts import Prompt, box, mask, point, polygon, scribble

EVERY_KIND = [
    point(7, 3, 4, positive=False),
    box(1, 2, 5, 9, index=7),
    scribble([(1, 1), (5, 5)], index=7),
    polygon([(1, 1), (1, 9), (8, 8)], index=7),
    mask(np.eye(12), index=7),
]


@pytest.mark.parametrize("made", EVERY_KIND, ids=lambda made: made.kind)
def test_kinds_are_values_of_one_plane(made: Prompt) -> None:
    assert made.plane((9, 12, 12)) == Plane.of(3, fixed={0: 7})
    assert made.inputs((12, 12)) is not None
    assert Prompt.from_dict(made.to_dict()) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert len({made, Prompt.from_dict(made.to_dict())}) == 1
    with pytest.raises(AttributeError):
        made.axis = 2  # type: ignore[misc]


@pytest.mark.parametrize("made", EVERY_KIND[1:], ids=lambda made: made.kind)
def test_replace_moves_a_prompt_to_another_slice(made: Prompt) -> None:
    assert replace(made, index=2).fixed == {0: 2}


def test_replace_moves_a_point_by_its_coordinates() -> None:
    assert replace(point(7, 3, 4), at=(2, 3, 4)) == point(2, 3, 4)


def test_entries_that_are_missing_or_unknown_are_named() -> None:
    with pytest.raises(FileFormatError, match=r"missing \['corners'\], unknown \['corner'\]"):
        Prompt.from_dict({"kind": "box", "corner": [1, 2, 3, 4]})
    with pytest.raises(FileFormatError, match=r"'star' is none of box, mask, point, poly"):
        Prompt.from_dict({"kind": "star"})


def test_a_slice_outside_the_volume_is_refused() -> None:
    with pytest.raises(PromptError, match=r"index 7 on axis 0"):
        box(1, 2, 5, 9, index=7).plane((7, 12, 12))
    with pytest.raises(PromptError, match="axis 3"):
        box(1, 2, 5, 9, axis=3, index=0).plane((7, 12, 12))
