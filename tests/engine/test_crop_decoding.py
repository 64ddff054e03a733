"""Headless decoding in crops: each mask is what the model says of its crop alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_samara.engine.crop_decoding import Asked, CropEncoder, masks_by_crop, whole_mask
from napari_samara.engine.crops import CropChoice
from napari_samara.engine.segmentation import segment_objects
from napari_samara.intensity import Contrast, to_rgb
from napari_samara.masks import Mask
from napari_samara.prompts import PromptInputs, PromptSet, box, point
from napari_samara.session import Session
from napari_samara.settings import PredictSettings, SegmentSettings

if TYPE_CHECKING:
    from tests.conftest import Disks

    from napari_samara.engine.predictor import Predictor

FIXED = CropChoice("fixed", (10, 20, 74, 90))


def test_a_mask_is_that_of_its_crop(predictor: Predictor, disks: Disks) -> None:
    encoder = CropEncoder(predictor, disks.image, Contrast())
    given = PromptInputs.of(box=(30, 40, 50, 60))
    [(name, cut, where)] = masks_by_crop(encoder, [Asked("a", given)], FIXED, PredictSettings())
    alone = predictor.predict(predictor.embed(disks.image[10:74, 20:90]), box=(20, 20, 40, 40))[0]
    found = whole_mask(cut, where, disks.image.shape)
    assert name == "a"
    assert np.array_equal(found.data[10:74, 20:90], alone.data)
    assert found.area == alone.area
    assert found.score == pytest.approx(alone.score, abs=1e-5)
    assert encoder.count == 1
    assert encoder.seconds > 0


def test_the_contrast_is_that_of_the_plane(predictor: Predictor, disks: Disks) -> None:
    image = disks.image.astype(np.uint16) * 7
    image[100:] = 60000
    crop = (10, 20, 74, 90)
    encoder = CropEncoder(predictor, image, Contrast())
    whole = CropEncoder(predictor, image, Contrast()).predictor.embed(image)
    part = encoder.encode(crop)
    expected = predictor.embed(to_rgb(image)[10:74, 20:90])
    assert np.array_equal(part.image, expected.image)
    assert encoder.encode(None).key == whole.key


def test_objects_of_one_crop_share_it(predictor: Predictor, disks: Disks) -> None:
    encoder = CropEncoder(predictor, disks.image, Contrast())
    asked = [Asked(at, PromptInputs.of([(30 + at, 40)])) for at in range(5)]
    found = list(masks_by_crop(encoder, asked, FIXED, PredictSettings()))
    assert sorted(item for item, _, _ in found) == list(range(5))
    assert encoder.count == 1


def test_nothing_found_is_an_empty_mask() -> None:
    found = whole_mask(Mask(np.zeros((1, 1), bool), 0.25), None, (5, 6))
    assert found.data.shape == (5, 6)
    assert found.area == 0
    assert found.score == 0.25


@pytest.mark.parametrize("crop", ["whole", "object"])
def test_a_session_and_segment_agree(predictor: Predictor, disks: Disks, crop: str) -> None:
    prompts = PromptSet.from_objects({1: [box(30, 40, 50, 60)], 2: [point(90, 100)]})
    settings = SegmentSettings(overlap="first", crop=crop)
    found = segment_objects(predictor, disks.image, prompts, settings)
    session = Session(disks.image, predictor)
    session.crop = crop
    for one, result in zip(session.many(prompts), found.objects, strict=True):
        assert one.score == pytest.approx(result.score, abs=1e-5)
        assert one.box == (result.box or (0, 0, 0, 0))
    session.close()
