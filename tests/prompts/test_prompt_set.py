"""Tests of prompt sets."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from napari_samara.errors import PromptError
from napari_samara.planes import Plane
from napari_samara.prompts import PromptSet, box, mask, point

A, B, C = point(1, 2), point(3, 4, positive=False), box(0, 0, 5, 6)


def test_a_list_is_one_object() -> None:
    prompts = PromptSet([A, B])
    assert prompts.objects == {1: (A, B)}
    assert list(prompts) == [A, B]
    assert len(prompts) == 2
    assert prompts[-1] == B


def test_objects_keep_their_order() -> None:
    prompts = PromptSet.from_objects({5: [A], 2: [B, C]}).add(C, 5)
    assert prompts.objects == {5: (A, C), 2: (B, C)}
    assert list(prompts.objects) == [5, 2]
    assert [number for number, _ in prompts.entries] == [5, 2, 2, 5]


def test_changes_make_new_sets() -> None:
    prompts = PromptSet([A, B])
    assert list(prompts.add(C)) == [A, B, C]
    assert prompts.add(C, 2).objects == {1: (A, B), 2: (C,)}
    assert list(prompts.remove(0)) == [B]
    assert list(prompts.remove(-1)) == [A]
    assert list(prompts.replace(1, C)) == [A, C]
    assert list(prompts) == [A, B]
    with pytest.raises(AttributeError):
        prompts.entries = ()  # type: ignore[misc]


def test_sets_are_values() -> None:
    assert PromptSet([A, B]) == PromptSet.from_entries([(1, A), (np.int64(1), B)])
    assert hash(PromptSet([A])) == hash(PromptSet([A]))
    assert PromptSet([A, B]) != PromptSet([B, A])
    assert PromptSet([A]) != PromptSet([A], object_id=2)
    assert PromptSet() == PromptSet.from_objects({})


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None])
def test_ids_are_whole_numbers_from_1(number: object) -> None:
    with pytest.raises(PromptError, match="object id"):
        PromptSet([A], number)  # type: ignore[arg-type]


@pytest.mark.parametrize("what", [(1, 2), "point", None])
def test_only_prompts_are_taken(what: object) -> None:
    with pytest.raises(PromptError, match="is no prompt; make one with"):
        PromptSet([what])  # type: ignore[list-item]


@pytest.mark.parametrize("position", [2, -3])
def test_no_such_prompt(position: int) -> None:
    with pytest.raises(PromptError, match="in a set of 2"):
        PromptSet([A, B]).remove(position)
    with pytest.raises(PromptError, match="in a set of 2"):
        PromptSet([A, B]).replace(position, C)


def test_inputs_of_one_object_are_merged() -> None:
    prompts = PromptSet.from_objects({1: [A, C, box(4, 4, 9, 9), B], 2: [mask(np.eye(9))]})
    inputs = prompts.inputs(1, (9, 9))
    assert inputs.points.tolist() == [[1, 2], [3, 4]]
    assert inputs.positive.tolist() == [True, False]
    assert inputs.box is not None
    assert inputs.box.tolist() == [0, 0, 9, 9]
    assert inputs.mask is None
    assert prompts.inputs(2, (9, 9)).mask is not None


def test_inputs_of_an_object_without_prompts_are_refused() -> None:
    with pytest.raises(PromptError, match="no prompt was given"):
        PromptSet([A]).inputs(2, (9, 9))


def test_inputs_of_several_planes_are_refused() -> None:
    prompts = PromptSet([point(1, 2, 3), point(2, 2, 3)])
    with pytest.raises(PromptError, match="by_plane"):
        prompts.inputs(1, (9, 9))


def test_by_plane() -> None:
    far, near = point(7, 1, 1), box(0, 0, 4, 4, axis=0, index=2)
    side = point(3, 2, 3, axis=2)
    prompts = PromptSet.from_objects({1: [far, near], 4: [far, side]})
    found = prompts.by_plane((9, 9, 9))
    assert found == {
        Plane.of(3, fixed={0: 7}): PromptSet.from_entries([(1, far), (4, far)]),
        Plane.of(3, fixed={0: 2}): PromptSet([near]),
        Plane.of(3, fixed={2: 3}): PromptSet([side], 4),
    }
    assert PromptSet([A]).by_plane((9, 9)) == {Plane(): PromptSet([A])}
    with pytest.raises(PromptError, match="outside"):
        prompts.by_plane((5, 9, 9))


def test_objects_given_out_can_be_changed_without_harm() -> None:
    prompts = PromptSet([A])
    prompts.objects.clear()
    assert prompts.objects == {1: (A,)}


def test_a_set_crosses_a_process_border() -> None:
    prompts = PromptSet([A, C])
    assert prompts.objects
    assert pickle.loads(pickle.dumps(prompts)) == prompts
