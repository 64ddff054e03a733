"""The generated volume: its truth fits what is seen, and it is the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_samara.training.volume_phantoms import SHAPE, VolumePhantom, nuclei_phantom


@pytest.fixture(scope="module")
def made() -> VolumePhantom:
    return nuclei_phantom()


def test_the_same_seed_gives_the_same(made: VolumePhantom) -> None:
    again, other = nuclei_phantom(), nuclei_phantom(1)
    assert np.array_equal(again.image, made.image)
    assert np.array_equal(again.labels, made.labels)
    assert not np.array_equal(other.labels, made.labels)


def test_each_nucleus_is_one_piece_in_many_slices(made: VolumePhantom) -> None:
    labels = made.labels
    assert labels.shape == made.image.shape == SHAPE
    count = int(labels.max())
    assert count >= 30
    assert np.array_equal(np.unique(labels), np.arange(count + 1))
    for label, window in enumerate(ndimage.find_objects(labels), start=1):
        assert ndimage.label(labels[window] == label)[1] == 1
    depths = [window[0].stop - window[0].start for window in ndimage.find_objects(labels)]
    assert np.median(depths) >= 8


def test_nuclei_are_brighter_than_what_is_around_them(made: VolumePhantom) -> None:
    means = ndimage.mean(made.image, made.labels, np.arange(1, made.labels.max() + 1))
    assert (means > 1.5 * made.image[made.labels == 0].mean()).all()


def test_it_is_dimmer_in_the_depth(made: VolumePhantom) -> None:
    inside = made.labels > 0
    first, last = (
        np.mean(made.image[part][inside[part]]) for part in (slice(0, 10), slice(-10, None))
    )
    assert last < 0.9 * first
