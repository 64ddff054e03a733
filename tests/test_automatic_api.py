"""Tests of the headless verbs for all objects of an image."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_samara as samara
from napari_samara.engine.automatic_settings import AutomaticSettings
from napari_samara.errors import ImageError, SettingsError
from napari_samara.intensity import Contrast


def test_labels_and_candidates_belong_together(predictor, disks):
    settings = AutomaticSettings(points_per_side=4, score=0.0, stability=0.0, largest=1.0)
    told = []
    found = samara.find_all(
        disks.image, predictor, settings, progress=lambda *numbers: told.append(numbers)
    )
    labels = samara.segment_all(disks.image, predictor, settings)
    assert labels.dtype == np.int32
    assert labels.shape == disks.image.shape
    assert np.array_equal(labels, found.labels())
    assert found.candidates
    assert told[-1][0] == told[-1][1] == found.prompts


def test_files_presets_and_contrast(predictor, disks, tmp_path):
    tifffile.imwrite(tmp_path / "i.tif", disks.image)
    found = samara.find_all(tmp_path / "i.tif", predictor, "few large")
    assert found.settings == AutomaticSettings.preset("few large")
    settings = AutomaticSettings(points_per_side=2)
    seen = samara.find_all(disks.image, predictor, settings, contrast=Contrast("minmax"))
    assert seen.shape == disks.image.shape


@pytest.mark.parametrize(
    ("image", "settings", "error", "words"),
    [
        (np.zeros((8, 9)), "nuclei", SettingsError, "one of cells"),
        (np.zeros((8, 9)), 3, SettingsError, "name of a preset, got 3"),
        (np.zeros((4, 8, 9)), None, ImageError, "9 channels"),
        (np.zeros((0, 9)), None, ImageError, "empty"),
    ],
)
def test_errors_say_what_to_do(predictor, image, settings, error, words):
    with pytest.raises(error, match=words):
        samara.segment_all(image, predictor, settings)


def test_unknown_options_are_refused(predictor):
    with pytest.raises(TypeError, match="threshold"):
        samara.segment_all(np.zeros((8, 9)), predictor, threshold=3)
