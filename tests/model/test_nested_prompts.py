"""Nested lists of prompts to arrays in the frame of the model input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_samara.errors import PromptError
from napari_samara.geometry import Frame
from napari_samara.model.nested_prompts import box_arrays, point_arrays

ONE = [Frame(100, 200, 400)]  # twice as large inside
TWO = [Frame(100, 200, 400), Frame(400, 100, 400)]


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[[10, 20]]], [[[[20, 40]]]]),
        ([[[10, 20], [0.5, 1]]], [[[[20, 40], [1, 2]]]]),
        ([[[[10, 20]], [[30, 5]]]], [[[[20, 40]], [[60, 10]]]]),
        ([[[[10, 20], [3, 4]], [[30, 5], [6, 7]]]], [[[[20, 40], [6, 8]], [[60, 10], [12, 14]]]]),
    ],
)
def test_points_of_one_image(kind, points, expected):
    found = point_arrays(kind(points), None, ONE)
    assert found.keys() == {"input_points"}
    assert found["input_points"].dtype == np.float32
    assert np.array_equal(found["input_points"], expected)


def test_each_image_has_its_frame():
    found = point_arrays([[[10, 20]], [[10, 20]]], [[1], [0]], TWO)
    assert found["input_points"].tolist() == [[[[20, 40]]], [[[10, 20]]]]
    assert found["input_labels"].tolist() == [[[1]], [[0]]]


def test_one_image_serves_several_entries():
    found = point_arrays([[[10, 20]], [[1, 2]]], None, ONE)["input_points"]
    assert found.tolist() == [[[[20, 40]]], [[[2, 4]]]]


def test_tensors_in_lists():
    found = point_arrays([torch.tensor([[10, 20]])], [np.array([1])], ONE)
    assert found["input_points"].tolist() == [[[[20, 40]]]]


@pytest.mark.parametrize("labels", [None, [[1, 0, 1], [0]]])
def test_shorter_lists_are_filled_up(labels):
    found = point_arrays([[[1, 2], [3, 4], [5, 6]], [[7, 8]]], labels, TWO)
    assert found["input_points"][1, 0].tolist() == [[7, 8], [-10, -10], [-10, -10]]
    assert found["input_labels"][1, 0].tolist() == [1 if labels is None else 0, -10, -10]
    assert found["input_labels"].dtype == np.int64


def test_objects_of_different_lengths_in_one_image():
    points = [[[[1, 2]], [[3, 4], [5, 6]]]]
    found = point_arrays(points, [[[1], [1, 0]]], ONE, padding=-1)
    assert found["input_labels"].tolist() == [[[1, -1], [1, 0]]]
    assert found["input_points"][0, 0, 1].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([10, 20], None, "nest 1 deep"),
        ([[10, 20]], None, "nest 2 deep"),
        ([[[[[10, 20]]]]], None, "nest 5 deep"),
        ([], None, "nest 1 deep"),
        (3, None, "nest 0 deep"),
        ([[[1, 2, 3]]], None, "rows of 2 numbers"),
        ([[[]]], None, "rows of 2 numbers"),
        ([[[1, 2], [3]]], None, "rows of 2 numbers"),
        ([[["a", "b"]]], None, "rows of 2 numbers"),
        ([[[None, 1]]], None, "rows of 2 numbers"),
        ([[[1j, 1]]], None, "rows of 2 numbers"),
        ([[[float("nan"), 1]]], None, "NaN"),
        ([[[float("inf"), 1]]], None, "NaN or infinity"),
        ([[[[1, 2]]], []], None, "list of prompts"),
        ([[[1, 2]]], [1], "input_labels nest 1 deep"),
        ([[[1, 2]]], [[1, 0]], "do not fit"),
        ([[[1, 2]]], [[[1], [0]]], "do not fit"),
        ([[[1, 2]]], [[1], [1]], "do not fit"),
        ([[[1, 2]]], [[2]], "label 2 means nothing"),
        ([[[1, 2]]], [[0.5]], "label 0.5 means nothing"),
        ([[[1, 2]]], [["x"]], "a list of numbers"),
        (None, [[1]], "without input_points"),
    ],
)
def test_points_that_mean_nothing(points, labels, message):
    with pytest.raises(PromptError, match=message):
        point_arrays(points, labels, ONE)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[[1, 2]]] * 3, "3 images, but 2"),
        ([[[[1, 2]]], [[[1, 2]], [[3, 4]]]], "1 and 2 objects"),
    ],
)
def test_points_of_other_images(points, message):
    with pytest.raises(PromptError, match=message):
        point_arrays(points, None, TWO)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_boxes(kind):
    found = box_arrays(kind([[[1, 2, 3, 4], [10.5, 2, 20, 30]]]), ONE)["input_boxes"]
    assert found.dtype == np.float32
    assert found.tolist() == [[[2, 4, 6, 8], [21, 4, 40, 60]]]


def test_boxes_of_two_images():
    found = box_arrays([[[1, 2, 3, 4]], [[1, 2, 3, 4]]], TWO)["input_boxes"]
    assert found.tolist() == [[[2, 4, 6, 8]], [[1, 2, 3, 4]]]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([1, 2, 3, 4], "nest 1 deep"),
        ([[1, 2, 3, 4]], "nest 2 deep"),
        ([[[1, 2, 3]]], "rows of 4"),
        ([[[1, 2, 3, float("nan")]]], "NaN"),
        ([[[3, 2, 1, 4]]], "swapped"),
        ([[[1, 4, 3, 2]]], "swapped"),
        ([[[1, 2, 1, 4]]], "no area"),
        ([[[1, 2, 3, 4]], [[1, 2, 3, 4], [5, 6, 7, 8]]], "1 and 2 objects"),
    ],
)
def test_boxes_that_mean_nothing(boxes, message):
    with pytest.raises(PromptError, match=message):
        box_arrays(boxes, ONE)


def test_nothing_given():
    assert point_arrays(None, None, ONE) == box_arrays(None, ONE) == {}
