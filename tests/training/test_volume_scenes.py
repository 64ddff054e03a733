"""Tests of the volumes that the propagation network learns from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_samara.training.volume_fields import SHAPE, smooth_noise
from napari_samara.training.volume_organs import _draw_tubes, organs
from napari_samara.training.volume_scenes import _cells, _nuclei, scene


def test_the_same_seed_gives_the_same_volume():
    one, same, other = (scene(np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(one.image, same.image)
    assert np.array_equal(one.labels, same.labels)
    assert not np.array_equal(one.image, other.image)


@pytest.mark.parametrize("seed", range(6))
def test_objects_are_in_one_piece_each(seed: int):
    made = scene(np.random.default_rng(seed))
    assert made.image.shape == made.labels.shape == SHAPE
    assert (made.image.dtype, made.labels.dtype) == (np.uint8, np.int32)
    assert made.step >= 1
    assert made.image.std() > 3
    assert made.labels.max() >= 5
    for number, window in enumerate(ndimage.find_objects(made.labels), start=1):
        assert ndimage.label(made.labels[window] == number)[1] == 1


def inside_and_around(image: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    core = ndimage.binary_erosion(labels > 0, np.ones((1, 3, 3)))
    around = ~ndimage.binary_dilation(labels > 0, np.ones((1, 3, 3)))
    return float(image[core].mean()), float(image[around].mean())


def test_nuclei_differ_from_the_ground():
    told = []
    for seed in range(4):
        image, labels, _ = _nuclei(np.random.default_rng(seed))
        inside, around = inside_and_around(image, labels)
        told.append(abs(inside - around))
    assert min(told) > 10


def test_cells_have_walls():
    image, labels, _ = _cells(np.random.default_rng(1))
    edge = labels[:, 1:] != labels[:, :-1]
    walls, rest = image[:, 1:][edge].mean(), image[:, 1:][~edge].mean()
    assert abs(float(walls) - float(rest)) > 20
    assert len(np.unique(labels)) > 8


def testorgans_fill_the_volume():
    _, labels, _ = organs(np.random.default_rng(2))
    assert (labels > 0).all()
    assert len(np.unique(labels)) > 8


def test_noise_is_as_smooth_as_it_is_asked_for():
    rng = np.random.default_rng(0)
    rough, smooth = smooth_noise(rng, (1, 1, 1)), smooth_noise(rng, (1, 1, 20))
    assert rough.shape == SHAPE
    assert 0.5 < smooth.std() < 1.5

    def change(field: np.ndarray, axis: int) -> float:
        return float(np.abs(np.diff(field, axis=axis)).mean())

    assert change(smooth, 2) < 0.2 * change(smooth, 1)
    assert change(rough, 2) > 0.5 * change(rough, 1)


@pytest.mark.parametrize("seed", range(5))
def test_tubes_run_on_from_slice_to_slice(seed: int):
    labels = np.zeros(SHAPE, np.int32)
    _draw_tubes(np.random.default_rng(seed), labels, 1.0)
    assert labels.max() >= 1
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is not None and number == labels.max():  # the last one is covered by none
            assert ndimage.label(labels[window] == number, np.ones((3, 3, 3)))[1] == 1
            assert window[0].stop - window[0].start > 2
