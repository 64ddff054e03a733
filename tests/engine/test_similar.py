"""Likeness by features, on embeddings whose features are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_samara.embedding import Embedding
from napari_samara.engine.similar import Example, features_of, learn, peaks, to_image
from napari_samara.errors import ImageError
from napari_samara.geometry import Frame

SHAPE = (96, 128)
FRAME = Frame(*SHAPE, 128)
GREEN, RED, BLUE = (8, 8, 24, 24), (40, 8, 56, 24), (8, 64, 24, 80)


def region(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


def embedding(places: dict[int, list[tuple[int, int, int, int]]], channels: int = 4) -> Embedding:
    """Features of stride 4, each of them 1 in some boxes, and a coarse map that says nothing."""
    fine = np.zeros((channels, 32, 32), np.float32)
    for channel, boxes in places.items():
        for row0, col0, row1, col1 in boxes:
            fine[channel, row0 // 4 : row1 // 4, col0 // 4 : col1 // 4] = 1
    coarse = np.random.default_rng(0).normal(0, 1e-4, (2, 8, 8)).astype(np.float32)
    return Embedding({"image_embeddings": coarse, "high_res_1": fine}, FRAME)


SCENE = embedding({0: [GREEN, (64, 64, 80, 80)], 1: [RED], 2: [BLUE, RED]})


def test_like_objects_are_alike_and_others_are_not() -> None:
    looks = learn([Example(SCENE, region(GREEN))])
    assert looks.of(SCENE, region(GREEN)) == pytest.approx(1, abs=1e-3)
    assert looks.of(SCENE, region((64, 64, 80, 80))) == pytest.approx(1, abs=0.02)
    assert looks.of(SCENE, region(BLUE)) < 0.3
    assert looks.of(SCENE, region((80, 100, 90, 120))) < 0.3


def test_area_counts() -> None:
    looks = learn([Example(SCENE, region(GREEN))])
    large = embedding({0: [(0, 0, 64, 64)]})
    assert looks.of(large, region((0, 0, 64, 64))) < 0.4
    assert looks.of(large, region((0, 0, 64, 64)), weight=1 / 16) > 0.9


def test_what_is_like_a_rejected_object_is_not_wanted() -> None:
    both = region(RED)  # it has a feature of the accepted ones too
    accepted = [Example(SCENE, region(BLUE))]
    assert learn(accepted).of(SCENE, both) > 0
    assert learn(accepted, [Example(SCENE, both)]).of(SCENE, both) < 0
    assert learn(accepted, [Example(SCENE, both)]).of(SCENE, region(BLUE)) > 0.9


def test_the_map_is_high_on_like_objects() -> None:
    found = learn([Example(SCENE, region(GREEN))]).similarity(SCENE)
    assert found.shape == (24, 32)
    assert found.dtype == np.float32
    assert -1 <= found.min() < found.max() <= 1
    assert found[17:19, 17:19].min() > 0.9
    assert found[11:13, 3:5].max() < 0.5  # red


def test_peaks_are_prompts_on_the_objects() -> None:
    similarity = learn([Example(SCENE, region(GREEN))]).similarity(SCENE)
    points = to_image(SCENE, peaks(similarity, 4, 0.5))
    hit = {
        box
        for box in (GREEN, (64, 64, 80, 80), RED, BLUE)
        for row, col in points
        if box[0] <= row < box[2] and box[1] <= col < box[3]
    }
    assert hit == {GREEN, (64, 64, 80, 80)}
    assert len(peaks(similarity, 4, 2.0)) == 0


def test_another_image_is_compared_with_the_same_measure() -> None:
    looks = learn([Example(SCENE, region(GREEN))])
    other = embedding({0: [BLUE], 3: [GREEN]})
    assert looks.of(other, region(BLUE)) > 0.8
    assert looks.of(other, region(GREEN)) < 0.3


def test_families_without_finer_features() -> None:
    plain = Embedding({"image_embeddings": SCENE.image}, FRAME)
    assert features_of(plain).shape == (2, 24, 32)
    assert learn([Example(plain, region(GREEN))]).of(plain, region(GREEN)) > 0.99


def test_what_is_refused() -> None:
    with pytest.raises(ImageError, match="accept"):
        learn([])
    with pytest.raises(ImageError, match="pixel"):
        learn([Example(SCENE, np.zeros(SHAPE, bool))])
    with pytest.raises(ImageError, match="shape"):
        learn([Example(SCENE, np.ones((5, 5), bool))])
    looks = learn([Example(SCENE, region(GREEN))])
    with pytest.raises(ImageError, match="another model"):
        looks.similarity(embedding({}, channels=7))
    assert looks.of(SCENE, np.zeros(SHAPE, bool)) == -1
