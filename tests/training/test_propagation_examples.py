"""Tests of the windows that the propagation network learns from."""

from __future__ import annotations

import numpy as np
import torch

from napari_samara.model.propagation_net import BEHIND, DEPTH, SIDE
from napari_samara.training import propagation_examples
from napari_samara.training.propagation_examples import PropagationExamples, examples
from napari_samara.training.volume_scenes import Scene, Volume, scene


def ball() -> Scene:
    """One bright ball of radius 12 in the middle of 40 slices."""
    grid = np.indices((40, 64, 64)) - np.reshape((20, 30, 34), (3, 1, 1, 1))
    inside = (grid**2).sum(0) <= 12**2
    return Scene(np.where(inside, 200, 50).astype(np.uint8), inside.astype(np.int32), 1.0)


def iou(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_shapes_and_values():
    found = examples(np.random.default_rng(0), scene(np.random.default_rng(1)), 12)
    assert 6 <= len(found) <= 12
    for window, inside, weight in found:
        assert window.shape == (2, DEPTH, SIDE, SIDE)
        assert inside.shape == (DEPTH, SIDE, SIDE)
        assert set(np.unique(weight)) <= {0, np.float32(0.3), 1}
        assert 0 <= inside.min() <= inside.max() <= 1
        assert set(np.unique(window[1, : BEHIND + 1].float())) <= {-1, 0, 1}
        assert (window[1, BEHIND + 1 :] == 0).all()  # what is to be found is not told
        assert (window[1, BEHIND] > 0).any()
        assert weight[BEHIND] == 1


def test_what_is_true_is_where_it_is_seen(monkeypatch):
    monkeypatch.setattr(propagation_examples, "_PAST", 0)
    monkeypatch.setattr(propagation_examples, "_OTHERWISE", 0)
    for window, inside, weight in examples(np.random.default_rng(3), ball(), 30):
        bright = window[0].float() > window[0].float().mean()
        there = weight > 0
        agree = (bright == (inside > 0.5))[there].float().mean()
        # Seen inverted in one of ten, and noise on some.
        assert agree > 0.85 or agree < 0.15
        assert iou(window[1, BEHIND] > 0, inside[BEHIND] > 0.5) > 0.6


def test_other_outlines_are_other_ones_in_all_slices(monkeypatch):
    monkeypatch.setattr(propagation_examples, "_PAST", 0)
    monkeypatch.setattr(propagation_examples, "_OTHERWISE", 1)
    told = []
    for window, inside, weight in examples(np.random.default_rng(3), ball(), 30):
        assert iou(window[1, BEHIND] > 0, inside[BEHIND] > 0.5) > 0.6
        told.append(float((inside[weight == 1] > 0.5).float().mean()))
    assert max(told) > 1.3 * min(told)


def test_behind_the_end_there_is_something_known_but_nothing_ahead(monkeypatch):
    monkeypatch.setattr(propagation_examples, "_PAST", 1)
    found = examples(np.random.default_rng(3), ball(), 30)
    assert len(found) > 15
    for window, inside, _ in found:
        assert (window[1, BEHIND] > 0).any()
        assert (inside[BEHIND + 1 :] < 0.5).all()
    assert any((inside[:BEHIND] > 0.5).any() for _, inside, _ in found)


def test_first_masks_are_shown_as_they_were_made(monkeypatch):
    monkeypatch.setattr(propagation_examples, "_BEGUN", 1)
    asked = []

    def half(pixels, boxes):
        """Find the upper two thirds of what is bright in each box."""
        asked.append(len(boxes))
        masks = []
        for row0, col0, row1, col1 in boxes:
            mask = np.zeros(pixels.shape, bool)
            low = row0 + (row1 - row0) // 3
            mask[low:row1, col0:col1] = pixels[low:row1, col0:col1] > 100
            masks.append(mask)
        return masks

    monkeypatch.setattr(propagation_examples, "_SLICES", 12)
    found = examples(np.random.default_rng(0), ball(), 40, half)
    assert len(found) > 30
    assert len(asked) > 3
    assert set(asked) == {1}
    for window, inside, _ in found:
        known, true = window[1, BEHIND] > 0, inside[BEHIND] > 0.5
        assert 0.5 < iou(known, true) < 0.85  # the rest is still to be found
        assert float((known & ~true).sum()) < 0.1 * float(known.sum())
        assert (window[1, :BEHIND] == 0).all()


def test_first_masks_that_miss_the_object_are_left_out(monkeypatch):
    monkeypatch.setattr(propagation_examples, "_BEGUN", 1)
    monkeypatch.setattr(propagation_examples, "_PAST", 0)

    def nothing(pixels, boxes):
        return [np.zeros(pixels.shape, bool) for _ in boxes]

    for window, inside, _ in examples(np.random.default_rng(0), ball(), 20, nothing):
        assert iou(window[1, BEHIND] > 0, inside[BEHIND] > 0.5) > 0.5


def test_slices_beyond_the_volume_hold_nothing_and_do_not_count():
    flat = Scene(ball().image[18:23], ball().labels[18:23], 1.0)
    for _, inside, weight in examples(np.random.default_rng(0), flat, 10):
        assert (weight == 0).sum() >= DEPTH - 5
        assert (inside[weight == 0] == 0).all()


def test_batches_follow_from_their_number():
    drawn = PropagationExamples((), 4, seed=1)
    drawn.SCENES, drawn.EACH = 2, 8
    one, next_one, again = drawn[1], drawn[2], PropagationExamples((), 4, seed=1)
    again.SCENES, again.EACH = 2, 8
    assert one.window.shape[:1] == (4,)
    assert not torch.equal(one.window, next_one.window)
    assert all(map(torch.equal, one, again[1]))


def test_scenes_of_real_volumes():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (60, 180, 190), np.uint8)
    labels = np.zeros(image.shape, np.int32)
    labels[:, 20:90, 30:90] = 3
    labels[:, 100:170, 100:170] = 3  # the same id, but another piece
    cut = [Volume(image, labels).scene(rng) for _ in range(8)]
    assert {one.step for one in cut} <= {1.0, 2.0, 3.0}
    assert len({one.image.shape for one in cut}) > 2
    for one in cut:
        assert one.image.shape == one.labels.shape
        assert np.isin(one.image, image).all()
    assert max(one.labels.max() for one in cut) == 2
    drawn = PropagationExamples([Volume(image, labels)], 4, real=1.0)
    drawn.SCENES, drawn.EACH = 1, 4
    assert drawn[0].window.shape[0] == 4


def test_a_volume_without_objects_gives_none():
    nothing = Scene(np.zeros((5, 9, 9), np.uint8), np.zeros((5, 9, 9), np.int32), 1.0)
    assert examples(np.random.default_rng(0), nothing, 5) == []
